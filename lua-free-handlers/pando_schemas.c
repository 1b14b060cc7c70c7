/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Which shapes a shape is made of, and the set of all that were met: the
 * components of a document.
 *
 * A shape has one name in the document; in a merge patch the objects below
 * it are patches too, and those of a shape that is none itself get a name of
 * their own.  Two shapes of one name are a clash, which is for the caller to
 * report: a document that holds one of them in place of the other is wrong.
 */

#include "pando_shape.h"


static void walk(const pando_shape_t *shape, bool patch,
    pando_schema_fn_t fn, void *ctx, unsigned depth);
static bool meet(void *ctx, const pando_shape_t *shape, bool patch);
static bool make_room(pando_schemas_t *set);


const char *
pando_schema_name(const pando_shape_t *shape, bool patch, pando_mem_t *mem)
{
    char    *name;
    size_t   len = strlen(shape->name);

    if (!patch || shape->patch) {
        return shape->name;
    }

    name = pando_mem_alloc(mem, len + sizeof("Patch"));

    if (name != NULL) {
        memcpy(name, shape->name, len);
        memcpy(name + len, "Patch", sizeof("Patch"));
    }

    return name;
}


void
pando_schema_walk(const pando_shape_t *shape, bool patch,
    pando_schema_fn_t fn, void *ctx)
{
    walk(shape, patch, fn, ctx, 0);
}


static void
walk(const pando_shape_t *shape, bool patch, pando_schema_fn_t fn, void *ctx,
    unsigned depth)
{
    const pando_field_t  *field;

    patch |= shape->patch;

    if (depth > PANDO_DEPTH || !fn(ctx, shape, patch)) {
        return;
    }

    for (field = shape->fields; field->name != NULL; field++) {
        if (field->shape != NULL) {
            walk(field->shape, patch && field->is == PANDO_IS_OBJECT, fn, ctx,
                 depth + 1);
        }
    }
}


void
pando_schemas_add(pando_schemas_t *set, const pando_shape_t *shape,
    bool patch)
{
    walk(shape, patch, meet, set, 0);
}


static bool
meet(void *ctx, const pando_shape_t *shape, bool patch)
{
    size_t            i;
    const char       *name;
    pando_schemas_t  *set = ctx;

    for (i = 0; i < set->n; i++) {
        if (set->met[i].shape == shape && set->met[i].patch == patch) {
            return false;
        }
    }

    if (shape->name == NULL) {
        set->clash = "";
        return false;
    }

    name = pando_schema_name(shape, patch, set->mem);

    if (name == NULL || !make_room(set)) {
        return false;
    }

    for (i = 0; i < set->n; i++) {
        if (strcmp(set->met[i].name, name) == 0) {
            set->clash = name;
        }
    }

    if (strcmp(name, "Money") == 0 || strcmp(name, "Words") == 0) {
        set->clash = name;
    }

    set->met[set->n++] = (pando_schema_met_t) { shape, patch, name };

    return true;
}


static bool
make_room(pando_schemas_t *set)
{
    size_t               room = set->room ? set->room * 2 : 32;
    pando_schema_met_t  *met;

    if (set->n < set->room) {
        return true;
    }

    met = pando_mem_alloc(set->mem, room * sizeof(*met));

    if (met == NULL) {
        return false;
    }

    if (set->n > 0) {
        memcpy(met, set->met, set->n * sizeof(*met));
    }

    set->met = met;
    set->room = room;

    return true;
}


void
pando_schemas_write(const pando_schemas_t *set, pando_out_t *out)
{
    size_t  i;

    for (i = 0; i < set->n; i++) {
        pando_out_raw(out, i ? "," : "");
        pando_out_text(out, set->met[i].name);
        pando_out_char(out, ':');
        pando_schema_write(set->met[i].shape, set->met[i].patch, out);
    }
}
