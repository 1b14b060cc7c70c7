/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Problems (RFC 9457): the root's own, and how any of them is written.  The
 * text never names an internal; what went wrong inside is in the log under
 * the same request id.
 */

#include "pando_root.h"


const pando_problem_t
pando_not_found = { .status = 404, .code = "not_found",
    .text = "there is no such thing here" },
pando_no_such_route = { .status = 404, .code = "route_not_found",
    .text = "there is nothing at this path" },
pando_wrong_method = { .status = 405, .code = "method_not_allowed",
    .text = "this path does not answer that method" },
pando_unauthorized = { .status = 401, .code = "unauthorized",
    .text = "a valid bearer token is needed" },
pando_token_expired = { .status = 401, .code = "token_expired",
    .text = "the token has expired" },
pando_step_up = { .status = 401, .code = "step_up_required",
    .text = "this needs a stronger or a more recent sign-in" },
pando_forbidden = { .status = 403, .code = "forbidden",
    .text = "the token does not allow this" },
pando_malformed = { .status = 400, .code = "malformed",
    .text = "the request cannot be read" },
pando_invalid = { .status = 422, .code = "invalid",
    .text = "the request is not of the right shape" },
pando_bad_value = { .status = 422, .code = "invalid_value",
    .text = "a value of the request is out of range" },
pando_precondition = { .status = 412, .code = "precondition_failed",
    .text = "the version is no longer the one in if-match" },
pando_too_large = { .status = 413, .code = "too_large",
    .text = "the body is larger than this route takes" },
pando_unsupported_media = { .status = 415, .code = "unsupported_media_type",
    .text = "the body must be application/json" },
pando_key_malformed = { .status = 400, .code = "idempotency_key_malformed",
    .text = "an idempotency key is 1 to 255 visible characters" },
pando_key_running = { .status = 409, .code = "idempotency_in_progress",
    .text = "a request with this idempotency key is still running",
    .retry_after = 1 },
pando_key_reused = { .status = 422, .code = "idempotency_key_reused",
    .text = "this idempotency key came with another request" },
pando_internal = { .status = 500, .code = "internal",
    .text = "something went wrong here" },
pando_busy = { .status = 503, .code = "busy",
    .text = "too much is going on here, try again", .retry_after = 1 },
pando_limited = { .status = 429, .code = "rate_limited",
    .text = "too many requests, slow down", .retry_after = 1 },
pando_full = { .status = 503, .code = "overloaded",
    .text = "this server is at its limit, try again", .retry_after = 1 },
pando_unavailable = { .status = 503, .code = "unavailable",
    .text = "a needed service is away, try again", .retry_after = 1 },
pando_timed_out = { .status = 503, .code = "timed_out",
    .text = "this took too long, try again", .retry_after = 1 },
pando_outcome_unknown = { .status = 503, .code = "outcome_unknown",
    .text = "it is not known whether this was done, "
            "try again with the same idempotency key", .retry_after = 1 };


pando_answer_t *
pando_answer_problem(pando_req_t *rq, const pando_problem_t *problem,
    const char *pointer)
{
    pando_answer_t  *a = ngx_pcalloc(rq->pool, sizeof(pando_answer_t));

    if (a) {
        a->is = PANDO_ANSWER_PROBLEM;
        a->status = problem->status;
        a->problem = problem;
        a->pointer = pointer ? pointer : problem->pointer;
        a->version = -1;
    }

    return a;
}


/*
 * Written into r's pool: rq may have ended, and may be NULL.
 */

ngx_int_t
pando_problem_body(ngx_http_request_t *r, pando_req_t *rq,
    const pando_answer_t *a, ngx_str_t *body)
{
    size_t                  i, len;
    pando_out_t             out;
    pando_ctx_t            *ctx = pando_http_ctx(r);
    pando_mem_t             mem = pando_pool_mem(r->pool);
    ngx_keyval_t           *note;
    const pando_problem_t  *p = a->problem;

    pando_out_init(&out, &mem);

    pando_out_raw(&out, "{\"type\":\"/docs/problems#");
    pando_out_raw(&out, p->code);
    pando_out_raw(&out, "\",\"title\":");
    pando_out_text(&out, pando_problem_title(p->status));
    pando_out_raw(&out, ",\"status\":");
    pando_out_int(&out, p->status);
    pando_out_raw(&out, ",\"code\":");
    pando_out_text(&out, p->code);
    pando_out_raw(&out, ",\"detail\":");
    pando_out_text(&out, p->text);

    if (a->faults && a->faults->n) {
        pando_out_char(&out, ',');
        pando_faults_write(a->faults, &out);

    } else if (a->pointer) {
        pando_out_raw(&out, ",\"errors\":[{\"pointer\":");
        pando_out_text(&out, a->pointer);
        pando_out_raw(&out, ",\"code\":");
        pando_out_text(&out, p->code);
        pando_out_raw(&out, ",\"message\":");
        pando_out_text(&out, p->text);
        pando_out_raw(&out, "}]");
    }

    if (rq && rq->notes) {
        note = rq->notes->elts;

        for (i = 0; i < rq->notes->nelts; i++) {
            pando_out_char(&out, ',');
            pando_out_text_n(&out, (char *) note[i].key.data,
                             note[i].key.len);
            pando_out_char(&out, ':');
            pando_out_text_n(&out, (char *) note[i].value.data,
                             note[i].value.len);
        }
    }

    pando_out_raw(&out, ",\"request_id\":");
    pando_out_text_n(&out, (char *) ctx->request_id.data,
                     ctx->request_id.len);
    pando_out_char(&out, '}');

    body->data = (u_char *) pando_out_flat(&out, &len);
    body->len = len;

    return body->data ? NGX_OK : NGX_ERROR;
}


const char *
pando_problem_title(int status)
{
    switch (status) {
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 500: return "Internal Server Error";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default:  return "Error";
    }
}


/* From a flow: the problem is the answer, and the flow is left. */

void
pando_leave(pando_req_t *rq, const pando_problem_t *problem)
{
    pando_leave_at(rq, problem, NULL);
}


void
pando_leave_at(pando_req_t *rq, const pando_problem_t *problem,
    const char *pointer)
{
    rq->answer = pando_answer_problem(rq, problem, pointer);
    pando_flow_stop(rq);
}


void
pando_broken(pando_req_t *rq, const char *what, const char *file, int line)
{
    ngx_log_error(NGX_LOG_ALERT, rq->log, 0,
                  "pando: not so: %s at %s:%d", what, file, line);

    pando_leave(rq, &pando_internal);
}
