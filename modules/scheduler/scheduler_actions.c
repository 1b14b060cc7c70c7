/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Scheduler: what a run does.
 *
 * An event is told in the transaction that ends the run, so exactly once.  A
 * request may come more than once, each time with the same key: the schedule
 * and the nominal time.  Texts know the run's own period and nothing else, so
 * that it can be run again for it.
 */

#include "scheduler.h"


#define READ    65536                   /* of an answer */
#define HEADERS 40


static const char *const  names[] = {
    "nominal", "local_date", "prev_success", NULL
};

const pando_problem_t
scheduler_action_bad = { .status = 422, .code = "action_invalid",
                         .text = "the action cannot be done so" },
scheduler_not_allowed = { .status = 422, .code = "action_not_allowed",
                          .text = "an action may not do that" };


static void bad(pando_req_t *rq, const char *pointer, const char *why)
    PANDO_NORETURN;
static void check_event(pando_req_t *rq, const scheduler_action_in_t *in);
static void check_http(pando_req_t *rq, const scheduler_action_in_t *in);
static void check_job(pando_req_t *rq, const scheduler_action_in_t *in);
static void check_call(pando_req_t *rq, const scheduler_action_in_t *in);
static void call_domain(pando_req_t *rq, const scheduler_begun_t *of,
    json_t *action, scheduler_outcome_t *out);
static void check_headers(pando_req_t *rq, json_t *headers);
static void check_template(pando_req_t *rq, const char *text,
    const char *pointer);
static void tell(pando_req_t *rq, pando_uuid_t run,
    const scheduler_begun_t *of, json_t *action, scheduler_outcome_t *out);
static void call_out(pando_req_t *rq, const scheduler_begun_t *of,
    json_t *action, scheduler_outcome_t *out);
static const char *const *headers_of(pando_req_t *rq,
    const scheduler_begun_t *of, json_t *more, const char *body);
static const char *filled(pando_req_t *rq, const scheduler_begun_t *of,
    const char *text);
static const char *time_text(pando_req_t *rq, pando_time_t t);


void
scheduler_action_or_leave(pando_req_t *rq, const scheduler_action_in_t *in)
{
    if (in->type == SCHEDULER_EVENT) {
        check_event(rq, in);

    } else if (in->type == SCHEDULER_HTTP) {
        check_http(rq, in);

    } else if (in->type == SCHEDULER_JOB) {
        check_job(rq, in);

    } else {
        check_call(rq, in);
    }
}


/* "sms.send=sms:write reports.run=reports:write" */

const char *
scheduler_scope_of(pando_req_t *rq, const char *call)
{
    size_t       n, len = strlen(call);
    const char  *s = pando_setting(rq, "calls");

    for (s += strspn(s, " "); *s; s += n, s += strspn(s, " ")) {
        n = strcspn(s, " ");

        if (n > len + 1 && strncmp(s, call, len) == 0 && s[len] == '=') {
            return pando_copy(rq, s + len + 1, n - len - 1);
        }
    }

    return NULL;
}


void
scheduler_keep_scopes(pando_tx_t *tx, pando_uuid_t id,
    const scheduler_action_in_t *action)
{
    const char  *scope = action->type == SCHEDULER_CALL
                         ? scheduler_scope_of(pando_tx_req(tx), action->name)
                         : NULL;

    scheduler_sql_set_scopes(tx, id, &scope, scope ? 1 : 0);
}


/* Of those that this deployment lets be scheduled, by who may call it. */

static void
check_call(pando_req_t *rq, const scheduler_action_in_t *in)
{
    const char  *scope;

    if (in->name == NULL || in->url || in->body || in->headers || in->kind
        || in->data)
    {
        bad(rq, in->name ? "/action" : "/action/name",
            "a call has a name and a payload only");
    }

    scope = scheduler_scope_of(rq, in->name);

    if (scope == NULL || !pando_may(rq, scope)) {
        pando_leave_at(rq, &scheduler_not_allowed, "/action/name");
    }

    if (in->payload) {
        check_template(rq, json_dumps(in->payload, JSON_COMPACT
                                                   |JSON_ENCODE_ANY),
                       "/action/payload");
    }
}


