/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: what it hears of people: who leaves, and who wants advertisements.
 *
 * Addresses are known here, people are not: an event names the addresses that
 * it is about, as "email" or "emails".
 */

#include "email.h"


static void left(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told);
static void consent(pando_req_t *rq, pando_tx_t *tx,
    const pando_told_t *told);


const pando_hear_t  email_hears[] = {

    { "email.left", "user.erasure_requested", left,
      .note = "forgets the addresses of who leaves" },

    { "email.consent", "user.consent_changed", consent,
      .note = "who takes back a consent to advertisements gets none" },

    PANDO_END
};


/* The next address of an event, from *n on; NULL: no more. */

static const char *
address(pando_req_t *rq, json_t *data, size_t *n)
{
    json_t           *all = json_object_get(data, "emails");
    const char       *text;
    pando_address_t  *got;

    while (*n <= json_array_size(all)) {
        text = json_string_value(*n < json_array_size(all)
                                 ? json_array_get(all, *n)
                                 : json_object_get(data, "email"));
        ++*n;
        got = text ? email_address(rq, text) : NULL;

        if (got) {
            return got->norm;
        }
    }

    return NULL;
}


static void
left(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told)
{
    size_t       n = 0;
    json_t      *data = pando_told_tree(rq, told);
    const char  *norm;

    while (told->has_tenant && (norm = address(rq, data, &n)) != NULL) {
        email_sql_erase(tx, norm);
    }
}


static void
consent(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told)
{
    size_t       n = 0;
    json_t      *data = pando_told_tree(rq, told), *granted;
    const char  *norm, *purpose;

    granted = json_object_get(data, "granted");
    purpose = json_string_value(json_object_get(data, "purpose"));

    if (!told->has_tenant || purpose == NULL || !json_is_boolean(granted)
        || (strcmp(purpose, "marketing") != 0
            && strcmp(purpose, "marketing_email") != 0))
    {
        return;
    }

    while ((norm = address(rq, data, &n)) != NULL) {
        email_sql_consent(tx, norm, json_is_true(granted));
    }
}
