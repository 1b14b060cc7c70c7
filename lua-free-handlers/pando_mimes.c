/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Mails in a flow: what pando_mime.h promises, in the flow's memory.
 */

#include "pando_root.h"
#include "pando_mime_write.h"


char *
pando_mime(pando_req_t *rq, const pando_mime_t *mail, size_t *len)
{
    return pando_mime_write(pando_flow_mem(rq), mail, len);
}
