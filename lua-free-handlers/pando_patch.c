/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Merge patches (RFC 7396).
 *
 * A patch is checked against a shape as a body is, with two differences:
 * nothing is required, in the object or in objects below it, and no default
 * is filled in, since what is absent stays as it was.  null says that a
 * member goes, so it is taken only where the field is nullable.  A list is
 * replaced whole, and its items are checked as whole ones.
 */

#include "pando_shape.h"


static json_t *merge(json_t *target, json_t *patch, unsigned depth);
static int merge_member(json_t *into, const char *name, json_t *value,
    unsigned depth);


json_t *
pando_patch_merge(json_t *target, json_t *patch)
{
    return merge(target, patch, 0);
}


/* Neither of the two is changed: objects are copied where they are merged. */

static json_t *
merge(json_t *target, json_t *patch, unsigned depth)
{
    json_t      *into, *value;
    const char  *name;

    if (depth > PANDO_DEPTH) {
        return NULL;
    }

    if (!json_is_object(patch)) {
        return json_incref(patch);
    }

    into = json_is_object(target) ? json_copy(target) : json_object();

    if (into == NULL) {
        return NULL;
    }

    json_object_foreach(patch, name, value) {
        if (merge_member(into, name, value, depth) != 0) {
            json_decref(into);
            return NULL;
        }
    }

    return into;
}


static int
merge_member(json_t *into, const char *name, json_t *value, unsigned depth)
{
    json_t  *merged;

    if (json_is_null(value)) {
        (void) json_object_del(into, name);
        return 0;
    }

    merged = merge(json_object_get(into, name), value, depth + 1);

    return merged != NULL ? json_object_set_new(into, name, merged) : -1;
}


int
pando_patch_parse(const pando_shape_t *shape, const char *text, size_t len,
    pando_mem_t *mem, void **row, json_t **tree, pando_faults_t *faults)
{
    faults->mem = mem;

    return pando_load_and_walk(shape, text, len, row, tree, faults, true);
}
