/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Notifications: devices that pushes go to.
 *
 * A token is kept encrypted, found by its hash, and is the user's who
 * registered it last: what is for the one before does not reach it any more.
 */

#include "notifications.h"


#define VAPID  "notifications.vapid"


static pando_reply_t add(pando_req_t *rq);
static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);
static pando_reply_t vapid_key(pando_req_t *rq);
static pando_reply_t outbox(pando_req_t *rq);


static const pando_problem_t
not_https = { .status = 422, .code = "url_not_https", .pointer = "/token",
              .text = "the token of a web push is an https url" },
not_public = { .status = 422, .code = "address_not_public",
               .pointer = "/token",
               .text = "the url may not be called from here" },
bad_point = { .status = 422, .code = "bad_p256dh", .pointer = "/p256dh",
              .text = "a web push needs a point of p-256 in base64url" },
bad_auth = { .status = 422, .code = "bad_auth", .pointer = "/auth",
             .text = "a web push needs sixteen bytes in base64url" };


const pando_route_t  notifications_devices[] = {

    { PANDO_GET, "/device-tokens", list, "List your devices",
      .scope = "self", .gives = &notifications_device_view, .paged = true,
      .sorts = &notifications_sql_devices_pages, .trips = 1 },

    { PANDO_POST, "/device-tokens", add,
      "Register a device, or move it to you",
      .scope = "self", .takes = &notifications_device_in, .status = 201,
      .gives = &notifications_device_view, .trips = 1,
      .fails = { &not_https, &not_public, &bad_point, &bad_auth } },

    { PANDO_DELETE, "/device-tokens/{id}", remove_one, "Forget a device",
      .scope = "self", .status = 204, .trips = 2,
      .fails = { &pando_not_found, &pando_precondition } },

    { PANDO_GET, "/device-tokens/{id}", get, "Get a device of yours",
      .scope = "self", .gives = &notifications_device_view, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_GET, "/device-tokens/vapid-key", vapid_key,
      "Get the key that browsers subscribe with",
      .scope = "public", .gives = &notifications_vapid_view, .trips = 3 },

    { PANDO_GET, "/notifications/outbox", outbox,
      "List pushes that were captured",
      .scope = "notifications:admin", .gives = &notifications_outbox_view,
      .paged = true, .sorts = &notifications_sql_outbox_pages, .trips = 1 },

    PANDO_END
};


/* Of so many bytes, written in base64url; NULL: it is not. */

unsigned char *
notifications_bytes(pando_req_t *rq, const char *text, size_t size)
{
    size_t          len, n = text ? strlen(text) : 0;
    unsigned char  *out = pando_alloc(rq, n + 1);

    while (n && text[n - 1] == '=') {
        n--;
    }

    return n && pando_base64url_decode(text, n, out, &len) && len == size
           ? out : NULL;
}


static void
check_web(pando_req_t *rq, const notifications_device_in_t *in)
{
    const char     *why;
    unsigned char  *point;

    if (strncmp(in->token, "https://", 8) != 0
        && (strncmp(in->token, "http://", 7) != 0
            || !pando_setting_int(rq, "plain_http")))
    {
        pando_leave(rq, &not_https);
    }

    if (!pando_fetch_allowed(rq, in->token, &why)) {
        pando_fail_note(rq, "reason", why);
        pando_leave(rq, &not_public);
    }

    point = notifications_bytes(rq, in->p256dh, PANDO_PUSH_POINT);

    if (point == NULL || !pando_push_point(point, PANDO_PUSH_POINT)) {
        pando_leave(rq, &bad_point);
    }

    if (notifications_bytes(rq, in->auth, PANDO_PUSH_AUTH) == NULL) {
        pando_leave(rq, &bad_auth);
    }
}


static pando_reply_t
add(pando_req_t *rq)
{
    bool                              web;
    size_t                            len;
    unsigned char                     hash[PANDO_SHA256_SIZE];
    const notifications_device_in_t  *in = pando_body(rq);

    web = in->platform == NOTIFICATIONS_WEBPUSH;
    len = strlen(in->token);

    if (web) {
        check_web(rq, in);
    }

    pando_assert(rq, pando_sha256(in->token, len, hash));

    return pando_reply_json(rq,
        notifications_sql_device_put(pando_auto(rq), hash, sizeof(hash),
            pando_conceal(rq, NOTIFICATIONS_TOKEN, in->token, len),
            notifications_platforms[in->platform], in->device_id, in->app_id,
            notifications_environments[in->environment],
            web ? in->p256dh : NULL, web ? in->auth : NULL));
}


static pando_reply_t
list(pando_req_t *rq)
{
    return pando_reply_page(rq, notifications_sql_devices(pando_auto(rq)));
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq,
        notifications_sql_device_or_404(pando_auto(rq), pando_path_id(rq)));
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    int64_t       version = pando_if_match(rq);
    pando_uuid_t  id = pando_path_id(rq);

    if (notifications_sql_device_remove(pando_auto(rq), id,
                                        version < 0 ? NULL : &version))
    {
        return pando_no_content(rq);
    }

    (void) notifications_sql_device_or_404(pando_auto(rq), id);

    return pando_fail(rq, &pando_precondition);
}


typedef struct {
    bool           good;
    char           pem[PANDO_PUSH_PEM];
    unsigned char  point[PANDO_PUSH_POINT];
} pair_t;


static void
make_key(void *data)
{
    pair_t  *key = data;

    key->good = pando_push_key(key->pem, key->point);
}


/* The tenant's own, made when it is first asked for; all get the same. */

notifications_vapid_t *
notifications_vapid(pando_req_t *rq, const char **pem)
{
    char                   *text;
    pair_t                  *key;
    size_t                  len;
    pando_tx_t             *tx = pando_auto(rq);
    notifications_vapid_t  *row = notifications_sql_vapid(tx);

    if (row == NULL) {
        key = pando_alloc(rq, sizeof(pair_t));
        pando_assert(rq, pando_offload(rq, "default", make_key, key) == 0
                         && key->good);
        text = pando_alloc(rq, PANDO_BASE64URL_LEN(PANDO_PUSH_POINT) + 1);
        (void) pando_base64url_encode(key->point, PANDO_PUSH_POINT, text);
        notifications_sql_vapid_add(tx, text,
            pando_conceal(rq, VAPID, key->pem, strlen(key->pem)));
        row = notifications_sql_vapid_new(tx);
        pando_assert(rq, row != NULL);
    }

    if (pem) {
        *pem = pando_reveal(rq, VAPID, row->key_ct, &len);
    }

    return row;
}


static pando_reply_t
vapid_key(pando_req_t *rq)
{
    return pando_reply_tree(rq, json_pack("{s:s}", "key",
                                  notifications_vapid(rq, NULL)->point));
}


static pando_reply_t
outbox(pando_req_t *rq)
{
    return pando_reply_page(rq, notifications_sql_outbox(pando_auto(rq)));
}
