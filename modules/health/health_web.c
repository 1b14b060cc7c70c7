/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Health: checks over HTTP, of one request or of up to ten in a row.
 *
 * The root sees to it that nothing private is called, whatever a name becomes
 * between two runs.  A step of a scenario may capture values of its answer,
 * which later ones write as {name}.  What is told is what was expected and did
 * not come: no address, no text of an answer.
 */

#include "health.h"


typedef struct {
    health_job_t   *job;
    const json_t   *ask;                /* the target, or one of its steps */
    json_t         *known;              /* what steps before have captured */
    int64_t         until_ms;
    int             number;             /* 0: there is but one */
} step_t;


static bool run(pando_req_t *rq, step_t *s);
static bool say(pando_req_t *rq, step_t *s, health_outcome_t outcome,
    const char *what);


void
health_web(pando_req_t *rq, health_job_t *job)
{
    size_t   i;
    json_t  *target = json_loads(job->target, 0, NULL);
    json_t  *steps = json_object_get(target, "steps");
    step_t   s = { .job = job, .ask = target, .known = json_object(),
                   .until_ms = pando_monotonic_ms() + job->timeout_ms };

    if (steps == NULL) {
        (void) run(rq, &s);
        return;
    }

    for (i = 0; i < json_array_size(steps); i++) {
        s.ask = json_array_get(steps, i);
        s.number = (int) i + 1;

        if (!run(rq, &s)) {
            return;
        }
    }
}


static bool
say(pando_req_t *rq, step_t *s, health_outcome_t outcome, const char *what)
{
    s->job->outcome = outcome;
    health_say(s->job->detail, sizeof(s->job->detail), s->number && *what
               ? pando_text(rq, "step %d: %s", s->number, what) : what);

    return outcome == HEALTH_PASS;
}


static const char *
text_of(const json_t *ask, const char *name)
{
    return json_string_value(json_object_get(ask, name));
}


/* A text with what was captured in place of {name}. */

static const char *
filled(pando_req_t *rq, const step_t *s, const char *text)
{
    size_t       len;
    const char  *open, *value, *out = "";

    while (text && (open = strchr(text, '{')) != NULL) {
        len = strcspn(open, "}");
        value = text_of(s->known, pando_copy(rq, open + 1, len - 1));

        if (value == NULL) {
            len = 0;
            value = "{";
        }

        out = pando_text(rq, "%s%.*s%s", out, (int) (open - text), text,
                         value);
        text = open + len + 1;
    }

    return text ? pando_text(rq, "%s%s", out, text) : NULL;
}


static const char *const *
headers(pando_req_t *rq, const step_t *s)
{
    size_t        n = 0;
    json_t       *all = json_object_get(s->ask, "headers"), *value;
    const char   *name, **out;

    out = pando_alloc(rq, (2 * json_object_size(all) + 1) * sizeof(char *));

    json_object_foreach(all, name, value) {
        out[n++] = name;
        out[n++] = filled(rq, s, json_string_value(value));
    }

    return out;
}


/* RFC 6901, as far as texts of the answer go. */

static const json_t *
at_pointer(pando_req_t *rq, const json_t *tree, const char *pointer)
{
    char        *name, *p, *to;
    size_t       len;

    for (/* void */; tree && *pointer == '/'; pointer += len) {
        len = strcspn(++pointer, "/");
        name = pando_copy(rq, pointer, len);

        for (p = to = name; *p; p++) {
            *to++ = *p != '~' ? *p : *++p == '1' ? '/' : '~';

            if (*p == '\0') {
                break;
            }
        }

        *to = '\0';

        tree = json_is_array(tree)
               ? json_array_get(tree, (size_t) health_number(name))
               : json_object_get(tree, name);
    }

    return tree;
}


/* As it is written in a check: a text without quotes, all else as JSON. */

static const char *
as_text(const json_t *value)
{
    return value == NULL ? NULL
         : json_is_string(value) ? json_string_value(value)
         : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
}


static bool
has_status(const json_t *ask, int status)
{
    size_t   i;
    json_t  *all = json_object_get(ask, "statuses");

    for (i = 0; i < json_array_size(all); i++) {
        if (json_integer_value(json_array_get(all, i)) == status) {
            return true;
        }
    }

    return all == NULL && status >= 200 && status < 300;
}


static bool
captured(pando_req_t *rq, step_t *s, const json_t *tree)
{
    json_t      *all = json_object_get(s->ask, "capture"), *pointer;
    const char  *name, *value;

    json_object_foreach(all, name, pointer) {
        value = as_text(at_pointer(rq, tree, json_string_value(pointer)));

        if (value == NULL) {
            return false;
        }

        json_object_set_new(s->known, name, json_string(value));
    }

    return true;
}


/* What the answer must hold. */

