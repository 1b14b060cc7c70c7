/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Verification: what it hears of its messages, and of who leaves.
 *
 * A message that does not come, or not in time, has its code go by another
 * way, where one is known, and at least lets the person ask for it again.
 */

#include "verification.h"


static void late(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told);
static void left(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told);


const pando_hear_t  verification_hears[] = {

    { "verification.late", "sms.failed sms.delayed", late, .attempts = 3,
      .note = "codes that do not come go by another way" },

    { "verification.left", "user.erasure_requested", left,
      .note = "forgets the codes of who leaves" },

    PANDO_END
};


/* "verification <code> <n>" is what its messages are called. */

static void
late(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told)
{
    size_t        len;
    const char   *key = json_string_value(json_object_get(
                            pando_told_tree(rq, told), "key"));
    pando_uuid_t  code;

    if (key == NULL || strncmp(key, "verification ", 13) != 0
        || !told->has_tenant || !told->has_subject)
    {
        return;
    }

    len = strcspn(key + 13, " ");

    if (pando_uuid_parse(key + 13, len, &code)
        && verification_sql_switch(pando_auto(rq), code, told->subject)
        && verification_send_now(rq, code) != 0)
    {
        pando_log(rq, "a code goes by no other way, either");
    }
}


static void
forget(pando_req_t *rq, pando_tx_t *tx, json_t *to)
{
    unsigned char      hash[PANDO_SHA256_SIZE];
    const char        *text = json_string_value(to);
    verification_to_t  read;

    if (text && verification_read_to(rq, text, NULL, &read) == 0
        && verification_hash("destination", read.to, hash))
    {
        verification_sql_erase(tx, NULL, hash, sizeof(hash));
    }
}


static void
left(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told)
{
    size_t   i;
    json_t  *data = pando_told_tree(rq, told), *one;

    if (!told->has_tenant) {
        return;
    }

    if (told->has_subject) {
        verification_sql_erase(tx, &told->subject, NULL, 0);
    }

    forget(rq, tx, json_object_get(data, "phone"));
    forget(rq, tx, json_object_get(data, "email"));

    json_array_foreach(json_object_get(data, "phones"), i, one) {
        forget(rq, tx, one);
    }

    json_array_foreach(json_object_get(data, "emails"), i, one) {
        forget(rq, tx, one);
    }
}
