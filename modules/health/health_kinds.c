/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Health: the kinds of checks, each a wait of its own flow.  What a kind
 * says is of this system alone: no text of an error, which could hold names
 * of hosts or users, gets into a result.
 */

#include "health.h"
#include "health_api.h"


typedef struct {
    char      path[200];
    uint64_t  size, spare;
    bool      known;
} disk_t;


static void postgres(pando_req_t *rq, health_job_t *job);
static void disk(pando_req_t *rq, health_job_t *job);
static void module(pando_req_t *rq, health_job_t *job);
static void redis(pando_req_t *rq, health_job_t *job);
static void queue(pando_req_t *rq, health_job_t *job);
static void look(void *data);


void
health_kind_run(pando_req_t *rq, health_job_t *job)
{
    static void (*const  kinds[])(pando_req_t *rq, health_job_t *job) = {
        [HEALTH_POSTGRES] = postgres,
        [HEALTH_DISK] = disk,
        [HEALTH_MODULE] = module,
        [HEALTH_REDIS] = redis,
        [HEALTH_QUEUE] = queue,
        [HEALTH_HTTP] = health_web,
        [HEALTH_SCENARIO] = health_web,
        [HEALTH_TCP] = health_tcp,
        [HEALTH_TLS] = health_tls,
        [HEALTH_SMTP] = health_smtp,
        [HEALTH_DNS] = health_dns,
        [HEALTH_GRPC] = health_grpc
    };

    kinds[job->kind](rq, job);
}


void
health_say(char *out, size_t size, const char *text)
{
    size_t  len = strlen(text);

    len = len < size ? len : size - 1;

    while (len && text[len] && (text[len] & 0xc0) == 0x80) {
        len--;                          /* not within a character */
    }

    memcpy(out, text, len);
    out[len] = '\0';
}


/* What others say may hold what nobody should read. */

const char *
health_scrubbed(pando_req_t *rq, const char *text)
{
    char  *copy = pando_copy(rq, text, strlen(text));

    health_scrub(copy);

    return copy;
}


/* A whole number of the target; 0 where it is absent. */

static int64_t
option(const json_t *target, const char *name)
{
    return json_integer_value(json_object_get(target, name));
}


/* What was measured, held against two bounds of the target, and told. */

static void
bounded(pando_req_t *rq, health_job_t *job, int64_t value, int64_t warn,
    int64_t fail, const char *unit)
{
    health_outcome_t  now;

    if (warn == 0 && fail == 0) {
        return;
    }

    now = fail && value >= fail ? HEALTH_FAIL
        : warn && value >= warn ? HEALTH_WARN : HEALTH_PASS;
    job->outcome = now > job->outcome ? now : job->outcome;
    health_say(job->detail, sizeof(job->detail),
               pando_text(rq, "%s%s%lld %s", job->detail,
                          job->detail[0] ? ", " : "", (long long) value,
                          unit));
}


/* Where the database is away this flow ends, and the run is overdue. */

static void
postgres(pando_req_t *rq, health_job_t *job)
{
    int64_t                   warn = job->warn_percent;
    int64_t                   fail = job->fail_percent;
    json_t                   *t = json_loads(job->target, 0, NULL);
    health_sql_server_row_t  *is;

    (void) health_sql_ping(pando_auto(rq));
    job->outcome = HEALTH_PASS;
    json_object_del(t, "slow_ms");

    if (json_object_size(t) == 0) {
        return;
    }

    is = health_sql_server(pando_auto(rq));
    bounded(rq, job, is->connections, warn <= 100 ? warn : 0,
            fail <= 100 ? fail : 0, "% of its connections");
    bounded(rq, job, is->lag_s, option(t, "lag_warn_s"),
            option(t, "lag_fail_s"), "s behind");
    bounded(rq, job, is->age_s, option(t, "age_warn_s"),
            option(t, "age_fail_s"), "s of a transaction");
    bounded(rq, job, is->xids, option(t, "xids_warn"),
            option(t, "xids_fail"), "transaction ids");
}


