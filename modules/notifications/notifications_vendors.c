/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Notifications: pushes by way of Google (FCM HTTP v1) and Apple (APNs).
 *
 * Both want a token signed with the account's key: Google's is changed for one
 * that lasts an hour, Apple's is good for itself and renewed every 40 minutes.
 * Workers of a node share them.
 */

#include "notifications.h"


#define TIMEOUT   15000
#define RENEW_MS  2400000
#define MOST      3500                  /* bytes of texts, of 4096 */


typedef struct {
    const char  *pem, *kid, *claims, *why;
    char        *token;
} work_t;


static const char *reason_of(pando_req_t *rq, const pando_fetched_t *got);


static void
sign(void *data)
{
    work_t  *w = data;

    w->why = pando_push_token(w->pem, w->kid, w->claims, w->token,
                              NOTIFICATIONS_JWT);
}


/* NULL: the key of the account cannot be used. */

static const char *
signed_token(pando_req_t *rq, const char *pem, const char *kid,
    json_t *claims)
{
    work_t  *w = pando_alloc(rq, sizeof(work_t));

    w->pem = pem;
    w->kid = kid;
    w->claims = notifications_json(rq, claims);
    w->token = pando_alloc(rq, NOTIFICATIONS_JWT);

    if (pando_offload(rq, "default", sign, w) != 0 || w->why) {
        pando_log(rq, "an account's key does not sign: %s",
                  w->why ? w->why : "no thread was free");
        return NULL;
    }

    return w->token;
}


static const char *
kept(pando_req_t *rq, const char *key)
{
    size_t       len;
    const char  *value;

    return pando_dict_get(rq, key, &value, &len) == 0 && value
           ? pando_copy(rq, value, len) : NULL;
}


/* Google's token, asked for with one that the service account has signed. */

static const char *
fcm_token(pando_req_t *rq, const char *key)
{
    json_t                 *tree;
    int64_t                 now = pando_now() / PANDO_TIME_SECOND, life;
    const char             *own, *url, *token = kept(rq, key);
    pando_fetch_t           ask = { 0 };
    const pando_fetched_t  *got;

    static const char *const  headers[] = {
        "Content-Type", "application/x-www-form-urlencoded", NULL
    };

    if (token) {
        return token;
    }

    url = pando_setting(rq, "fcm_token_url");
    own = signed_token(rq, pando_setting(rq, "fcm_key"), NULL,
        json_pack("{s:s, s:s, s:s, s:I, s:I}", "iss",
                  pando_setting(rq, "fcm_email"), "aud", url, "scope",
                  "https://www.googleapis.com/auth/firebase.messaging",
                  "iat", (json_int_t) now, "exp",
                  (json_int_t) (now + 3600)));

    if (own == NULL) {
        return NULL;
    }

    ask.method = "POST";
    ask.url = url;
    ask.headers = headers;
    ask.body = pando_text(rq, "grant_type=urn%%3Aietf%%3Aparams%%3Aoauth"
                          "%%3Agrant-type%%3Ajwt-bearer&assertion=%s", own);
    ask.len = strlen(ask.body);
    ask.timeout_ms = TIMEOUT;
    ask.upstream = "fcm";
    got = pando_fetch(rq, &ask);
    tree = got->status == 200 ? json_loads(got->body, 0, NULL) : NULL;
    token = json_string_value(json_object_get(tree, "access_token"));
    life = json_integer_value(json_object_get(tree, "expires_in"));

    if (token) {
        life = life > 120 ? life - 60 : 60;
        (void) pando_dict_set(key, token, strlen(token), life * 1000);
    }

    return token;
}


static json_t *
fcm_message(pando_req_t *rq, const notifications_claim_t *row,
    const char *token)
{
    json_t      *all = notifications_payload(rq, row, MOST), *note, *value;
    json_t      *data = json_object(), *android;
    const char  *name;

    note = json_pack("{s:O}", "title", json_object_get(all, "title"));

    json_object_foreach(all, name, value) {
        if (strcmp(name, "body") == 0 || strcmp(name, "image") == 0) {
            json_object_set(note, name, value);

        } else if (json_is_string(value)) {
            json_object_set(data, name, value);

        } else if (strcmp(name, "title") != 0) {
            json_object_set_new(data, name,
                json_string(notifications_json(rq, value)));
        }
    }

    android = json_pack("{s:s}", "priority", row->urgent ? "HIGH"
                                                         : "NORMAL");

    if (row->has_ttl_s) {
        json_object_set_new(android, "ttl", json_string(
            pando_text(rq, "%llds", (long long) row->ttl_s)));
    }

    if (row->tag) {
        json_object_set_new(android, "collapse_key",
                            json_string(row->tag));
    }

    return json_pack("{s:{s:s, s:o, s:o, s:o}}", "message", "token", token,
                     "notification", note, "data", data, "android", android);
}