bool
scheduler_action_ok(pando_req_t *rq, json_t *action)
{
    const char  *why, *type, *url, *kind;

    type = json_string_value(json_object_get(action, "type"));
    url = json_string_value(json_object_get(action, "url"));
    kind = json_string_value(json_object_get(action, "kind"));

    return type && (strcmp(type, "event") == 0
                    || (strcmp(type, "http") == 0 && url
                        && pando_fetch_allowed(rq, url, &why))
                    || (strcmp(type, "job") == 0 && kind
                        && strchr(kind, '.')));
}


static void
bad(pando_req_t *rq, const char *pointer, const char *why)
{
    pando_fail_note(rq, "reason", why);
    pando_leave_at(rq, &scheduler_action_bad, pointer);
}


static void
check_event(pando_req_t *rq, const scheduler_action_in_t *in)
{
    size_t  n;

    if (in->url || in->body || in->headers || in->kind || in->payload) {
        bad(rq, "/action", "an event has a name and data only");
    }

    n = in->name ? strspn(in->name, "abcdefghijklmnopqrstuvwxyz0123456789_.")
                 : 0;

    if (in->name && (in->name[n] || in->name[0] < 'a' || in->name[0] > 'z'
                     || in->name[n - 1] == '.' || strstr(in->name, "..")))
    {
        bad(rq, "/action/name", "it is no name of an event");
    }

    if (in->data) {
        check_template(rq, json_dumps(in->data, JSON_COMPACT|JSON_ENCODE_ANY),
                       "/action/data");
    }
}


static void
check_http(pando_req_t *rq, const scheduler_action_in_t *in)
{
    const char  *why = NULL;

    if (in->url == NULL || in->name || in->data || in->kind || in->payload) {
        bad(rq, in->url ? "/action" : "/action/url",
            "a request has a url, and neither a name nor data");
    }

    if (strncmp(in->url, "https://", 8) != 0
        && !pando_setting_int(rq, "plain_http"))
    {
        why = "the url does not begin with https";
    }

    if (why || !pando_fetch_allowed(rq, in->url, &why)) {
        pando_fail_note(rq, "reason", why);
        pando_leave_at(rq, &scheduler_not_allowed, "/action/url");
    }

    if (in->headers) {
        check_headers(rq, in->headers);
    }

    if (in->body) {
        check_template(rq, in->body, "/action/body");
    }
}


/* Of the kinds that this deployment lets tenants schedule. */

static void
check_job(pando_req_t *rq, const scheduler_action_in_t *in)
{
    size_t       n;
    const char  *s = pando_setting(rq, "job_kinds");

    if (in->kind == NULL || in->url || in->body || in->headers || in->name
        || in->data)
    {
        bad(rq, in->kind ? "/action" : "/action/kind",
            "a job has a kind and a payload only");
    }

    for (s += strspn(s, " "); *s; s += n, s += strspn(s, " ")) {
        n = strcspn(s, " ");

        if (strlen(in->kind) == n && strncmp(in->kind, s, n) == 0) {
            return;
        }
    }

    pando_leave_at(rq, &scheduler_not_allowed, "/action/kind");
}


/* Those that say who sends it and what it is are the scheduler's own. */

static void
check_headers(pando_req_t *rq, json_t *headers)
{
    static const char *const  own[] = {
        "host", "content-length", "transfer-encoding", "connection",
        "idempotency-key", "pando-scheduled-for", "webhook-id",
        "webhook-timestamp", "webhook-signature", NULL
    };

    int          i;
    char         lower[64];
    json_t      *value;
    size_t       n = 0, k;
    const char  *name;

    if (!json_is_object(headers)) {
        bad(rq, "/action/headers", "it is no object of texts");
    }

    json_object_foreach(headers, name, value) {

        for (k = 0; name[k] && k < sizeof(lower) - 1; k++) {
            lower[k] = name[k] >= 'A' && name[k] <= 'Z' ? name[k] | 0x20
                                                        : name[k];
        }

        lower[k] = '\0';

        if (++n > 16 || k == 0 || name[k]
            || lower[strspn(lower, "abcdefghijklmnopqrstuvwxyz0123456789-")]
            || !json_is_string(value)
            || strpbrk(json_string_value(value), "\r\n")
            || json_string_length(value) > 1000)
        {
            bad(rq, "/action/headers", "it is no object of texts");
        }

        for (i = 0; own[i]; i++) {
            if (strcmp(own[i], lower) == 0) {
                bad(rq, "/action/headers", "it has one that is not its own");
            }
        }
    }
}


