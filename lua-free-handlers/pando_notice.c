/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * ECDSA signatures of notices, as SendGrid makes them; and which URLs are
 * Amazon's.  Pure functions.
 */

#include "pando_root.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>


#define RAW_MAX   1024
#define URL_MAX   1500


/* Of standard base64; how long it is, 0: it is none, or too long. */

static int
unbase64(const char *text, unsigned char raw[RAW_MAX])
{
    int     n;
    size_t  len = strlen(text);

    if (len == 0 || len % 4 || len > RAW_MAX) {
        return 0;
    }

    n = EVP_DecodeBlock(raw, (const unsigned char *) text, (int) len);

    while (n > 0 && text[len - 1] == '=') {
        len--;
        n--;
    }

    return n > 0 ? n : 0;
}


static EVP_PKEY *
key_of(const char *text)
{
    int                   n;
    char                  name[80];
    size_t                len;
    EVP_PKEY             *key;
    unsigned char         raw[RAW_MAX];
    const unsigned char  *p = raw;

    n = unbase64(text, raw);
    key = n ? d2i_PUBKEY(NULL, &p, n) : NULL;

    if (key && (EVP_PKEY_base_id(key) != EVP_PKEY_EC
                || EVP_PKEY_get_group_name(key, name, sizeof(name), &len) != 1
                || strcmp(name, "prime256v1") != 0))
    {
        EVP_PKEY_free(key);
        key = NULL;
    }

    ERR_clear_error();

    return key;
}


bool
pando_ecdsa_key_ok(const char *text)
{
    EVP_PKEY  *key = key_of(text);

    EVP_PKEY_free(key);

    return key != NULL;
}


bool
pando_ecdsa_signed(const char *text, const char *sig, const void *data,
    size_t len)
{
    int             n;
    bool            ok;
    EVP_PKEY       *key = key_of(text);
    EVP_MD_CTX     *ctx = EVP_MD_CTX_new();
    unsigned char   raw[RAW_MAX];

    n = unbase64(sig, raw);
    ok = key && ctx && n
         && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1
         && EVP_DigestVerify(ctx, raw, (size_t) n, data, len) == 1;

    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    ERR_clear_error();

    return ok;
}


/*
 * https://sns.<region>.amazonaws.com/..., and nothing that a browser or a
 * library could read as another host.
 */

bool
pando_sns_url(const char *url, bool certificate)
{
    size_t  n;

    static const char  lower[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

    if (strlen(url) > URL_MAX || strncmp(url, "https://sns.", 12) != 0) {
        return false;
    }

    url += 12;
    n = strspn(url, lower);

    if (n == 0 || strncmp(url + n, ".amazonaws.com", 14) != 0) {
        return false;
    }

    url += n + 14;
    url += strncmp(url, ".cn/", 4) == 0 ? 3 : 0;

    if (!certificate) {
        return strncmp(url, "/?", 2) == 0
               && strpbrk(url, "@\\ \t\r\n#") == NULL;
    }

    n = strspn(url, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                    "0123456789-_./");

    return *url == '/' && url[n] == '\0' && n > 4
           && strcmp(url + n - 4, ".pem") == 0 && strstr(url, "..") == NULL;
}
