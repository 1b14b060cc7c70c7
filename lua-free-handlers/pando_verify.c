/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Our own answers against the shapes that were promised for them.
 *
 * For tests: an answer that PostgreSQL built was never looked at by the
 * worker that sent it.  Read-only members are welcome here and required ones
 * among them must be there; nothing is filled in.
 */

#include "pando_shape.h"


static void verify_items(const pando_shape_t *shape, json_t *tree, bool page,
    pando_faults_t *f);


int
pando_shape_verify(const pando_shape_t *shape, const char *text, size_t len,
    pando_faults_t *faults)
{
    int      rc;
    void    *row;
    json_t  *tree;

    rc = pando_json_load(text, len, faults->mem, &tree, faults);

    if (rc != 0) {
        return rc;
    }

    if (shape->paged) {
        verify_items(shape, tree, false, faults);
        rc = pando_faults_status(faults);
    } else {
        rc = pando_walk_object(shape, tree, faults, &row, true, false);
    }

    json_decref(tree);
    return rc;
}


int
pando_page_verify(const pando_shape_t *item, const char *text, size_t len,
    pando_faults_t *faults)
{
    int      rc;
    json_t  *tree;

    rc = pando_json_load(text, len, faults->mem, &tree, faults);

    if (rc != 0) {
        return rc;
    }

    verify_items(item, tree, true, faults);
    json_decref(tree);

    return pando_faults_status(faults);
}


/* {"data":[...]}, and "next" too where it is a page of more. */

static void
verify_items(const pando_shape_t *shape, json_t *tree, bool page,
    pando_faults_t *f)
{
    void           *row;
    size_t          i;
    json_t         *item, *data = json_object_get(tree, "data");
    json_t         *next = json_object_get(tree, "next");
    pando_place_t   in_data, place;

    if (!json_is_array(data) || json_object_size(tree) != (page ? 2 : 1)
        || (page && !json_is_string(next) && !json_is_null(next)))
    {
        pando_fault(f, "wrong_type", "must be an object of data%s",
                    page ? " and next" : "");
        return;
    }

    pando_enter(f, &in_data, "data");

    json_array_foreach(data, i, item) {
        pando_enter_item(f, &place, i);
        (void) pando_walk_object(shape, item, f, &row, true, false);
        pando_leave_place(f);
    }

    pando_leave_place(f);
}
