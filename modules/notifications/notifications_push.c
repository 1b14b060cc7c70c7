/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Notifications: a push to one device.
 *
 * What a device is told fits into 4 KiB: where the texts do not, it is told to
 * ask for them.  Web Push needs no account anywhere; Google and Apple are
 * called where this installation has one, and where it has none, or captures
 * all, a push is kept where an admin can see it.
 */

#include "notifications.h"


#define TTL_S    2419200                /* four weeks, if nothing is said */
#define TIMEOUT  15000


typedef struct {
    pando_push_t    push;
    unsigned char  *out;
    const char     *pem, *claims, *token_why;
    char           *token;
    bool            good;
} work_t;


static json_t *payload(pando_req_t *rq, const notifications_claim_t *row,
    bool whole);
static void capture(pando_req_t *rq, const notifications_claim_t *row,
    notifications_outcome_t *out);
static void web(pando_req_t *rq, const notifications_claim_t *row,
    const char *url, notifications_outcome_t *out);


void
notifications_push(pando_req_t *rq, const notifications_claim_t *row,
    notifications_outcome_t *out)
{
    bool         live = strcmp(pando_setting(rq, "push"), "live") == 0;
    size_t       len;
    const char  *token;

    token = pando_reveal(rq, NOTIFICATIONS_TOKEN, row->token_ct, &len);

    if (token == NULL) {
        out->error = "token_unreadable";

    } else if (live && strcmp(row->platform, "webpush") == 0) {
        web(rq, row, token, out);

    } else if (live && strcmp(row->platform, "fcm") == 0
               && *pando_setting(rq, "fcm_project"))
    {
        notifications_fcm(rq, row, token, out);

    } else if (live && strcmp(row->platform, "apns") == 0
               && *pando_setting(rq, "apns_team"))
    {
        notifications_apns(rq, row, token, out);

    } else {
        capture(rq, row, out);
    }
}


/* Good answers and bad ones that all providers share; true: it was one. */

bool
notifications_answered(const pando_fetched_t *got,
    notifications_outcome_t *out)
{
    int64_t      s;
    const char  *text;

    if (got->error != PANDO_FETCH_OK && got->error != PANDO_FETCH_TOO_LARGE) {
        out->how = got->error == PANDO_FETCH_REFUSED_ADDRESS
                   || got->error == PANDO_FETCH_BAD_URL ? "failed"
                   : got->error == PANDO_FETCH_BREAKER_OPEN
                   || got->error == PANDO_FETCH_BUSY ? "later" : "retry";
        out->error = pando_fetch_error_text(got->error);
        out->after_s = (int32_t) (got->retry_after_ms / 1000);
        return true;
    }

    if (got->status >= 200 && got->status < 300) {
        out->how = "sent";
        out->error = NULL;
        return true;
    }

    if (got->status != 429 && got->status < 500) {
        return false;
    }

    out->how = "retry";
    out->error = got->status == 429 ? "rate_limited" : "provider_error";
    text = pando_fetched_header(got, "Retry-After");
    s = text ? notifications_seconds(text, pando_now()) : 0;
    out->after_s = (int32_t) s;

    return true;
}


json_t *
notifications_payload(pando_req_t *rq, const notifications_claim_t *row,
    size_t most)
{
    json_t  *all = payload(rq, row, true);

    return strlen(notifications_json(rq, all)) <= most
           ? all : payload(rq, row, false);
}


static json_t *
payload(pando_req_t *rq, const notifications_claim_t *row, bool whole)
{
    json_t      *texts = json_loads(row->texts, 0, NULL), *out, *value;
    const char  *name;

    out = json_pack("{s:s, s:s, s:s}", "id", pando_uuid_text(rq, row->id),
                    "token", notifications_event_token(rq, row),
                    "category", row->category);

    if (row->tag) {
        json_object_set_new(out, "tag", json_string(row->tag));
    }

    json_object_foreach(texts, name, value) {
        if ((whole || strcmp(name, "title") == 0)
            && strcmp(name, "channel") != 0 && strcmp(name, "locale") != 0)
        {
            json_object_set(out, name, value);
        }
    }

    if (!whole) {
        json_object_set_new(out, "more", json_true());
    }

    return out;
}


