/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Notices of Amazon SNS.
 *
 * What must stay true: nothing is fetched for a notice of another topic or
 * from another host.  Certificates are kept for an hour in the node's memory,
 * and what could not be had is not asked for again for a minute.
 */

#include "pando_root.h"
#include "pando_cert.h"

#include <openssl/evp.h>


#define TIMEOUT_MS  10000
#define CERT_MAX    16384
#define SIGNED_MAX  300000
#define SIG_MAX     1024


/* The certificate as a PEM; NULL: it cannot be had now. */

static const char *
certificate(pando_req_t *rq, const char *url, size_t *len)
{
    const char             *key = pando_text(rq, "sns %s", url), *kept;
    const pando_fetched_t  *got;

    if (strlen(key) <= 1000 && pando_dict_get(rq, key, &kept, len) == 0) {
        return *len ? kept : NULL;
    }

    got = pando_fetch(rq, &(pando_fetch_t) {
        .url = url, .timeout_ms = TIMEOUT_MS, .max_body = CERT_MAX,
        .upstream = "sns" });

    if (got->error != PANDO_FETCH_OK || got->status != 200 || got->len == 0) {
        (void) pando_dict_set(key, "", 0, 60000);
        return NULL;
    }

    (void) pando_dict_set(key, got->body, got->len, 3600000);
    *len = got->len;

    return got->body;
}


static const char *
text_in(json_t *notice, const char *name)
{
    return json_string_value(json_object_get(notice, name));
}


/* What is signed, as the kind of notice has it; NULL: too much. */

static const char *
signed_text(pando_req_t *rq, json_t *notice, bool told)
{
    char        *out, *to;
    size_t       i, n = 1;
    const char  *value;

    static const char *const  names[] = {
        "Message", "MessageId", "Subject", "SubscribeURL", "Timestamp",
        "Token", "TopicArn", "Type"
    };

    for (i = 0; i < 8; i++) {
        value = text_in(notice, names[i]);
        n += value ? strlen(names[i]) + strlen(value) + 2 : 0;
    }

    if (n > SIGNED_MAX) {
        return NULL;
    }

    out = pando_alloc(rq, n);
    to = out;

    for (i = 0; i < 8; i++) {
        value = text_in(notice, names[i]);

        if (value && (told ? i != 3 && i != 5 : i != 2)) {
            to = stpcpy(stpcpy(to, names[i]), "\n");
            to = stpcpy(stpcpy(to, value), "\n");
        }
    }

    return out;
}


static bool
is_signed(pando_req_t *rq, json_t *notice, bool told)
{
    int             n;
    bool            old;
    size_t          len = 0, size;
    const char     *url, *sig, *version, *pem, *text;
    unsigned char  *raw;

    url = text_in(notice, "SigningCertURL");
    sig = text_in(notice, "Signature");
    version = text_in(notice, "SignatureVersion");
    size = sig ? strlen(sig) : 0;

    if (url == NULL || !pando_sns_url(url, true) || version == NULL
        || (strcmp(version, "1") != 0 && strcmp(version, "2") != 0)
        || size == 0 || size % 4 || size > SIG_MAX)
    {
        return false;
    }

    old = *version == '1';
    raw = pando_alloc(rq, SIG_MAX);
    n = EVP_DecodeBlock(raw, (const unsigned char *) sig, (int) size);

    while (n > 0 && sig[size - 1] == '=') {
        size--;
        n--;
    }

    text = n > 0 ? signed_text(rq, notice, told) : NULL;
    pem = text ? certificate(rq, url, &len) : NULL;

    return pem && pando_cert_signed(pem, len, pando_now() / PANDO_TIME_SECOND,
                                    old ? PANDO_CERT_SHA1
                                        : PANDO_CERT_SHA256,
                                    text, strlen(text), raw, (size_t) n);
}


/* Takes on the subscription of the topic that was named to us. */

static pando_sns_t
subscribed(pando_req_t *rq, json_t *notice)
{
    const char             *url = text_in(notice, "SubscribeURL");
    const pando_fetched_t  *got;

    if (url == NULL || !pando_sns_url(url, false)) {
        return PANDO_SNS_FORGED;
    }

    got = pando_fetch(rq, &(pando_fetch_t) {
        .url = url, .timeout_ms = TIMEOUT_MS, .upstream = "sns" });

    if (got->error != PANDO_FETCH_OK || got->status != 200) {
        pando_log(rq, "a subscription could not be confirmed");
    }

    return PANDO_SNS_SETTLED;
}


pando_sns_t
pando_sns(pando_req_t *rq, const char *own, const void *body, size_t len,
    const char **message)
{
    bool         told;
    json_t      *notice = json_loadb(body, len, 0, NULL);
    const char  *type = text_in(notice, "Type");
    const char  *topic = text_in(notice, "TopicArn");

    told = type && strcmp(type, "Notification") == 0;

    if (type == NULL || topic == NULL || *own == '\0'
        || strcmp(topic, own) != 0 || !is_signed(rq, notice, told))
    {
        return PANDO_SNS_FORGED;
    }

    if (strcmp(type, "SubscriptionConfirmation") == 0) {
        return subscribed(rq, notice);
    }

    *message = text_in(notice, "Message");

    return told && *message ? PANDO_SNS_TOLD : PANDO_SNS_SETTLED;
}
