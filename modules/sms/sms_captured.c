/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: the captured provider's outbox.
 *
 * Where no other provider is set up, messages go here, so that a fresh
 * install sends and shows them with no account anywhere.
 */

#include "sms.h"


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t clear(pando_req_t *rq);


const pando_route_t  sms_captured[] = {

    { PANDO_GET, "/sms/outbox", list,
      "List captured messages, the latest first",
      .scope = "sms:admin", .gives = &sms_captured_view, .paged = true,
      .sorts = &sms_sql_captured_pages, .trips = 1 },

    { PANDO_DELETE, "/sms/outbox", clear, "Throw captured messages away",
      .scope = "sms:admin", .status = 204, .trips = 1 },

    PANDO_END
};


static pando_reply_t
list(pando_req_t *rq)
{
    return pando_reply_page(rq, sms_sql_captured(pando_auto(rq)));
}


static pando_reply_t
clear(pando_req_t *rq)
{
    (void) sms_sql_captured_clear(pando_auto(rq));

    return pando_no_content(rq);
}
