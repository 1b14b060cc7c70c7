/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Query strings: ?a=b&c=d into the struct of a shape, as bodies are.
 *
 * A string that cannot be decoded is 400.  One that can be, but names a
 * parameter that is not there or gives it a wrong value, is 422 with the
 * pointer "?name": it was understood, so it deserves the list of all that
 * is wrong with it, as a body does.  A list is given by repeating its name
 * or by commas; %2C is a comma inside an item.
 */

#include <errno.h>
#include <stdlib.h>

#include "pando_shape.h"


#define CURSOR_MAX  2048


static void take_shape(pando_params_t *p, const pando_shape_t *shape,
    char *row);
static void take_list(pando_params_t *p, const pando_field_t *field,
    pando_list_t *list);
static char *take_items(pando_params_t *p, const pando_field_t *field,
    const pando_param_t *param, char *dst);
static void take_value(pando_faults_t *f, pando_slot_t slot, const char *s,
    size_t len, void *dst);
static void take_page(pando_params_t *p, pando_page_args_t *page);
static void take_cursor(pando_params_t *p, pando_page_args_t *page);
static void take_sort(pando_params_t *p, pando_page_args_t *page);
static void enter(pando_faults_t *f, pando_place_t *place, const char *name);


int
pando_query_parse(const pando_shape_t *shape, const char *args, size_t len,
    pando_mem_t *mem, void **row, pando_page_args_t *page,
    pando_faults_t *faults)
{
    int            rc;
    size_t         i;
    pando_params_t       p = { .f = faults };
    pando_place_t  place;

    faults->mem = mem;
    rc = pando_params_split(&p, args, len);

    if (rc != 0) {
        return rc;
    }

    if (page != NULL) {
        take_page(&p, page);
    }

    if (shape != NULL) {
        *row = pando_mem_alloc(mem, shape->size);

        if (*row == NULL) {
            faults->no_memory = true;
            return 500;
        }

        take_shape(&p, shape, *row);
    }

    for (i = 0; i < p.n; i++) {
        if (!p.params[i].known) {
            enter(faults, &place, p.params[i].name);
            pando_fault(faults, "unknown_member", "is no parameter here");
            pando_leave_place(faults);
        }
    }

    return pando_faults_status(faults);
}


static void
take_shape(pando_params_t *p, const pando_shape_t *shape, char *row)
{
    size_t                n, before = p->f->total;
    pando_param_t              *param;
    pando_given_t         given = { 0, 0 };
    pando_place_t         place;
    const pando_field_t  *field;

    for (n = 0; shape->fields[n].name != NULL; n++) {
        field = &shape->fields[n];
        enter(p->f, &place, field->name);

        if (pando_params_find(p, field->name, &param) > 0) {
            given.given |= n < 64 ? UINT64_C(1) << n : 0;

            if (field->is == PANDO_IS_LIST) {
                take_list(p, field, (void *) (row + field->at));

            } else if (pando_params_only(p, field->name) != NULL) {
                take_value(p->f, (pando_slot_t) { field, field->is, false },
                           param->value, param->len, row + field->at);
            }

        } else if (field->required) {
            pando_fault(p->f, "missing", "is required");

        } else if (field->otherwise != NULL) {
            pando_take_default(p->f, field, row);
        }

        pando_leave_place(p->f);
    }

    if (shape->given) {
        *(pando_given_t *) (void *) row = given;
    }

    if (shape->check != NULL && p->f->total == before) {
        shape->check(row, p->f);
    }
}


/* ?tags= is an empty list. */

static void
take_list(pando_params_t *p, const pando_field_t *field, pando_list_t *list)
{
    char    *dst;
    size_t   i, k, n = 0;

    for (i = 0; i < p->n; i++) {
        if (strcmp(p->params[i].name, field->name) != 0) {
            continue;
        }

        n += p->params[i].raw_len > 0;

        for (k = 0; k < p->params[i].raw_len; k++) {
            n += p->params[i].raw[k] == ',';
        }
    }

    if (!pando_list_room(p->f, field, n,
                         pando_kind_size(field->item, NULL), list))
    {
        return;
    }

    dst = list->items;

    for (i = 0; i < p->n; i++) {
        if (strcmp(p->params[i].name, field->name) == 0
            && p->params[i].raw_len > 0)
        {
            dst = take_items(p, field, &p->params[i], dst);
        }
    }
}


