/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: a message is handed over to a provider.
 *
 * What matters is what an answer, or none, says about the message: it was
 * taken, it never will be, the provider is at fault and took nothing, or
 * nobody knows.  A request goes out once; who asked for it decides whether
 * there is another one.  No text and no secret goes into a log.
 */

#include "sms.h"


#define TIMEOUT_MS  10000


static const struct { const char  *code, *reason; } twilio_codes[] = {
    { "21211", "unknown_subscriber" }, { "21214", "unknown_subscriber" },
    { "21610", "barred" }, { "21612", "barred" },
    { "21614", "unknown_subscriber" }, { "30003", "absent" },
    { "30004", "barred" }, { "30005", "unknown_subscriber" },
    { "30006", "unknown_subscriber" }, { "30007", "spam_filter" },
    { "30008", "unknown" }, { "21606", "sender_rejected" },
    { "21212", "sender_rejected" }, { NULL, NULL }
}, vonage_codes[] = {
    { "7", "barred" }, { "15", "sender_rejected" }, { "29", "barred" },
    { "33", "unknown_subscriber" }, { "6", "blocked_content" },
    { "12", "blocked_content" }, { NULL, NULL }
}, vonage_errors[] = {                  /* of reports */
    { "2", "absent" }, { "3", "unknown_subscriber" }, { "4", "barred" },
    { "6", "spam_filter" }, { "7", "absent" }, { "9", "unknown_subscriber" },
    { "10", "blocked_content" }, { "12", "absent" }, { "13", "barred" },
    { "14", "barred" }, { "50", "spam_filter" }, { NULL, NULL }
}, sns_codes[] = {
    { "INVALID", "unknown_subscriber" }, { "UNREACHABLE", "absent" },
    { "CARRIER_UNREACHABLE", "absent" }, { "BLOCKED", "barred" },
    { "CARRIER_BLOCKED", "barred" }, { "PROTECT_BLOCKED", "barred" },
    { "SPAM", "spam_filter" }, { "INVALID_MESSAGE", "blocked_content" },
    { "TTL_EXPIRED", "expired" }, { NULL, NULL }
}, smsru_codes[] = {
    { "202", "unknown_subscriber" }, { "203", "blocked_content" },
    { "204", "sender_rejected" }, { "205", "blocked_content" },
    { "207", "barred" }, { "208", "expired" }, { "209", "barred" },
    { "214", "barred" }, { "221", "sender_rejected" },
    { "230", "spam_filter" }, { "231", "spam_filter" },
    { "232", "spam_filter" }, { NULL, NULL }
};


const char *
sms_reason(const char *kind, const char *code)
{
    size_t  i;

    __typeof__(&twilio_codes[0])  all =
        strcmp(kind, "twilio") == 0 ? twilio_codes
        : strcmp(kind, "smsru") == 0 ? smsru_codes
        : strcmp(kind, "vonage") == 0 ? vonage_codes
        : strcmp(kind, "vonage report") == 0 ? vonage_errors
        : strcmp(kind, "sns") == 0 ? sns_codes : NULL;

    for (i = 0; all && code && all[i].code; i++) {
        if (strcmp(all[i].code, code) == 0) {
            return all[i].reason;
        }
    }

    return "unknown";
}


/* application/x-www-form-urlencoded */

