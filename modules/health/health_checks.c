/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Health: the checks of a tenant.
 *
 * What a kind needs of its target is one rule, kept by the database, so that
 * it holds after a merge patch too; which disks may be looked at and which
 * modules there are is known here.
 */

#include "health.h"


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t change(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);


static const pando_problem_t
name_taken = { .status = 409, .code = "check_name_taken", .pointer = "/name",
               .text = "another check has this name",
               .constraint = "checks_name_key" },
too_short = { .status = 422, .code = "interval_below_timeout",
              .pointer = "/interval_s",
              .text = "the interval is shorter than the timeout",
              .constraint = "checks_interval_check" };

const pando_problem_t
health_wrong_target = {
    .status = 422, .code = "target_invalid", .pointer = "/target",
    .text = "this is not the target of such a check",
    .constraint = "checks_target_check"
},
health_forbidden_target = {
    .status = 422, .code = "target_not_allowed", .pointer = "/target",
    .text = "checks may not look at this target"
};


const pando_route_t  health_checks[] = {

    { PANDO_GET, "/health-checks", list, "List checks",
      .scope = "health:read", .query = &health_checks_in,
      .gives = &health_check_view, .paged = true,
      .sorts = &health_sql_checks_pages, .trips = 1 },

    { PANDO_POST, "/health-checks", add, "Add a check",
      .scope = "health:admin", .takes = &health_check_in, .status = 201,
      .gives = &health_check_view, .trips = 1,
      .fails = { &name_taken, &too_short, &health_wrong_target,
                 &health_forbidden_target } },

    { PANDO_GET, "/health-checks/{id}", get, "Get a check",
      .scope = "health:read", .gives = &health_check_view, .trips = 1 },

    { PANDO_PATCH, "/health-checks/{id}", change, "Change a check",
      .scope = "health:admin", .takes = &health_check_patch,
      .gives = &health_check_view, .trips = 1,
      .fails = { &name_taken, &too_short, &health_wrong_target,
                 &health_forbidden_target, &pando_precondition } },

    { PANDO_DELETE, "/health-checks/{id}", remove_one, "Remove a check",
      .scope = "health:admin", .status = 204, .trips = 1,
      .fails = { &pando_precondition } },

    PANDO_END
};


static pando_reply_t
list(pando_req_t *rq)
{
    const health_checks_in_t  *in = pando_query_params(rq);

    return pando_reply_page(rq, health_sql_checks(pando_auto(rq),
        PANDO_GIVEN(&health_checks_in, in, component) ? in->component : NULL,
        PANDO_GIVEN(&health_checks_in, in, kind) ? health_kinds[in->kind]
                                                 : NULL));
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq,
        health_sql_a_check_or_404(pando_auto(rq), pando_path_id(rq)));
}


/* One of the words, which have a blank between them. */

static bool
is_among(const char *words, const char *word)
{
    size_t       len = strlen(word);
    const char  *p;

    if (len == 0 || strchr(word, ' ')) {
        return false;
    }

    for (p = words; (p = strstr(p, word)) != NULL; p += len) {
        if ((p == words || p[-1] == ' ')
            && (p[len] == ' ' || p[len] == '\0'))
        {
            return true;
        }
    }

    return false;
}


static void
target_or_422(pando_req_t *rq, const health_target_t *target)
{
    const char             *why = NULL;
    const pando_problem_t  *wrong = health_web_wrong(rq, target, &why);

    wrong = wrong ? wrong : health_net_wrong(rq, target, &why);

    if (wrong) {
        if (why) {
            pando_fail_note(rq, "reason", why);
        }

        pando_leave(rq, wrong);
    }

    if ((target->path && !is_among(pando_setting(rq, "disks"), target->path))
        || (target->module && !pando_enabled(target->module)))
    {
        pando_leave(rq, &health_forbidden_target);
    }
}


static pando_reply_t
add(pando_req_t *rq)
{
    const health_check_in_t  *in = pando_body(rq);

    target_or_422(rq, &in->target);

    return pando_reply_json(rq,
        health_sql_check_add(pando_auto(rq), pando_body_json(rq), in->name,
                             in->component, health_kinds[in->kind],
                             (int32_t) in->interval_s,
                             (int32_t) in->timeout_ms, (int32_t) in->rise,
                             (int32_t) in->fall,
                             health_weights[in->criticality],
                             in->runbook_url, (int32_t) in->locations,
                             in->enabled));
}


#define GIVEN(member)  PANDO_GIVEN(&health_check_patch, in, member)

static pando_reply_t
change(pando_req_t *rq)
{
    const health_check_in_t  *in = pando_body(rq);
    int32_t                   n[5] = { (int32_t) in->interval_s,
                                       (int32_t) in->timeout_ms,
                                       (int32_t) in->rise,
                                       (int32_t) in->fall,
                                       (int32_t) in->locations };
    pando_uuid_t              id = pando_path_id(rq);
    int64_t                   version = pando_if_match(rq);
    pando_json_t              json;

    target_or_422(rq, &in->target);

    json = health_sql_check_change(pando_auto(rq), id,
        version < 0 ? NULL : &version, pando_body_json(rq),
        GIVEN(name) ? in->name : NULL,
        GIVEN(component) ? in->component : NULL,
        GIVEN(interval_s) ? &n[0] : NULL, GIVEN(timeout_ms) ? &n[1] : NULL,
        GIVEN(rise) ? &n[2] : NULL, GIVEN(fall) ? &n[3] : NULL,
        GIVEN(criticality) ? health_weights[in->criticality] : NULL,
        in->runbook_url, GIVEN(runbook_url),
        GIVEN(locations) ? &n[4] : NULL,
        GIVEN(enabled) ? &in->enabled : NULL);

    if (json.text) {
        return pando_reply_json(rq, json);
    }

    (void) health_sql_a_check_or_404(pando_auto(rq), id);

    return pando_fail(rq, &pando_precondition);
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    pando_uuid_t  id = pando_path_id(rq);
    int64_t       version = pando_if_match(rq);

    if (health_sql_check_remove(pando_auto(rq), id,
                                version < 0 ? NULL : &version))
    {
        return pando_no_content(rq);
    }

    (void) health_sql_a_check_or_404(pando_auto(rq), id);

    return pando_fail(rq, &pando_precondition);
}