static char *
take_items(pando_params_t *p, const pando_field_t *field,
    const pando_param_t *param, char *dst)
{
    char          *text;
    size_t         size, len;
    const char    *s, *end = param->raw + param->raw_len;
    pando_slot_t   slot = { field, field->item, true };

    for (s = param->raw; s <= end; s += size + 1) {
        for (size = 0; s + size < end && s[size] != ','; size++) {
            /* void */
        }

        text = pando_params_decode(p->f, s, size, &len);

        if (text != NULL) {
            take_value(p->f, slot, text, len, dst);
        }

        dst += pando_kind_size(field->item, NULL);
    }

    return dst;
}


static bool
read_int(const char *s, size_t len, int64_t *v)
{
    char   *end;
    size_t  digits = len > 0 && s[0] == '-' ? len - 1 : len;

    if (digits == 0 || strspn(s + len - digits, "0123456789") != digits) {
        return false;
    }

    errno = 0;
    *v = strtoll(s, &end, 10);

    return errno == 0;
}


static void
take_value(pando_faults_t *f, pando_slot_t slot, const char *s, size_t len,
    void *dst)
{
    json_t   *number;
    int64_t   integer;

    switch (slot.is) {

    case PANDO_IS_INT:
        if (read_int(s, len, &integer)) {
            pando_take_int(f, slot, integer, dst);
            return;
        }

        break;

    case PANDO_IS_NUMBER:
        number = json_loadb(s, len, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL,
                            NULL);

        if (json_is_real(number)) {
            pando_take_number(f, slot, json_real_value(number), dst);
            json_decref(number);
            return;
        }

        json_decref(number);
        break;

    case PANDO_IS_BOOL:
        if (strcmp(s, "true") == 0 || strcmp(s, "false") == 0) {
            *(bool *) dst = s[0] == 't';
            return;
        }

        break;

    default:
        pando_take_text(f, slot, s, len, dst);
        return;
    }

    pando_fault(f, "wrong_type", "must be %s", pando_kind_says(slot.is));
}


static void
take_page(pando_params_t *p, pando_page_args_t *page)
{
    const pando_param_t  *param;
    pando_place_t   place;

    static const pando_field_t  limit = {
        .is = PANDO_IS_INT, .name = "limit", .min = 1,
        .max = PANDO_PAGE_LIMIT_MAX
    };

    page->limit = PANDO_PAGE_LIMIT;
    page->cursor = NULL;
    page->sort = NULL;
    page->by = page->pages != NULL ? page->pages->sorts : NULL;

    enter(p->f, &place, "limit");
    param = pando_params_only(p, "limit");

    if (param != NULL) {
        take_value(p->f, (pando_slot_t) { &limit, PANDO_IS_INT, false },
                   param->value, param->len, &page->limit);
    }

    pando_leave_place(p->f);

    enter(p->f, &place, "cursor");
    take_cursor(p, page);
    pando_leave_place(p->f);

    if (page->pages != NULL) {
        enter(p->f, &place, "sort");
        take_sort(p, page);
        pando_leave_place(p->f);
    }
}


/* Sealed by us: here only what cannot be one is told apart. */

static void
take_cursor(pando_params_t *p, pando_page_args_t *page)
{
    const pando_param_t  *param = pando_params_only(p, "cursor");

    if (param == NULL) {
        return;
    }

    if (param->len == 0 || param->len > CURSOR_MAX
        || strspn(param->value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                  "abcdefghijklmnopqrstuvwxyz0123456789-_.~=") != param->len)
    {
        pando_fault(p->f, "bad_format",
                    "must be the \"next\" of the page before");
        return;
    }

    page->cursor = param->value;
}


static void
take_sort(pando_params_t *p, pando_page_args_t *page)
{
    unsigned              i;
    const pando_param_t        *param = pando_params_only(p, "sort");
    const pando_pages_t  *pages = page->pages;

    if (param == NULL) {
        return;
    }

    for (i = 0; i < pages->nsorts; i++) {
        if (strcmp(pages->sorts[i].sort, param->value) == 0) {
            page->sort = param->value;
            page->by = &pages->sorts[i];
            return;
        }
    }

    pando_fault(p->f, "not_one_of", "is no order that this list is kept in");
}


static void
enter(pando_faults_t *f, pando_place_t *place, const char *name)
{
    pando_enter(f, place, name);
    place->lead = '?';
}