static bool
holds(pando_req_t *rq, step_t *s, const pando_fetched_t *got)
{
    json_t      *tree;
    const char  *matches = text_of(s->ask, "matches");
    const char  *pointer = text_of(s->ask, "pointer");
    const char  *equals = text_of(s->ask, "equals"), *value;

    if (!has_status(s->ask, got->status)) {
        return say(rq, s, HEALTH_FAIL,
                   pando_text(rq, "status %d", got->status));
    }

    if (matches
        && pando_pattern_match(matches, strlen(matches), got->body, got->len)
           != PANDO_MATCHES)
    {
        return say(rq, s, HEALTH_FAIL, "the answer does not match");
    }

    if (pointer == NULL && json_object_get(s->ask, "capture") == NULL) {
        return say(rq, s, HEALTH_PASS, "");
    }

    if (!pando_json_depth_ok(got->body, got->len, 64)
        || (tree = json_loadb(got->body, got->len, JSON_DECODE_ANY, NULL))
           == NULL)
    {
        return say(rq, s, HEALTH_FAIL, "the answer is no JSON");
    }

    value = pointer ? as_text(at_pointer(rq, tree, pointer)) : "";

    if (value == NULL || (equals && strcmp(value, equals) != 0)) {
        return say(rq, s, HEALTH_FAIL, "the answer says something else");
    }

    if (!captured(rq, s, tree)) {
        return say(rq, s, HEALTH_FAIL, "there is nothing to capture");
    }

    return say(rq, s, HEALTH_PASS, "");
}


/* What kept the question from being asked says nothing of who was asked. */

static bool
run(pando_req_t *rq, step_t *s)
{
    int64_t                 left = s->until_ms - pando_monotonic_ms();
    pando_fetch_t           ask = { .once = true, .max_body = 256 * 1024 };
    const pando_fetched_t  *got;

    if (left <= 0) {
        return say(rq, s, HEALTH_FAIL, "timeout");
    }

    ask.method = text_of(s->ask, "method");
    ask.url = filled(rq, s, text_of(s->ask, "url"));
    ask.headers = headers(rq, s);
    ask.body = filled(rq, s, text_of(s->ask, "body"));
    ask.len = ask.body ? strlen(ask.body) : 0;
    ask.timeout_ms = (int) left;
    ask.redirects = (int) json_integer_value(json_object_get(s->ask,
                                                             "redirects"));
    got = pando_fetch(rq, &ask);

    if (got->error == PANDO_FETCH_OK
        || got->error == PANDO_FETCH_TOO_LARGE)
    {
        return holds(rq, s, got);
    }

    health_unreached(s->job, got->error);

    return say(rq, s, s->job->outcome, pando_fetch_error_text(got->error));
}


void
health_unreached(health_job_t *job, pando_fetch_error_t error)
{
    job->outcome = error == PANDO_FETCH_BAD_URL
                   || error == PANDO_FETCH_REFUSED_ADDRESS
                   || error == PANDO_FETCH_BUSY ? HEALTH_UNKNOWN
                                                : HEALTH_FAIL;
    health_say(job->detail, sizeof(job->detail),
               pando_fetch_error_text(error));
}


/* What is saved */

static bool
are_texts(json_t *tree)
{
    json_t      *value;
    const char  *name;

    json_object_foreach(tree, name, value) {
        if (!json_is_string(value)) {
            return false;
        }
    }

    return tree == NULL || json_is_null(tree) || json_is_object(tree);
}


/* Where something is captured the host stands before it. */

static const pando_problem_t *
request_wrong(pando_req_t *rq, const health_target_t *t, const char **why)
{
    char  *url, *p, *reason = pando_alloc(rq, 200);

    if (!are_texts(t->headers) || !are_texts(t->capture)) {
        return &health_wrong_target;
    }

    if (t->matches
        && !pando_pattern_ok(t->matches, strlen(t->matches), reason, 200))
    {
        *why = reason;
        return &health_wrong_target;
    }

    if (t->url == NULL) {
        return NULL;
    }

    url = pando_copy(rq, t->url, strlen(t->url));

    for (p = url; *p; p++) {
        *p = *p == '{' || *p == '}' ? 'x' : *p;
    }

    return pando_fetch_allowed(rq, url, why) ? NULL
                                             : &health_forbidden_target;
}


const pando_problem_t *
health_web_wrong(pando_req_t *rq, const health_target_t *target,
    const char **why)
{
    size_t                  i;
    const health_target_t  *steps = target->steps.items;
    const pando_problem_t  *wrong = request_wrong(rq, target, why);

    for (i = 0; wrong == NULL && i < target->steps.n; i++) {
        wrong = steps[i].url ? request_wrong(rq, &steps[i], why)
                             : &health_wrong_target;
    }

    return wrong;
}
