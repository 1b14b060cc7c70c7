/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * DKIM: rsa-sha256 and ed25519-sha256 over relaxed/relaxed.
 *
 * A field is named once more than it is there, so that nobody can add one.
 * What is signed is what is sent: the mail's lines end in CRLF already.
 */

#include "pando_dkim_sign.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <stdio.h>


typedef struct {
    const char  *s;
    size_t       len;
} field_t;

#define MOST_FIELDS  200

typedef struct {
    pando_mem_t  *mem;
    field_t      *fields;
    size_t        n;
    const char   *body, *end;
} mail_t;


static bool split(mail_t *m, const char *mail, size_t len);
static bool body_hash(mail_t *m, unsigned char out[PANDO_SHA256_SIZE]);
static size_t relaxed(const field_t *f, char *out);
static bool header_hash(mail_t *m, const char *own, char *names,
    unsigned char out[PANDO_SHA256_SIZE]);
static bool sign(const pando_dkim_key_t *key, const unsigned char *hash,
    unsigned char *out, size_t *len);
static EVP_PKEY *private_key(const pando_dkim_key_t *key);


/* In the order in which they are signed. */

static const char *const  signed_fields[] = {
    "from", "to", "subject", "date", "message-id", "list-unsubscribe",
    "list-unsubscribe-post", "cc", "reply-to", "mime-version",
    "content-type", NULL
};


static size_t
base64(const unsigned char *data, size_t len, char *out)
{
    return (size_t) EVP_EncodeBlock((unsigned char *) out, data, (int) len);
}


static char
low(char c)
{
    return c >= 'A' && c <= 'Z' ? (char) (c | 0x20) : c;
}


static bool
is_named(const field_t *f, const char *name)
{
    size_t  i;

    for (i = 0; name[i]; i++) {
        if (i >= f->len || low(f->s[i]) != name[i]) {
            return false;
        }
    }

    while (i < f->len && (f->s[i] == ' ' || f->s[i] == '\t')) {
        i++;
    }

    return i < f->len && f->s[i] == ':';
}


char *
pando_dkim_sign(pando_mem_t *mem, const pando_dkim_key_t *key,
    const char *mail, size_t len, pando_time_t now)
{
    char           *own, *names, *value, bh[48];
    mail_t          m = { .mem = mem };
    size_t          n, size;
    unsigned char   hash[PANDO_SHA256_SIZE], *signature;

    names = pando_mem_alloc(mem, 4096);
    signature = pando_mem_alloc(mem, 1024);
    value = pando_mem_alloc(mem, 2048);
    size = 4096 + 2048 + strlen(key->domain) + strlen(key->selector);
    own = pando_mem_alloc(mem, size);

    if (!names || !signature || !value || !own || !split(&m, mail, len)
        || !body_hash(&m, hash))
    {
        return NULL;
    }

    (void) base64(hash, sizeof(hash), bh);
    (void) header_hash(&m, NULL, names, hash);

    n = (size_t) snprintf(own, size,
        "DKIM-Signature: v=1; a=%s; c=relaxed/relaxed;\r\n"
        "\td=%s; s=%s; t=%lld;\r\n\th=%s;\r\n\tbh=%s;\r\n\tb=",
        key->ed25519 ? "ed25519-sha256" : "rsa-sha256", key->domain,
        key->selector, (long long) (now / PANDO_TIME_SECOND), names, bh);

    if (!header_hash(&m, own, names, hash)
        || !sign(key, hash, signature, &len))
    {
        return NULL;
    }

    len = base64(signature, len, value);

    for (size = 0; size < len; size += 64) {
        n += (size_t) sprintf(own + n, "%s%.64s", size ? "\r\n\t" : "",
                              value + size);
    }

    memcpy(own + n, "\r\n", 3);

    return own;
}


static bool
split(mail_t *m, const char *mail, size_t len)
{
    const char  *p = mail, *end = mail + len, *nl;

    m->fields = pando_mem_alloc(m->mem, MOST_FIELDS * sizeof(field_t));

    if (m->fields == NULL) {
        return false;
    }

    for ( ;; ) {
        nl = p < end ? memchr(p, '\n', (size_t) (end - p)) : NULL;

        if (nl == NULL) {
            return false;
        }

        if (nl == p || (nl == p + 1 && *p == '\r')) {
            m->body = nl + 1;
            m->end = end;
            return true;
        }

        if ((*p == ' ' || *p == '\t') && m->n) {
            m->fields[m->n - 1].len = (size_t) (nl + 1
                                                - m->fields[m->n - 1].s);
        } else if (m->n < MOST_FIELDS) {
            m->fields[m->n++] = (field_t) { p, (size_t) (nl + 1 - p) };

        } else {
            return false;
        }

        p = nl + 1;
    }
}


/* Blanks become one, none stay at a line's end, no empty line at the end. */