static void
check_template(pando_req_t *rq, const char *text, const char *pointer)
{
    int                      i;
    unsigned                 n;
    const char              *name;
    pando_template_t        *t;
    pando_template_with_t    with = { .as = PANDO_TEMPLATE_TEXT };
    pando_template_error_t   error;

    t = pando_template(rq, text, strlen(text), &with, &error);

    if (t == NULL) {
        bad(rq, pointer, error.text);
    }

    for (n = 0; (name = pando_template_name(rq, t, n)) != NULL; n++) {

        for (i = 0; names[i] && strcmp(names[i], name) != 0; i++) { }

        if (names[i] == NULL) {
            bad(rq, pointer, "a text knows nominal, local_date and "
                             "prev_success only");
        }
    }
}


void
scheduler_act(pando_req_t *rq, pando_uuid_t run, const scheduler_begun_t *of,
    scheduler_outcome_t *out)
{
    json_t      *action = json_loads(of->action, 0, NULL);
    const char  *type = json_string_value(json_object_get(action, "type"));

    if (type && strcmp(type, "event") == 0) {
        tell(rq, run, of, action, out);

    } else if (type && strcmp(type, "http") == 0) {
        call_out(rq, of, action, out);

    } else if (type && strcmp(type, "job") == 0) {
        out->how = "succeeded";
        out->job = json_string_value(json_object_get(action, "kind"));
        out->data = json_dumps(json_object_get(action, "payload"),
                               JSON_COMPACT|JSON_ENCODE_ANY);

    } else if (type && strcmp(type, "call") == 0) {
        call_domain(rq, of, action, out);

    } else {
        out->error = "the action is of no known type";
    }
}


static void
tell(pando_req_t *rq, pando_uuid_t run, const scheduler_begun_t *of,
    json_t *action, scheduler_outcome_t *out)
{
    json_t      *data = json_object_get(action, "data");
    const char  *name = json_string_value(json_object_get(action, "name"));

    out->how = "succeeded";
    out->event = name ? pando_text(rq, "custom.%s", name) : "schedule.fired";
    out->data = pando_text(rq, "{\"schedule_id\":\"%s\",\"run_id\":\"%s\","
        "\"nominal_at\":\"%s\",\"data\":%s}",
        pando_uuid_text(rq, of->schedule_id), pando_uuid_text(rq, run),
        time_text(rq, of->nominal_at),
        data ? filled(rq, of, json_dumps(data, JSON_COMPACT
                                               |JSON_ENCODE_ANY)) : "null");
}


/* Not for an owner who no longer has what the call asks for. */

static void
call_domain(pando_req_t *rq, const scheduler_begun_t *of, json_t *action,
    scheduler_outcome_t *out)
{
    int          rc;
    json_t      *payload = json_object_get(action, "payload");
    const char  *name = json_string_value(json_object_get(action, "name"));
    const char  *scope = name ? scheduler_scope_of(rq, name) : NULL, *said;

    if (scope == NULL
        || !scheduler_sql_has_scope(pando_auto(rq), of->schedule_id, scope))
    {
        out->never = true;
        out->error = "owner_lost_scope";
        return;
    }

    rc = pando_call_json(rq, name, payload
             ? filled(rq, of, json_dumps(payload, JSON_COMPACT)) : "{}",
             &said);

    if (rc == 0) {
        out->how = "succeeded";
        out->result = said;

    } else {
        out->error = rc == PANDO_CALL_ABSENT ? "nobody offers the call"
                     : rc < 0 ? "the payload is not what the call takes"
                     : pando_text(rq, "the call said %d", rc);
    }
}


