/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Shapes: a JSON document into the struct that its shape describes.
 *
 * All that is wrong is found in one walk over the shape's fields, so faults
 * come in the order of the table.  Objects are closed unless the shape is
 * open.  The walk recurses with the document, whose depth has been settled
 * before (pando_json.c); a row is complete only when there was no fault, and
 * a .check sees only objects whose members are all right.
 */

#include "pando_shape.h"


typedef struct {
    pando_faults_t  *f;
    bool             answer;        /* read-only members are welcome */
} walk_t;


static void take_object(walk_t *w, const pando_shape_t *shape, json_t *tree,
    char *row, bool patch);
static void take_member(walk_t *w, const pando_field_t *field,
    json_t *value, char *row, bool patch);
static void take_value(walk_t *w, const pando_field_t *field, json_t *value,
    void *dst, bool patch);
static void take_item(walk_t *w, pando_slot_t slot, json_t *value, void *dst);
static void take_list(walk_t *w, const pando_field_t *field, json_t *value,
    pando_list_t *list);
static void absent(walk_t *w, const pando_field_t *field, char *row,
    bool patch);
static void unknown_members(pando_faults_t *f, const pando_shape_t *shape,
    json_t *tree);
static bool is_known(const pando_shape_t *shape, const char *name);


int
pando_shape_parse(const pando_shape_t *shape, const char *text, size_t len,
    pando_mem_t *mem, void **row, json_t **tree, pando_faults_t *faults)
{
    faults->mem = mem;

    return pando_load_and_walk(shape, text, len, row, tree, faults, false);
}


int
pando_shape_take(const pando_shape_t *shape, json_t *tree, pando_mem_t *mem,
    void **row, pando_faults_t *faults)
{
    faults->mem = mem;

    return pando_walk_object(shape, tree, faults, row, false, false);
}


bool
pando_given(const pando_shape_t *shape, const void *row, size_t at)
{
    unsigned              n;
    const pando_given_t  *given = row;

    for (n = 0; shape->given && shape->fields[n].name != NULL; n++) {
        if (shape->fields[n].at == at) {
            return given->given >> n & 1;
        }
    }

    return false;
}


int
pando_load_and_walk(const pando_shape_t *shape, const char *text,
    size_t len, void **row, json_t **tree, pando_faults_t *f, bool patch)
{
    int      rc;
    json_t  *mine;

    *row = NULL;

    rc = pando_json_load(text, len, f->mem, &mine, f);

    if (rc == 0) {
        rc = pando_walk_object(shape, mine, f, row, false, patch);
    }

    if (tree != NULL) {
        *tree = rc == 0 ? mine : NULL;
    }

    if (rc != 0) {
        json_decref(mine);
        *row = NULL;

    } else if (tree == NULL && !f->trees) {
        json_decref(mine);
    }

    return rc;
}


int
pando_walk_object(const pando_shape_t *shape, json_t *tree,
    pando_faults_t *f, void **row, bool answer, bool patch)
{
    walk_t  w = { .f = f, .answer = answer };

    *row = pando_mem_alloc(f->mem, shape->size);

    if (*row == NULL) {
        f->no_memory = true;
        return 500;
    }

    take_object(&w, shape, tree, *row, patch);

    return pando_faults_status(f);
}


static void
take_object(walk_t *w, const pando_shape_t *shape, json_t *tree, char *row,
    bool patch)
{
    size_t                n, known = 0, before = w->f->total;
    json_t               *value;
    pando_given_t         given = { 0, 0 };
    const pando_field_t  *field = shape->fields;

    if (!json_is_object(tree)) {
        pando_fault(w->f, "wrong_type", "must be an object");
        return;
    }

    patch |= shape->patch;

    for (n = 0; field[n].name != NULL; n++) {
        value = json_object_get(tree, field[n].name);

        if (value == NULL) {
            absent(w, &field[n], row, patch);
            continue;
        }

        known++;

        take_member(w, &field[n], value, row, patch);

        if (n < 64) {
            given.given |= UINT64_C(1) << n;
            given.nulls |= (uint64_t) json_is_null(value) << n;
        }
    }

    if (shape->given) {
        *(pando_given_t *) (void *) row = given;
    }

    if (known < json_object_size(tree) && !shape->open) {
        unknown_members(w->f, shape, tree);
    }

    if (shape->check != NULL && w->f->total == before) {
        shape->check(row, w->f);
    }
}


static void
take_member(walk_t *w, const pando_field_t *field, json_t *value, char *row,
    bool patch)
{
    pando_place_t  place;

    pando_enter(w->f, &place, field->name);

    if (field->read_only && !w->answer) {
        pando_fault(w->f, "read_only", "is read-only");

    } else if (!json_is_null(value)) {
        take_value(w, field, value, row + field->at, patch);

    } else if (!field->nullable) {
        pando_fault(w->f, "null_not_allowed", "must not be null");
    }

    pando_leave_place(w->f);
}


