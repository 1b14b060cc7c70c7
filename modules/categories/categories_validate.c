/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Categories: whether a subject may be filed in a category with these values.
 *
 * A form asks over HTTP before it saves, the domain that owns the subject
 * asks by call when it does.  That values are not as asked for is an answer
 * and no failure; that nothing is to be filed there is one.
 */

#include "categories.h"
#include "categories_api.h"
#include "categories_values.h"


static pando_reply_t validate(pando_req_t *rq);


static const pando_problem_t
unknown = {
    .status = 422, .code = "category_unknown", .pointer = "/category_id",
    .text = "there is no such category"
},
retired = {
    .status = 422, .code = "category_deprecated", .pointer = "/category_id",
    .text = "the category is deprecated, and takes no new subjects"
},
no_object = {
    .status = 422, .code = "values_malformed", .pointer = "/values",
    .text = "must be an object of values by key"
},
no_leaf = {
    .status = 422, .code = "category_not_leaf", .pointer = "/category_id",
    .text = "only categories without children take subjects here"
};


const pando_route_t  categories_validate[] = {

    { PANDO_POST, "/categories/validate", validate,
      "Check the values of a subject before it is filed",
      .scope = "categories:read", .takes = &categories_validate_in,
      .status = 200, .gives = &categories_verdict, .trips = 1,
      .fails = { &unknown, &retired, &no_leaf, &no_object },
      .note = "that values do not fit is an answer and no failure: errors "
              "tells of each" },

    PANDO_END
};


/*
 * The verdict, and all that is wrong at once.
 */

void
categories_check(pando_req_t *rq, pando_uuid_t id, const json_t *values,
    categories_verdict_t *out)
{
    json_t              *errors = json_array();
    categories_asked_t  *row = categories_sql_asked(pando_auto(rq), id);

    *out = (categories_verdict_t) {
        .category_id = id, .verdict = CATEGORIES_NO_CATEGORY
    };

    if (row == NULL) {
        return;
    }

    if (strcmp(row->status, "deprecated") == 0) {
        out->verdict = CATEGORIES_RETIRED;
        out->replaced_by = row->replaced_by;
        return;
    }

    if (row->not_leaf) {
        out->verdict = CATEGORIES_NO_LEAF;
        return;
    }

    out->values = categories_values(json_loads(row->attributes, 0, NULL),
                                    values, errors);
    out->errors = errors;
    out->verdict = json_array_size(errors) ? CATEGORIES_FITS_NOT
                                           : CATEGORIES_FITS;
}


static pando_reply_t
validate(pando_req_t *rq)
{
    const categories_validate_in_t  *in = pando_body(rq);
    categories_verdict_t             out;

    if (!json_is_object(in->values)) {
        return pando_fail(rq, &no_object);
    }

    categories_check(rq, in->category_id, in->values, &out);

    switch (out.verdict) {

    case CATEGORIES_NO_CATEGORY:
        return pando_fail(rq, &unknown);

    case CATEGORIES_NO_LEAF:
        return pando_fail(rq, &no_leaf);

    case CATEGORIES_RETIRED:
        if (!pando_uuid_is_nil(out.replaced_by)) {
            pando_fail_note(rq, "replaced_by",
                            pando_uuid_text(rq, out.replaced_by));
        }

        return pando_fail(rq, &retired);

    default:
        return pando_reply(rq, &out);
    }
}