static void
call_out(pando_req_t *rq, const scheduler_begun_t *of, json_t *action,
    scheduler_outcome_t *out)
{
    const char             *body, *method;
    const char *const      *headers;
    pando_fetch_t           ask;
    const pando_fetched_t  *got;

    body = json_string_value(json_object_get(action, "body"));
    body = body ? filled(rq, of, body) : "";
    method = json_string_value(json_object_get(action, "method"));
    headers = headers_of(rq, of, json_object_get(action, "headers"), body);

    if (headers == NULL) {
        out->error = "secret_unreadable";
        return;
    }

    ask = (pando_fetch_t) {
        .method = method ? method : "POST", .headers = headers,
        .url = json_string_value(json_object_get(action, "url")),
        .body = *body ? body : NULL, .len = strlen(body),
        .timeout_ms = (int) of->timeout_s * 1000, .max_body = READ
    };

    got = pando_fetch(rq, &ask);

    if (got->status) {
        out->result = pando_text(rq, "{\"status\":%d,\"duration_ms\":%lld}",
                                 got->status, (long long) got->ms);
    }

    if (got->error == PANDO_FETCH_TIMEOUT) {
        out->how = "timed_out";
        out->error = "timeout";

    } else if (got->error && got->error != PANDO_FETCH_TOO_LARGE) {
        out->error = pando_fetch_error_text(got->error);

    } else if (got->status / 100 != 2) {
        out->error = pando_text(rq, "status %d", got->status);

    } else {
        out->how = "succeeded";
    }
}


/* NULL: it cannot be signed, so it is not sent. */

static const char *const *
headers_of(pando_req_t *rq, const scheduler_begun_t *of, json_t *more,
    const char *body)
{
    json_t       *value;
    size_t        n = 0;
    const char   *at, *key, *signature, *name, **headers;

    at = pando_text(rq, "%lld", (long long) (pando_now() / PANDO_TIME_SECOND));
    key = pando_text(rq, "%s-%s", pando_uuid_text(rq, of->schedule_id),
                     time_text(rq, of->nominal_at));
    signature = scheduler_signature(rq, of->secret_ct, key, at, body);

    if (signature == NULL) {
        return NULL;
    }

    const char *const  own[] = {
        "User-Agent", "Pando", "Idempotency-Key", key,
        "Pando-Scheduled-For", time_text(rq, of->nominal_at),
        "webhook-id", key, "webhook-timestamp", at,
        "webhook-signature", signature, NULL
    };

    headers = pando_alloc(rq, HEADERS * sizeof(char *) + sizeof(own));

    json_object_foreach(more, name, value) {
        if (n < HEADERS - 1) {
            headers[n++] = name;
            headers[n++] = json_string_value(value);
        }
    }

    memcpy(headers + n, own, sizeof(own));

    return headers;
}


/* A text that no longer can be filled stays as it is. */

static const char *
filled(pando_req_t *rq, const scheduler_begun_t *of, const char *text)
{
    char                     date[PANDO_DATE_TEXT];
    size_t                   len;
    json_t                  *data = json_object();
    const char              *out;
    pando_template_t        *t;
    const pando_zone_t      *zone = pando_zone(of->time_zone);
    pando_template_with_t    with = { .as = PANDO_TEMPLATE_TEXT };
    pando_template_error_t   error;

    if (strstr(text, "{{") == NULL) {
        return text;
    }

    zone = zone ? zone : pando_zone("UTC");
    pando_date_print(pando_civil_of(zone, of->nominal_at).date, date);

    json_object_set_new(data, "nominal",
                        json_string(time_text(rq, of->nominal_at)));
    json_object_set_new(data, "local_date", json_string(date));
    json_object_set_new(data, "prev_success", json_string(
        of->has_prev_success ? time_text(rq, of->prev_success) : ""));

    t = pando_template(rq, text, strlen(text), &with, &error);
    out = t ? pando_template_render(rq, t, data, &with, &len, &error) : NULL;

    return out ? out : text;
}


static const char *
time_text(pando_req_t *rq, pando_time_t t)
{
    char  text[PANDO_TIME_TEXT];

    pando_time_print(t, text);

    return pando_text(rq, "%s", text);
}