static bool
body_hash(mail_t *m, unsigned char out[PANDO_SHA256_SIZE])
{
    char        *text = pando_mem_alloc(m->mem, (size_t) (m->end - m->body)
                                                + 3);
    char        *to = text, *last = text;
    bool         blank = false;
    const char  *p;

    if (text == NULL) {
        return false;
    }

    for (p = m->body; p < m->end; p++) {
        if (*p == '\r' && p + 1 < m->end && p[1] == '\n') {
            continue;
        }

        if (*p == ' ' || *p == '\t') {
            blank = true;
            continue;
        }

        if (*p == '\n') {
            *to++ = '\r';
            *to++ = '\n';
            blank = false;
            continue;
        }

        if (blank) {
            *to++ = ' ';
            blank = false;
        }

        *to++ = *p;
        last = to;
    }

    if (last != text) {
        memcpy(last, "\r\n", 2);
        last += 2;
    }

    return pando_sha256(text, (size_t) (last - text), out);
}


/* Without its line end; out has room for its length. */

static size_t
relaxed(const field_t *f, char *out)
{
    bool    blank = false, named = false;
    char   *to = out;
    size_t  i;

    for (i = 0; i < f->len; i++) {
        char  c = f->s[i];

        if (c == '\r' || c == '\n') {
            continue;
        }

        if (c == ' ' || c == '\t') {
            blank = true;
            continue;
        }

        if (c == ':' && !named) {
            *to++ = c;
            named = true;
            blank = false;

            while (i + 1 < f->len && strchr(" \t\r\n", f->s[i + 1])) {
                i++;
            }

            continue;
        }

        if (blank) {
            *to++ = ' ';
            blank = false;
        }

        *to++ = named ? c : low(c);
    }

    return (size_t) (to - out);
}


/* own: the field without its signature; NULL: only the names are wanted. */

static bool
header_hash(mail_t *m, const char *own, char *names,
    unsigned char out[PANDO_SHA256_SIZE])
{
    char    *text, *to, *name = names;
    size_t   i, k, all = 0;
    field_t  self = { own, own ? strlen(own) : 0 };

    for (i = 0; i < m->n; i++) {
        all += m->fields[i].len + 2;
    }

    text = pando_mem_alloc(m->mem, all + self.len + 1);

    if (text == NULL) {
        return false;
    }

    to = text;

    for (k = 0; signed_fields[k]; k++) {
        for (i = m->n; i-- > 0; ) {
            if (!is_named(&m->fields[i], signed_fields[k])
                || name - names > 3800)
            {
                continue;
            }

            to += relaxed(&m->fields[i], to);
            *to++ = '\r';
            *to++ = '\n';
            name += sprintf(name, "%s:", signed_fields[k]);
        }

        name += sprintf(name, "%s%s", signed_fields[k],
                        signed_fields[k + 1] ? ":" : "");
    }

    to += relaxed(&self, to);

    return pando_sha256(text, (size_t) (to - text), out);
}


static bool
sign(const pando_dkim_key_t *key, const unsigned char *hash,
    unsigned char *out, size_t *len)
{
    bool           fine;
    EVP_PKEY      *pkey = private_key(key);
    EVP_MD_CTX    *md;
    EVP_PKEY_CTX  *ctx;

    *len = 1024;

    if (pkey == NULL) {
        return false;
    }

    if (key->ed25519) {
        md = EVP_MD_CTX_new();
        fine = md && EVP_DigestSignInit(md, NULL, NULL, NULL, pkey) > 0
               && EVP_DigestSign(md, out, len, hash, PANDO_SHA256_SIZE) > 0;
        EVP_MD_CTX_free(md);

    } else {
        ctx = EVP_PKEY_CTX_new(pkey, NULL);
        fine = ctx && EVP_PKEY_sign_init(ctx) > 0
               && EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) > 0
               && EVP_PKEY_sign(ctx, out, len, hash, PANDO_SHA256_SIZE) > 0;
        EVP_PKEY_CTX_free(ctx);
    }

    EVP_PKEY_free(pkey);

    return fine;
}


static EVP_PKEY *
private_key(const pando_dkim_key_t *key)
{
    int                   want = key->ed25519 ? EVP_PKEY_ED25519
                                              : EVP_PKEY_RSA;
    EVP_PKEY             *pkey;
    const unsigned char  *p = key->key;

    pkey = d2i_AutoPrivateKey(NULL, &p, (long) key->len);

    if (pkey && EVP_PKEY_get_base_id(pkey) != want) {
        EVP_PKEY_free(pkey);
        return NULL;
    }

    return pkey;
}


void
pando_dkim_make(void *data)
{
    int                 n;
    EVP_PKEY           *pkey;
    unsigned char      *p, public[PANDO_DKIM_PUBLIC];
    size_t              size = sizeof(public);
    pando_dkim_pair_t  *pair = data;

    pair->made = false;
    pkey = pair->ed25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
                         : EVP_PKEY_Q_keygen(NULL, NULL, "RSA",
                                             (size_t) 2048);
    if (pkey == NULL) {
        return;
    }

    n = i2d_PrivateKey(pkey, NULL);
    p = pair->key;

    if (n > 0 && n <= PANDO_DKIM_PRIVATE) {
        pair->len = (size_t) i2d_PrivateKey(pkey, &p);

        if (pair->ed25519) {
            pair->made = EVP_PKEY_get_raw_public_key(pkey, public, &size) > 0;

        } else {
            n = i2d_PUBKEY(pkey, NULL);
            p = public;
            pair->made = n > 0 && n <= 700 && i2d_PUBKEY(pkey, &p) > 0;
            size = (size_t) n;
        }
    }

    if (pair->made) {
        (void) base64(public, size, pair->public);
    }

    EVP_PKEY_free(pkey);
}
