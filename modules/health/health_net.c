/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Health: whether a port answers, what a certificate is worth, whether a mail
 * server takes mail, whether a name is what it should be.  Nothing private is
 * looked at: the root checks each address again when it is connected to.
 */

#include "health.h"


#define ADDRESSES  8


static const pando_probed_t *
probed(pando_req_t *rq, health_job_t *job, const json_t *target,
    pando_probe_is_t is, int port)
{
    json_t          *given = json_object_get(target, "port");
    pando_probe_t    ask = { .is = is, .timeout_ms = (int) job->timeout_ms,
                             .port = port };
    const pando_probed_t  *got;

    ask.host = json_string_value(json_object_get(target, "host"));
    ask.port = given ? (int) json_integer_value(given) : port;
    got = pando_probe(rq, &ask);

    if (got->error != PANDO_FETCH_OK) {
        health_unreached(job, got->error);
        return NULL;
    }

    job->outcome = HEALTH_PASS;

    return got;
}


void
health_tcp(pando_req_t *rq, health_job_t *job)
{
    (void) probed(rq, job, json_loads(job->target, 0, NULL), PANDO_PROBE_TCP,
                  0);
}


void
health_smtp(pando_req_t *rq, health_job_t *job)
{
    const pando_probed_t  *got;

    got = probed(rq, job, json_loads(job->target, 0, NULL), PANDO_PROBE_SMTP,
                 25);

    if (got) {
        health_say(job->detail, sizeof(job->detail),
                   pando_text(rq, "answers %d", got->code));
    }
}


static int
days(const json_t *target, const char *name, int otherwise)
{
    json_t  *given = json_object_get(target, name);

    return given ? (int) json_integer_value(given) : otherwise;
}


void
health_tls(pando_req_t *rq, health_job_t *job)
{
    json_t                *target = json_loads(job->target, 0, NULL);
    const char            *says;
    const pando_probed_t  *got;

    got = probed(rq, job, target, PANDO_PROBE_TLS, 443);

    if (got == NULL) {
        return;
    }

    says = pando_text(rq, "%d days left", got->days_left);

    if (!got->name_ok) {
        job->outcome = HEALTH_FAIL;
        says = "the certificate is of another name";

    } else if (got->days_left <= days(target, "days_fail", 1)) {
        job->outcome = HEALTH_FAIL;

    } else if (!got->chain_ok) {
        job->outcome = HEALTH_FAIL;
        says = "nobody vouches for the certificate";

    } else if (got->days_left <= days(target, "days_warn", 21)) {
        job->outcome = HEALTH_WARN;
    }

    health_say(job->detail, sizeof(job->detail), says);
}


static bool
is_among(json_t *list, const char *text)
{
    size_t  i;

    for (i = 0; i < json_array_size(list); i++) {
        if (strcmp(json_string_value(json_array_get(list, i)), text) == 0) {
            return true;
        }
    }

    return false;
}


void
health_dns(pando_req_t *rq, health_job_t *job)
{
    json_t               *target = json_loads(job->target, 0, NULL);
    json_t               *want = json_object_get(target, "addresses");
    unsigned              i, n, same = 0;
    const char           *found[ADDRESSES];
    pando_fetch_error_t   error;

    n = pando_lookup(rq, json_string_value(json_object_get(target, "host")),
                     (int) job->timeout_ms, found, ADDRESSES, &error);

    if (error != PANDO_FETCH_OK) {
        health_unreached(job, error);
        return;
    }

    for (i = 0; i < n; i++) {
        same += is_among(want, found[i]);
    }

    job->outcome = HEALTH_PASS;

    if (want && (same != n || n != json_array_size(want))) {
        job->outcome = HEALTH_FAIL;
        health_say(job->detail, sizeof(job->detail), "other addresses");
    }
}


/*
 * grpc.health.v1.Health/Check.  A message of one text or number needs no more
 * of Protocol Buffers than this: a byte of what it is, its length or value.
 */

void
health_grpc(pando_req_t *rq, health_job_t *job)
{
    json_t                 *target = json_loads(job->target, 0, NULL);
    size_t                  len;
    const char             *code;
    const char             *url, *service;
    unsigned char          *body;
    const pando_fetched_t  *got;
    const char *const       headers[] = {
        "Content-Type", "application/grpc", NULL
    };

    url = json_string_value(json_object_get(target, "url"));
    service = json_string_value(json_object_get(target, "service"));
    len = service ? strlen(service) : 0;
    body = pando_alloc(rq, 7 + len);

    if (len) {
        body[4] = (unsigned char) (2 + len);
        body[5] = 0x0a;
        body[6] = (unsigned char) len;
        memcpy(body + 7, service, len);
    }

    len = url[strlen(url) - 1] == '/' ? strlen(url) - 1 : strlen(url);
    got = pando_fetch(rq, &(pando_fetch_t) {
        .url = pando_text(rq, "%.*s/grpc.health.v1.Health/Check", (int) len,
                          url),
        .method = "POST", .headers = headers, .body = body,
        .len = 5 + (size_t) body[4], .timeout_ms = (int) job->timeout_ms,
        .max_body = 1024, .once = true, .http2 = true
    });

    if (got->error != PANDO_FETCH_OK) {
        health_unreached(job, got->error);
        return;
    }

    code = pando_fetched_header(got, "grpc-status");
    job->outcome = HEALTH_FAIL;

    if (got->status != 200 || (code && strcmp(code, "0") != 0)) {
        health_say(job->detail, sizeof(job->detail),
                   code ? pando_text(rq, "grpc status %.3s", code)
                        : pando_text(rq, "status %d", got->status));
        return;
    }

    if (got->len == 7 && memcmp(got->body, "\0\0\0\0\2\10\1", 7) == 0) {
        job->outcome = HEALTH_PASS;
        return;
    }

    health_say(job->detail, sizeof(job->detail), "it does not serve");
}


/* What is saved */

const pando_problem_t *
health_net_wrong(pando_req_t *rq, const health_target_t *target,
    const char **why)
{
    const char  *url;

    if (target->host == NULL) {
        return NULL;
    }

    if (strspn(target->host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
                             "WXYZ0123456789-._:") != strlen(target->host))
    {
        return &health_wrong_target;
    }

    url = pando_text(rq, strchr(target->host, ':') ? "https://[%s]/"
                                                   : "https://%s/",
                     target->host);

    return pando_fetch_allowed(rq, url, why) ? NULL
                                             : &health_forbidden_target;
}