static void
disk(pando_req_t *rq, health_job_t *job)
{
    disk_t   *d = pando_alloc(rq, sizeof(disk_t));
    int64_t   used;

    health_say(d->path, sizeof(d->path), job->subject);

    if (pando_offload(rq, "default", look, d) != 0) {
        job->outcome = HEALTH_UNKNOWN;
        health_say(job->detail, sizeof(job->detail), "no thread to look");
        return;
    }

    if (!d->known || d->size == 0) {
        job->outcome = HEALTH_FAIL;
        health_say(job->detail, sizeof(job->detail),
                   "the file system cannot be looked at");
        return;
    }

    used = 100 - (int64_t) (d->spare * 100 / d->size);
    job->outcome = used >= job->fail_percent ? HEALTH_FAIL
                 : used >= job->warn_percent ? HEALTH_WARN : HEALTH_PASS;
    health_say(job->detail, sizeof(job->detail),
               pando_text(rq, "%lld %% used", (long long) used));
}


static void
look(void *data)
{
    disk_t  *d = data;

    d->known = pando_disk(d->path, &d->size, &d->spare);
}


static void
module(pando_req_t *rq, health_job_t *job)
{
    int               rc;
    health_ask_t      ask = { { 0, 0 } };
    health_verdict_t  verdict = { .detail = NULL };

    static const health_outcome_t  outcomes[] = {
        [HEALTH_SAYS_PASS] = HEALTH_PASS,
        [HEALTH_SAYS_WARN] = HEALTH_WARN,
        [HEALTH_SAYS_FAIL] = HEALTH_FAIL
    };

    rc = pando_call(rq, pando_text(rq, "%s.check", job->subject),
                    &health_ask, &ask, &health_verdict, &verdict);

    if (rc == 0) {
        job->outcome = outcomes[verdict.outcome];
        health_say(job->detail, sizeof(job->detail),
                   verdict.detail ? health_scrubbed(rq, verdict.detail) : "");
        return;
    }

    job->outcome = rc == PANDO_CALL_ABSENT ? HEALTH_UNKNOWN : HEALTH_FAIL;
    health_say(job->detail, sizeof(job->detail), rc == PANDO_CALL_ABSENT
               ? "the module offers no check" : "the module does not answer");
}


/* A line of what INFO says: "used_memory:1048576". */

static const char *
info_of(const pando_redis_t *info, const char *name)
{
    size_t       len = strlen(name);
    const char  *p = info->text;

    while (p && strncmp(p, name, len) != 0) {
        p = strchr(p, '\n');
        p = p ? p + 1 : NULL;
    }

    return p ? p + len : "";
}


int64_t
health_number(const char *p)
{
    int64_t  n = 0;

    if (*p < '0' || *p > '9') {
        return -1;
    }

    for (/* void */; *p >= '0' && *p <= '9' && n < INT64_MAX / 10 - 9; p++) {
        n = n * 10 + (*p - '0');
    }

    return n;
}


static int64_t
number_of(const pando_redis_t *info, const char *name)
{
    int64_t  n = health_number(info_of(info, name));

    return n > 0 ? n : 0;
}


/* It answers, has memory left, and a replica hears its master. */

static void
redis(pando_req_t *rq, health_job_t *job)
{
    int64_t               most, used = 0;
    const char           *link;
    const pando_redis_t  *info = pando_redis_do(rq, "INFO");

    if (info == NULL || info->is != PANDO_REDIS_TEXT) {
        job->outcome = HEALTH_FAIL;
        health_say(job->detail, sizeof(job->detail),
                   "Redis does not answer");
        return;
    }

    most = number_of(info, "maxmemory:");

    if (most) {
        used = number_of(info, "used_memory:") * 100 / most;
        health_say(job->detail, sizeof(job->detail),
                   pando_text(rq, "%lld %% of its memory used",
                              (long long) used));
    }

    job->outcome = used >= job->fail_percent ? HEALTH_FAIL
                 : used >= job->warn_percent ? HEALTH_WARN : HEALTH_PASS;
    link = info_of(info, "master_link_status:");

    if (*link && strncmp(link, "up", 2) != 0) {
        job->outcome = HEALTH_FAIL;
        health_say(job->detail, sizeof(job->detail),
                   "the replica does not hear its master");
    }
}


/* Its oldest job that is due. */

static void
queue(pando_req_t *rq, health_job_t *job)
{
    json_t   *t = json_loads(job->target, 0, NULL);
    int64_t   age = health_sql_oldest_job(pando_auto(rq), job->subject);

    job->outcome = HEALTH_PASS;
    bounded(rq, job, age, option(t, "age_warn_s"), option(t, "age_fail_s"),
            "s due");
}
