/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Health: what it learns from the events of others.  Each is a report on a
 * component, which holds until the next one of the same source or until its
 * time is over; twice the same is once.  What belongs to no tenant is of the
 * operators.
 */

#include "health.h"
#include "health_api.h"


#define HOUR_S  3600
#define DAY_S   (24 * HOUR_S)


static void heard(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told);


const pando_hear_t  health_hears[] = {
    { .name = "health.instances",
      .types = "instance.* service.mass_failure service.empty",
      .fn = heard, .note = "components whose instances fail" },
    { .name = "health.circuits", .types = "circuit.opened circuit.closed",
      .fn = heard, .note = "components that are no longer called" },
    { .name = "health.warnings",
      .types = "backup.failed certificate.expiring",
      .fn = heard, .note = "what will fail if nobody looks" },
    PANDO_END
};


static const char *
text_of(const json_t *data, const char *const *names)
{
    const char  *text = NULL;

    for (/* void */; *names && text == NULL; names++) {
        text = json_string_value(json_object_get(data, *names));
    }

    return text && *text ? text : NULL;
}


/* As components are named: a slug. */

static const char *
slug(pando_req_t *rq, const char *text)
{
    char    *out = pando_alloc(rq, HEALTH_NAME + 1);
    size_t   n = 0;

    for (/* void */; *text && n < HEALTH_NAME; text++) {
        if ((*text >= 'a' && *text <= 'z') || (*text >= '0' && *text <= '9')) {
            out[n++] = *text;

        } else if (*text >= 'A' && *text <= 'Z') {
            out[n++] = (char) (*text | 0x20);

        } else if (n && out[n - 1] != '-') {
            out[n++] = '-';
        }
    }

    while (n && out[n - 1] == '-') {
        n--;
    }

    out[n] = '\0';

    return n ? out : "unnamed";
}


static int
outcome_of(const char *status)
{
    size_t  i;

    static const char *const  well[] = { "passing", "pass", "up", "healthy" };
    static const char *const  ill[] = { "critical", "fail", "failing", "down",
                                        "unhealthy" };

    for (i = 0; status && i < sizeof(ill) / sizeof(ill[0]); i++) {
        if (strcmp(status, ill[i]) == 0) {
            return HEALTH_SAYS_FAIL;
        }
    }

    for (i = 0; status && i < sizeof(well) / sizeof(well[0]); i++) {
        if (strcmp(status, well[i]) == 0) {
            return HEALTH_SAYS_PASS;
        }
    }

    return HEALTH_SAYS_WARN;
}


/* What an event says: of which component, by whom, and for how long. */

static bool
understood(pando_req_t *rq, const pando_told_t *told, health_report_t *out)
{
    json_t      *data = pando_told_tree(rq, told);
    const char  *name, *subject;

    static const char *const  services[] = {
        "component", "service", "service_name", "upstream", "target", "name",
        NULL
    };
    static const char *const  states[] = { "status", "state", "to", NULL };
    static const char *const  hosts[] = { "host", "name", NULL };

    name = text_of(data, services);
    subject = told->has_subject ? pando_uuid_text(rq, told->subject) : "all";
    *out = (health_report_t) {
        .component = name ? slug(rq, name) : NULL, .source = told->type,
        .outcome = HEALTH_SAYS_FAIL, .detail = told->type, .for_s = HOUR_S
    };

    if (strncmp(told->type, "instance.", 9) == 0) {
        out->source = pando_text(rq, "instance %s", subject);

        if (strcmp(told->type, "instance.status_changed") == 0) {
            out->outcome = outcome_of(text_of(data, states));
            out->for_s = DAY_S;

        } else {
            out->outcome = HEALTH_SAYS_PASS;    /* it came, or is no more */
            out->for_s = 1;
        }

        return name != NULL;
    }

    if (strncmp(told->type, "circuit.", 8) == 0) {
        out->source = "circuit";
        out->outcome = strcmp(told->type, "circuit.closed") == 0
                       ? HEALTH_SAYS_PASS : HEALTH_SAYS_FAIL;
        return name != NULL;
    }

    if (strcmp(told->type, "backup.failed") == 0) {
        out->component = "backup";
        out->for_s = DAY_S;
        return true;
    }

    if (strcmp(told->type, "certificate.expiring") == 0) {
        name = text_of(data, hosts);
        out->component = "certificates";
        out->source = name ? slug(rq, name) : "certificate";
        out->outcome = HEALTH_SAYS_WARN;
        out->for_s = 2 * DAY_S;
        return true;
    }

    return name != NULL;
}


static void
heard(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told)
{
    const char       *text = pando_setting(rq, "tenant");
    pando_uuid_t      whose = told->tenant;
    health_report_t   said;

    if ((!told->has_tenant && !pando_uuid_parse(text, strlen(text), &whose))
        || !understood(rq, told, &said))
    {
        return;
    }

    (void) health_sql_report(tx, whose, said.component, said.source,
                             health_says[said.outcome], said.detail,
                             (int32_t) said.for_s);
}