const char *
sms_form(pando_req_t *rq, const char *const *pairs)
{
    char                 *out, *o;
    size_t                i, len = 1;
    const unsigned char  *p;

    for (i = 0; pairs[i]; i++) {
        len += 3 * strlen(pairs[i]) + 1;
    }

    o = out = pando_alloc(rq, len);

    for (i = 0; pairs[i]; i++) {
        if (i) {
            *o++ = i % 2 ? '=' : '&';
        }

        for (p = (const unsigned char *) pairs[i]; *p; p++) {
            if ((*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z')
                || (*p >= 'a' && *p <= 'z') || strchr("-._~", *p))
            {
                *o++ = (char) *p;

            } else {
                o += sprintf(o, "%%%02X", *p);
            }
        }
    }

    return out;
}


const char *
sms_option(const sms_use_t *p, const char *name)
{
    const char  *value = json_string_value(json_object_get(p->config, name));

    return value ? value : "";
}


/* Where a provider tells of a message; "" where nobody can reach us. */

const char *
sms_callback(pando_req_t *rq, const sms_use_t *p, const char *what,
    const char *id)
{
    const char  *base = pando_setting(rq, "public_url");

    return *base ? pando_text(rq, "%s/api/v1/sms/%s/%s%s%s", base, what,
                              pando_uuid_text(rq, p->id), *id ? "?m=" : "", id)
                 : "";
}


const char *
sms_signature(pando_req_t *rq, const char *secret, const char *at,
    const char *body)
{
    char           hex[2 * PANDO_SHA256_SIZE + 1];
    size_t         i;
    const char    *content = pando_text(rq, "%s.%s", at, body);
    unsigned char  mac[PANDO_SHA256_SIZE];

    pando_assert(rq, pando_hmac_sha256(secret, strlen(secret), content,
                                       strlen(content), mac));

    for (i = 0; i < sizeof(mac); i++) {
        (void) sprintf(hex + 2 * i, "%02x", mac[i]);
    }

    return pando_copy(rq, hex, 2 * sizeof(mac));
}


/* Twilio's way of signing in. */

const char *
sms_basic(pando_req_t *rq, const sms_use_t *p)
{
    const char  *both = pando_text(rq, "%s:%s", sms_option(p, "account_sid"),
                                   sms_option(p, "auth_token"));
    char        *out = pando_alloc(rq, strlen(both) * 4 / 3 + 5);

    (void) sms_base64(both, strlen(both), out);

    return pando_text(rq, "Basic %s", out);
}


/* What an answer of HTTP says by itself; false: its body says more. */

bool
sms_settled(const pando_fetched_t *got, sms_submitted_t *out)
{
    const char  *after;

    *out = (sms_submitted_t) { .how = "unsure" };

    switch (got->error) {

    case PANDO_FETCH_OK:
        break;

    case PANDO_FETCH_BUSY:
        out->how = "busy";
        return true;

    case PANDO_FETCH_BAD_URL:
    case PANDO_FETCH_REFUSED_ADDRESS:
    case PANDO_FETCH_RESOLVE:
    case PANDO_FETCH_CONNECT:
    case PANDO_FETCH_TLS:
    case PANDO_FETCH_BREAKER_OPEN:
        out->how = "down";
        out->code = pando_fetch_error_text(got->error);
        out->pause_ms = got->retry_after_ms;
        return true;

    default:
        out->code = pando_fetch_error_text(got->error);
        return true;
    }

    if (got->status >= 500 || got->status == 401 || got->status == 403
        || got->status == 429)
    {
        after = pando_fetched_header(got, "Retry-After");
        out->how = "down";
        out->pause_ms = after ? 1000 * (int64_t) atoi(after) : 0;
        out->pause_ms = out->pause_ms > 600000 ? 600000 : out->pause_ms;
        return true;
    }

    return false;
}


void
sms_status_code(pando_req_t *rq, const pando_fetched_t *got,
    sms_submitted_t *out)
{
    if (out->code == NULL && got->status) {
        out->code = pando_text(rq, "http_%d", got->status);
    }
}


const char *
sms_text_of(pando_req_t *rq, json_t *value)
{
    return json_is_string(value) ? json_string_value(value)
           : json_is_integer(value)
           ? pando_text(rq, "%lld", (long long) json_integer_value(value))
           : NULL;
}


static void
by_http(pando_req_t *rq, const sms_use_t *p, const sms_out_t *m,
    sms_submitted_t *out)
{
    json_t                 *said;
    const char             *at, *body;
    const pando_fetched_t  *got;

    at = pando_text(rq, "%lld", (long long) (pando_now() / PANDO_TIME_SECOND));
    body = json_dumps(json_pack("{s:s, s:s, s:s?, s:s, s:s, s:s}",
        "id", m->id, "to", m->to, "from", m->sender, "text", m->body,
        "lane", m->lane, "callback", sms_callback(rq, p, "events", "")),
        JSON_COMPACT);

    const char *const  headers[] = {
        "Content-Type", "application/json", "X-Pando-Timestamp", at,
        "X-Pando-Signature",
        sms_signature(rq, sms_option(p, "secret"), at, body), NULL
    };

    got = pando_fetch(rq, &(pando_fetch_t) {
        .method = "POST", .url = p->base_url, .headers = headers,
        .body = body, .len = strlen(body), .timeout_ms = TIMEOUT_MS,
        .once = true });

    if (!sms_settled(got, out)) {
        said = json_loadb(got->body ? got->body : "", got->len, 0, NULL);
        out->how = got->status < 300 ? "accepted" : "failed";
        out->ref = sms_text_of(rq, json_object_get(said, "ref"));
        out->code = sms_text_of(rq, json_object_get(said, "code"));
        out->reason = got->status < 300 ? NULL
                      : sms_normal(json_string_value(
                            json_object_get(said, "reason")));
    }

    sms_status_code(rq, got, out);
}


static void
by_twilio(pando_req_t *rq, const sms_use_t *p, const sms_out_t *m,
    sms_submitted_t *out)
{
    json_t                 *said;
    const char             *body, *back = sms_callback(rq, p, "events", m->id);
    const pando_fetched_t  *got;

    const char *const  pairs[] = {
        "To", m->to, "From", m->sender ? m->sender : sms_option(p, "from"),
        "Body", m->body, *back ? "StatusCallback" : NULL, back, NULL
    };
    const char *const  headers[] = {
        "Content-Type", "application/x-www-form-urlencoded", "Authorization",
        sms_basic(rq, p), NULL
    };

    body = sms_form(rq, pairs);
    got = pando_fetch(rq, &(pando_fetch_t) {
        .method = "POST", .headers = headers, .body = body,
        .url = pando_text(rq, "%s/2010-04-01/Accounts/%s/Messages.json",
            *p->base_url ? p->base_url : "https://api.twilio.com",
            sms_option(p, "account_sid")),
        .len = strlen(body), .timeout_ms = TIMEOUT_MS, .once = true });

    if (!sms_settled(got, out)) {
        said = json_loadb(got->body ? got->body : "", got->len, 0, NULL);
        out->how = got->status < 300 ? "accepted" : "failed";
        out->ref = sms_text_of(rq, json_object_get(said, "sid"));
        out->code = got->status < 300 ? NULL
                    : sms_text_of(rq, json_object_get(said, "code"));
        out->reason = got->status < 300 ? NULL : sms_reason("twilio",
                                                            out->code);
    }

    sms_status_code(rq, got, out);
}


static void
by_smsru(pando_req_t *rq, const sms_use_t *p, const sms_out_t *m,
    sms_submitted_t *out)
{
    json_t                 *said, *one;
    const char             *body;
    const pando_fetched_t  *got;

    const char *const  pairs[] = {
        "api_id", sms_option(p, "api_id"), "to", m->to + 1, "msg", m->body,
        "json", "1", m->sender ? "from" : NULL, m->sender, NULL
    };
    const char *const  headers[] = {
        "Content-Type", "application/x-www-form-urlencoded", NULL
    };

    body = sms_form(rq, pairs);
    got = pando_fetch(rq, &(pando_fetch_t) {
        .method = "POST", .headers = headers, .body = body,
        .url = pando_text(rq, "%s/sms/send",
            *p->base_url ? p->base_url : "https://sms.ru"),
        .len = strlen(body), .timeout_ms = TIMEOUT_MS, .once = true });

    if (!sms_settled(got, out)) {
        said = json_loadb(got->body ? got->body : "", got->len, 0, NULL);
        one = json_object_get(json_object_get(said, "sms"), m->to + 1);
        out->ref = sms_text_of(rq, json_object_get(one, "sms_id"));
        out->code = sms_text_of(rq, json_object_get(one ? one : said,
                                                "status_code"));

        if (one && out->code && strcmp(out->code, "100") == 0) {
            out->how = "accepted";
            out->code = NULL;

        } else if (said) {
            out->how = one ? "failed" : "down";
            out->reason = one ? sms_reason("smsru", out->code) : NULL;
        }
    }

    sms_status_code(rq, got, out);
}


static void
by_kannel(pando_req_t *rq, const sms_use_t *p, const sms_out_t *m,
    sms_submitted_t *out)
{
    const char             *back = sms_callback(rq, p, "events", m->id);
    const pando_fetched_t  *got;

    const char *const  pairs[] = {
        "username", sms_option(p, "username"),
        "password", sms_option(p, "password"), "to", m->to, "text", m->body,
        "charset", "UTF-8", "coding", m->ucs2 ? "2" : "0",
        "from", m->sender ? m->sender : sms_option(p, "from"),
        *back ? "dlr-mask" : NULL, "31", "dlr-url",
        pando_text(rq, "%s&key=%s&status=%%d", back, sms_option(p, "secret")),
        NULL
    };

    got = pando_fetch(rq, &(pando_fetch_t) {
        .method = "GET", .once = true, .timeout_ms = TIMEOUT_MS,
        .url = pando_text(rq, "%s/cgi-bin/sendsms?%s", p->base_url,
                          sms_form(rq, pairs)) });

    if (!sms_settled(got, out)) {
        out->how = got->status < 300 ? "accepted" : "failed";
        out->reason = got->status < 300 ? NULL : "unknown";
    }

    sms_status_code(rq, got, out);
}


void
sms_submit(pando_req_t *rq, const sms_use_t *p, const sms_out_t *m,
    sms_submitted_t *out)
{
    size_t  i;

    static const struct {
        const char   *kind;
        void        (*by)(pando_req_t *rq, const sms_use_t *p,
                          const sms_out_t *m, sms_submitted_t *out);
    } ways[] = {
        { "http", by_http }, { "twilio", by_twilio }, { "smsru", by_smsru },
        { "kannel", by_kannel }, { "vonage", sms_by_vonage },
        { "sns", sms_by_sns }
    };

    *out = (sms_submitted_t) { .how = "down", .code = "no_adapter" };

    for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (strcmp(ways[i].kind, p->kind) == 0) {
            ways[i].by(rq, p, m, out);
        }
    }
}