static void
take_value(walk_t *w, const pando_field_t *field, json_t *value, void *dst,
    bool patch)
{
    pando_slot_t  slot = { field, field->is, false };

    if (field->is == PANDO_IS_OBJECT) {
        take_object(w, field->shape, value, dst, patch);

    } else if (field->is == PANDO_IS_LIST) {
        take_list(w, field, value, dst);

    } else {
        take_item(w, slot, value, dst);
    }
}


static void
take_item(walk_t *w, pando_slot_t slot, json_t *value, void *dst)
{
    if (json_is_null(value)) {
        pando_fault(w->f, "null_not_allowed", "must not be null");
        return;
    }

    switch (slot.is) {

    case PANDO_IS_MONEY:
    case PANDO_IS_WORDS:
    case PANDO_IS_TREE:
        pando_take_compound(w->f, slot, value, dst);
        break;

    default:
        pando_take_scalar(w->f, slot, value, dst);
    }
}


/* A list is replaced whole, so its items are whole in a patch too. */

static void
take_list(walk_t *w, const pando_field_t *field, json_t *value,
    pando_list_t *list)
{
    size_t         i, size, before = w->f->total;
    json_t        *item;
    pando_is_t     is = field->shape ? PANDO_IS_OBJECT : field->item;
    pando_slot_t   slot = { field, is, true };
    pando_place_t  place;

    if (!json_is_array(value)) {
        pando_fault(w->f, "wrong_type", "must be a list");
        return;
    }

    size = pando_kind_size(is, field->shape);

    if (!pando_list_room(w->f, field, json_array_size(value), size, list)) {
        return;
    }

    json_array_foreach(value, i, item) {
        pando_enter_item(w->f, &place, i);

        if (is == PANDO_IS_OBJECT) {
            take_object(w, field->shape, item,
                        (char *) list->items + i * size, false);
        } else {
            take_item(w, slot, item, (char *) list->items + i * size);
        }

        pando_leave_place(w->f);
    }

    if (field->unique && w->f->total == before) {
        pando_list_unique(w->f, is, list, value);
    }
}


/* Room for n items, where so many are allowed. */

bool
pando_list_room(pando_faults_t *f, const pando_field_t *field, size_t n,
    size_t size, pando_list_t *list)
{
    pando_range_t  range = pando_field_range(field, PANDO_IS_LIST, false);

    if (range.has_min && n < (uint64_t) range.min) {
        pando_fault(f, "too_few", "must have at least %lld item%s",
                    (long long) range.min, range.min == 1 ? "" : "s");
        return false;
    }

    if (range.has_max && n > (uint64_t) range.max) {
        pando_fault(f, "too_many", "must have at most %lld item%s",
                    (long long) range.max, range.max == 1 ? "" : "s");
        return false;
    }

    if (n > 0) {
        list->items = pando_mem_alloc(f->mem, n * size);

        if (list->items == NULL) {
            f->no_memory = true;
            return false;
        }
    }

    list->n = n;
    return true;
}


static void
absent(walk_t *w, const pando_field_t *field, char *row, bool patch)
{
    pando_place_t  place;

    if (patch) {
        return;
    }

    if (field->required && (w->answer || !field->read_only)) {
        pando_enter(w->f, &place, field->name);
        pando_fault(w->f, "missing", "is required");
        pando_leave_place(w->f);
        return;
    }

    if (field->otherwise != NULL && !w->answer) {
        pando_take_default(w->f, field, row);
    }
}


/* Written in the table as JSON, and known to be right (pando_sound.c). */

void
pando_take_default(pando_faults_t *f, const pando_field_t *field, void *row)
{
    walk_t         w = { .f = f, .answer = true };
    json_t        *value;
    pando_place_t  place;

    value = json_loads(field->otherwise, JSON_DECODE_ANY, NULL);

    if (value == NULL) {
        f->no_memory = true;
        return;
    }

    pando_enter(f, &place, field->name);

    if (!json_is_null(value)) {
        take_value(&w, field, value, (char *) row + field->at, false);
    }

    pando_leave_place(f);

    if (field->is != PANDO_IS_TREE) {
        json_decref(value);
    }
}


static void
unknown_members(pando_faults_t *f, const pando_shape_t *shape, json_t *tree)
{
    json_t         *value;
    const char     *name;
    pando_place_t   place;

    json_object_foreach(tree, name, value) {
        if (!is_known(shape, name)) {
            pando_enter(f, &place, name);
            pando_fault(f, "unknown_member", "is not known here");
            pando_leave_place(f);
        }
    }
}


static bool
is_known(const pando_shape_t *shape, const char *name)
{
    const pando_field_t  *field;

    for (field = shape->fields; field->name != NULL; field++) {
        if (strcmp(field->name, name) == 0) {
            return true;
        }
    }

    return false;
}