void
notifications_fcm(pando_req_t *rq, const notifications_claim_t *row,
    const char *token, notifications_outcome_t *out)
{
    const char             *access, *reason;
    const char             *key = "notifications.fcm";
    pando_fetch_t           ask = { 0 };
    const pando_fetched_t  *got;

    out->provider = "fcm";
    access = fcm_token(rq, key);

    if (access == NULL) {
        out->how = "retry";
        out->error = "not_signed_in";
        return;
    }

    const char *const  headers[] = {
        "Content-Type", "application/json",
        "Authorization", pando_text(rq, "Bearer %s", access), NULL
    };

    ask.method = "POST";
    ask.url = pando_text(rq, "%s/v1/projects/%s/messages:send",
                         pando_setting(rq, "fcm_url"),
                         pando_setting(rq, "fcm_project"));
    ask.headers = headers;
    ask.body = notifications_json(rq, fcm_message(rq, row, token));
    ask.len = strlen(ask.body);
    ask.timeout_ms = TIMEOUT;
    ask.upstream = "fcm";
    got = pando_fetch(rq, &ask);

    if (notifications_answered(got, out)) {
        out->ref = strcmp(out->how, "sent") ? NULL : reason_of(rq, got);
        return;
    }

    reason = got->body && strstr(got->body, "UNREGISTERED") ? "unregistered"
             : got->status == 401 ? "not_signed_in" : "refused";
    out->error = reason;
    out->how = got->status == 404 || strcmp(reason, "unregistered") == 0
               ? "gone" : got->status == 401 ? "retry" : "failed";

    if (got->status == 401) {
        pando_dict_del(key);
    }
}


/* What it says in "reason", or "name". */

static const char *
reason_of(pando_req_t *rq, const pando_fetched_t *got)
{
    json_t      *tree = got->body ? json_loads(got->body, 0, NULL) : NULL;
    const char  *text;

    text = json_string_value(json_object_get(tree, "reason"));

    return text ? text : json_string_value(json_object_get(tree, "name"));
}


static const char *
apns_token(pando_req_t *rq, const char *key)
{
    const char  *token = kept(rq, key);

    if (token) {
        return token;
    }

    token = signed_token(rq, pando_setting(rq, "apns_key"),
        pando_setting(rq, "apns_key_id"), json_pack("{s:s, s:I}", "iss",
            pando_setting(rq, "apns_team"), "iat", (json_int_t)
            (pando_now() / PANDO_TIME_SECOND)));

    if (token) {
        (void) pando_dict_set(key, token, strlen(token), RENEW_MS);
    }

    return token;
}


static const char *
apns_message(pando_req_t *rq, const notifications_claim_t *row)
{
    json_t  *all = notifications_payload(rq, row, MOST);

    json_object_set_new(all, "aps", json_pack("{s:{s:O, s:O*}, s:i}",
        "alert", "title", json_object_get(all, "title"), "body",
        json_object_get(all, "body"), "mutable-content", 1));
    json_object_del(all, "title");
    json_object_del(all, "body");

    return notifications_json(rq, all);
}


void
notifications_apns(pando_req_t *rq, const notifications_claim_t *row,
    const char *token, notifications_outcome_t *out)
{
    const char             *own, *base, *reason, *key = "notifications.apns";
    pando_fetch_t           ask = { 0 };
    const pando_fetched_t  *got;

    out->provider = "apns";
    own = apns_token(rq, key);
    base = pando_setting(rq, strcmp(row->environment, "sandbox") == 0
                             ? "apns_sandbox_url" : "apns_url");

    if (own == NULL) {
        out->how = "retry";
        out->error = "not_signed_in";
        return;
    }

    const char *const  headers[] = {
        "Content-Type", "application/json",
        "authorization", pando_text(rq, "bearer %s", own),
        "apns-id", pando_uuid_text(rq, row->id),
        "apns-push-type", "alert",
        "apns-priority", row->urgent ? "10" : "5",
        "apns-topic", row->app_id ? row->app_id : "",
        row->tag ? "apns-collapse-id" : NULL,
        row->tag ? pando_text(rq, "%.64s", row->tag) : NULL, NULL
    };

    ask.method = "POST";
    ask.url = pando_text(rq, "%s/3/device/%s", base, token);
    ask.headers = headers;
    ask.body = apns_message(rq, row);
    ask.len = strlen(ask.body);
    ask.timeout_ms = TIMEOUT;
    ask.upstream = "apns";
    ask.http2 = strncmp(base, "https://", 8) == 0;
    got = pando_fetch(rq, &ask);

    if (notifications_answered(got, out)) {
        out->ref = strcmp(out->how, "sent") ? NULL
                   : pando_fetched_header(got, "apns-id");
        return;
    }

    reason = reason_of(rq, got);
    reason = reason ? reason : "refused";
    out->error = reason;
    out->how = got->status == 410 || strcmp(reason, "BadDeviceToken") == 0
               || strcmp(reason, "Unregistered") == 0 ? "gone" : "failed";

    if (strcmp(reason, "ExpiredProviderToken") == 0) {
        pando_dict_del(key);
        out->how = "retry";
    }
}