static void
capture(pando_req_t *rq, const notifications_claim_t *row,
    notifications_outcome_t *out)
{
    pando_uuid_t  device;

    pando_assert(rq, pando_uuid_parse(row->target, strlen(row->target),
                                      &device));
    (void) notifications_sql_outbox_add(pando_auto(rq), row->id,
        row->user_id, device, row->platform,
        notifications_json(rq, notifications_payload(rq, row,
                                                     PANDO_PUSH_TEXT)));
    out->how = "delivered";
    out->provider = "captured";
    out->error = NULL;
}


/* Where it is asked for: scheme, host and port of a URL. */

static const char *
origin(pando_req_t *rq, const char *url)
{
    const char  *host = strstr(url, "://");
    size_t       n;

    n = host ? (size_t) (host + 3 - url) + strcspn(host + 3, "/?#")
             : strlen(url);

    return pando_copy(rq, url, n);
}


static void
encrypt(void *data)
{
    work_t  *w = data;

    w->good = pando_push_encrypt(&w->push, w->out);
    w->token_why = pando_push_token(w->pem, NULL, w->claims, w->token,
                                    NOTIFICATIONS_JWT);
}


/* Messages of one tag replace each other on the device. */

static const char *
topic(pando_req_t *rq, const char *tag)
{
    char           *text = pando_alloc(rq, 45);
    unsigned char   hash[PANDO_SHA256_SIZE];

    pando_assert(rq, pando_sha256(tag, strlen(tag), hash));
    (void) pando_base64url_encode(hash, 24, text);

    return text;
}


static bool
prepare(pando_req_t *rq, const notifications_claim_t *row, const char *url,
    work_t *w)
{
    w->push.text = notifications_json(rq,
                        notifications_payload(rq, row, PANDO_PUSH_TEXT));
    w->push.len = strlen(w->push.text);
    w->push.point = notifications_bytes(rq, row->p256dh, PANDO_PUSH_POINT);
    w->push.auth = notifications_bytes(rq, row->auth, PANDO_PUSH_AUTH);
    w->out = pando_alloc(rq, w->push.len + PANDO_PUSH_ADDED);
    w->token = pando_alloc(rq, NOTIFICATIONS_JWT);
    w->claims = notifications_json(rq, json_pack("{s:s, s:I, s:s}",
        "aud", origin(rq, url), "exp", (json_int_t)
        (pando_now() / PANDO_TIME_SECOND + 12 * 3600),
        "sub", pando_setting(rq, "vapid_subject")));

    return w->push.point && w->push.auth && w->pem
           && pando_offload(rq, "default", encrypt, w) == 0 && w->good
           && w->token_why == NULL;
}


static void
web(pando_req_t *rq, const notifications_claim_t *row, const char *url,
    notifications_outcome_t *out)
{
    work_t                  *w = pando_alloc(rq, sizeof(work_t));
    pando_fetch_t            ask;
    notifications_vapid_t   *vapid = notifications_vapid(rq, &w->pem);
    const pando_fetched_t   *got;

    out->provider = "webpush";

    if (!prepare(rq, row, url, w)) {
        out->error = "not_encrypted";
        return;
    }

    const char *const  headers[] = {
        "Content-Type", "application/octet-stream",
        "Content-Encoding", "aes128gcm",
        "TTL", pando_text(rq, "%lld", (long long)
                          (row->has_ttl_s ? row->ttl_s : TTL_S)),
        "Urgency", row->urgent ? "high" : "normal",
        "Authorization", pando_text(rq, "vapid t=%s, k=%s", w->token,
                                    vapid->point),
        row->tag ? "Topic" : NULL, row->tag ? topic(rq, row->tag) : NULL,
        NULL
    };

    ask = (pando_fetch_t) {
        .method = "POST", .url = url, .headers = headers, .body = w->out,
        .len = w->push.len + PANDO_PUSH_ADDED, .timeout_ms = TIMEOUT,
        .max_body = 16384
    };

    got = pando_fetch(rq, &ask);

    if (notifications_answered(got, out)) {
        out->ref = got->error == PANDO_FETCH_OK
                   ? pando_fetched_header(got, "Location") : NULL;
        return;
    }

    out->how = got->status == 404 || got->status == 410 ? "gone" : "failed";
    out->error = got->status == 404 || got->status == 410 ? "unregistered"
                 : got->status == 413 ? "payload_too_large" : "refused";
}
