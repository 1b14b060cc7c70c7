/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Nurse: it says what it is told to say, in a word that all workers share:
 * "pass", "warn" or "fail".  A repair makes it well, unless the word is
 * "lost".
 */

#include "nurse.h"
#include "health_api.h"
#include "pando_root.h"


typedef struct { char  word[8]; }  word_t;

static pando_reply_t report(pando_req_t *rq);
static pando_reply_t status(pando_req_t *rq);
static pando_reply_t be(pando_req_t *rq);
static pando_reply_t block(pando_req_t *rq);
static int check(pando_req_t *rq, const void *in, void *out);
static int repair(pando_req_t *rq, const void *in, void *out);


static const pando_field_t  in_fields[] = {
    PANDO_FIELD(nurse_in_t, TEXT, component),
    PANDO_FIELD(nurse_in_t, TEXT, detail),
    PANDO_FIELD(nurse_in_t, TEXT, outcome, .required = true, .max = 7),
    PANDO_FIELD(nurse_in_t, INT, for_s),
    PANDO_END
};

const pando_shape_t  nurse_in = {
    .name = "NurseIn", .size = sizeof(nurse_in_t), .given = true,
    .fields = in_fields
};

static const pando_route_t  all[] = {

    { PANDO_POST, "/nurse/reports", report, "Report a component",
      .scope = "self", .takes = &nurse_in, .trips = 1 },

    { PANDO_GET, "/nurse/status/{component}", status,
      "Ask how a component is",
      .scope = "self", .trips = 1 },

    { PANDO_POST, "/nurse/self", be, "Be well or ill",
      .scope = "public", .no_tenant = true, .takes = &nurse_in },

    { PANDO_POST, "/nurse/block/{tens}", block,
      "Keep a worker from turning for so many tens of seconds",
      .scope = "public", .no_tenant = true },

    PANDO_END
};

static const pando_route_t *const  routes[] = { all, NULL };

static const pando_call_t  calls[] = {
    { "nurse.check", &health_ask, &health_verdict, check, "how it is" },
    { "nurse.repair", &health_ask, &health_verdict, repair, "be well" },
    PANDO_END
};

const pando_domain_t  nurse_domain = {
    .name = "nurse", .note = "is well or ill, for the tests",
    .routes = routes, .calls = calls, .shared = sizeof(word_t)
};


static pando_reply_t
answer(pando_req_t *rq, int rc, const char *text)
{
    text = pando_text(rq, "%d %s", rc, text);

    return pando_reply_text(rq, "text/plain", text, strlen(text));
}


static int
outcome_of(const char *word)
{
    int  i;

    for (i = 0; health_says[i] && strcmp(health_says[i], word) != 0; i++) {
        /* void */
    }

    return health_says[i] ? i : HEALTH_SAYS_FAIL;
}


static pando_reply_t
report(pando_req_t *rq)
{
    const nurse_in_t  *in = pando_body(rq);

    return answer(rq, health_report_say(rq, in->component, "nurse",
                                        outcome_of(in->outcome), in->detail,
                                        in->for_s), "");
}


static pando_reply_t
status(pando_req_t *rq)
{
    int          rc;
    health_is_t  is = { .status = "?" };

    rc = health_status_of(rq, pando_path_text(rq, "component"), &is);

    return answer(rq, rc, is.status);
}


static pando_reply_t
be(pando_req_t *rq)
{
    word_t            *shared = pando_shared(&nurse_domain);
    const nurse_in_t  *in = pando_body(rq);

    memcpy(shared->word, in->outcome, strlen(in->outcome) + 1);

    return pando_no_content(rq);
}


/* What no handler may ever do. */

static pando_reply_t
block(pando_req_t *rq)
{
    uint64_t     until = pando_clock_us();
    const char  *p = pando_path_text(rq, "tens");

    for (until += (uint64_t) (*p - '0') * 10000000; pando_clock_us() < until;)
    {
        /* void */
    }

    return pando_no_content(rq);
}


static int
check(pando_req_t *rq, const void *in, void *out)
{
    word_t            *shared = pando_shared(&nurse_domain);
    health_verdict_t  *verdict = out;

    verdict->given.given = 1;
    verdict->outcome = shared->word[0] ? outcome_of(shared->word)
                                       : HEALTH_SAYS_PASS;

    return 0;
}


static int
repair(pando_req_t *rq, const void *in, void *out)
{
    word_t            *shared = pando_shared(&nurse_domain);
    health_verdict_t  *verdict = out;

    verdict->given.given = 1;

    if (strcmp(shared->word, "lost") == 0) {
        verdict->outcome = HEALTH_SAYS_FAIL;
        return 0;
    }

    memcpy(shared->word, "pass", 5);
    verdict->outcome = HEALTH_SAYS_PASS;

    return 0;
}
