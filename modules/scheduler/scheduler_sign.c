/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Scheduler: what it sends is signed as Standard Webhooks says, with a secret
 * of the schedule's own, shown once and kept encrypted.
 */

#include "scheduler.h"


static size_t base64(const unsigned char *p, size_t len, char *out);


/* As it is shown, and as it is kept. */

const char *
scheduler_secret(pando_req_t *rq, const char **concealed)
{
    char           text[(SCHEDULER_SECRET + 2) / 3 * 4];
    size_t         n;
    unsigned char  key[SCHEDULER_SECRET];

    pando_assert(rq, pando_random(key, sizeof(key)));
    *concealed = pando_conceal(rq, SCHEDULER_PURPOSE, key, sizeof(key));
    n = base64(key, sizeof(key), text);

    return pando_text(rq, "whsec_%.*s", (int) n, text);
}


/* NULL: the secret was kept under another pando_secret. */

const char *
scheduler_signature(pando_req_t *rq, const char *concealed, const char *id,
    const char *at, const char *body)
{
    char           text[SCHEDULER_SIGNATURE];
    size_t         len = 0, n;
    const char    *content = pando_text(rq, "%s.%s.%s", id, at, body);
    const void    *key = concealed ? pando_reveal(rq, SCHEDULER_PURPOSE,
                                                  concealed, &len) : NULL;
    unsigned char  sum[PANDO_SHA256_SIZE];

    if (key == NULL) {
        return NULL;
    }

    pando_assert(rq, pando_hmac_sha256(key, len, content, strlen(content),
                                       sum));
    n = base64(sum, sizeof(sum), text);

    return pando_text(rq, "v1,%.*s", (int) n, text);
}


static size_t
base64(const unsigned char *p, size_t len, char *out)
{
    static const char  digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789+/";

    size_t    i, n = 0;
    uint32_t  v;

    for (i = 0; i < len; i += 3) {
        v = (uint32_t) p[i] << 16;
        v |= i + 1 < len ? (uint32_t) p[i + 1] << 8 : 0;
        v |= i + 2 < len ? p[i + 2] : 0;
        out[n++] = digits[v >> 18];
        out[n++] = digits[v >> 12 & 63];
        out[n++] = i + 1 < len ? digits[v >> 6 & 63] : '=';
        out[n++] = i + 2 < len ? digits[v & 63] : '=';
    }

    return n;
}
