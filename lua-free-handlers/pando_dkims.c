/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Signatures of mails in a flow: what pando_dkim.h promises, in the flow's
 * memory.
 */

#include "pando_root.h"
#include "pando_dkim_sign.h"


char *
pando_dkim(pando_req_t *rq, const pando_dkim_key_t *key, const char *mail,
    size_t len, pando_time_t now)
{
    return pando_dkim_sign(pando_flow_mem(rq), key, mail, len, now);
}
