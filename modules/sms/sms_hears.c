/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: what it hears of other domains: codes that were typed in, who leaves,
 * and who wants to be written to.
 *
 * Numbers are known here, people are not: an event names the numbers that it
 * is about, as "phone" or "phones".
 */

#include "sms.h"


static void converted(pando_req_t *rq, pando_tx_t *tx,
    const pando_told_t *told);
static void left(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told);
static void consent(pando_req_t *rq, pando_tx_t *tx,
    const pando_told_t *told);


const pando_hear_t  sms_hears[] = {

    { "sms.conversion", "verification.approved", converted,
      .note = "codes that were typed in count for their routes" },

    { "sms.left", "user.erasure_requested", left,
      .note = "forgets the numbers of who leaves" },

    { "sms.consent", "user.consent_changed", consent,
      .note = "who takes back a consent to advertisements gets none" },

    PANDO_END
};


static void
converted(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told)
{
    if (told->has_tenant && told->has_subject) {
        (void) sms_sql_convert(tx, told->subject);
    }
}


/* The next number of an event, from *n on; false: no more. */

static bool
number(json_t *data, size_t *n, pando_phone_t *phone)
{
    json_t      *all = json_object_get(data, "phones");
    const char  *text;

    for ( ; *n <= json_array_size(all); ) {
        text = json_string_value(*n < json_array_size(all)
                                 ? json_array_get(all, *n)
                                 : json_object_get(data, "phone"));
        ++*n;

        if (text && pando_phone(text, strlen(text), NULL, phone)) {
            return true;
        }
    }

    return false;
}


static void
left(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told)
{
    size_t          n = 0;
    json_t         *data = pando_told_tree(rq, told);
    pando_phone_t   phone;

    while (told->has_tenant && number(data, &n, &phone)) {
        sms_sql_erase(tx, pando_copy(rq, phone.e164, strlen(phone.e164)));
    }
}


static void
consent(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told)
{
    char            hidden[PANDO_PHONE_MASKED];
    size_t          n = 0;
    json_t         *data = pando_told_tree(rq, told);
    json_t         *granted = json_object_get(data, "granted");
    const char     *purpose;
    pando_phone_t   phone;

    purpose = json_string_value(json_object_get(data, "purpose"));

    if (!told->has_tenant || purpose == NULL || !json_is_boolean(granted)
        || (strcmp(purpose, "marketing") != 0
            && strcmp(purpose, "marketing_sms") != 0))
    {
        return;
    }

    while (number(data, &n, &phone)) {
        pando_phone_mask(&phone, hidden);
        sms_sql_opt_out_of(tx, pando_copy(rq, phone.e164,
                                          strlen(phone.e164)),
                           pando_copy(rq, hidden, strlen(hidden)),
                           json_is_true(granted));
    }
}
