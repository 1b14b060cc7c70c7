/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The vault: the key that wraps all others.
 *
 * It comes from a file, or is made of pando_secret; never from the database,
 * which knows only its print.  Where the one that is set is not the one that
 * the database calls active, and that one is not set as the one before,
 * everything is refused: with another key nothing would open, and what is new
 * would not open with the old one.
 */

#include "vault.h"


typedef struct {
    unsigned char  *key;                /* in locked memory */
    char            print[VAULT_PRINT]; /* of it; empty: there is none */
    const char     *kind;
    pando_uuid_t    id;
} kek_t;


static bool read_one(pando_req_t *rq, const char *setting, unsigned which,
    kek_t *out);
static void tick(pando_req_t *rq, void *data);
static bool read_hex(const char *text, size_t len, unsigned char *out);


const pando_problem_t
vault_sealed = { .status = 503, .code = "vault_sealed", .retry_after = 5,
                 .text = "the key that opens the others is not here" };

const pando_tick_t  vault_ticks[] = {
    { "vault.look", 5000, false, tick, 5000 },
    { 0 }
};

static kek_t  now, before;
static bool   ready, looked;


/* What wraps and what was unwrapped stands in memory that is not swapped and
   in no core file, as far as the system allows. */

int
vault_start(void)
{
    now.key = pando_locked_alloc(PANDO_WRAP_KEY);
    before.key = pando_locked_alloc(PANDO_WRAP_KEY);
    ready = looked = false;

    return now.key && before.key ? 0 : -1;
}


const char *
vault_kek_state(pando_req_t *rq)
{
    vault_kek_t  *row;

    if (!looked) {
        if (!read_one(rq, "kek", 0, &now)) {
            return "there is no key that lasts: set vault.kek to a file of "
                   "64 hexadecimal digits, or pando_secret";
        }

        (void) read_one(rq, "kek_before", 1, &before);
        looked = true;
    }

    if (ready) {
        return NULL;
    }

    row = vault_sql_kek_use(pando_auto(rq), now.kind, now.print,
                            before.print[0] ? before.print : NULL);

    if (row == NULL || row->state == NULL
        || strcmp(row->state, "active") != 0)
    {
        pando_log(rq, "the key %s is not the one that wraps the others",
                  now.print);
        return "the key that is set is not the one that wraps the others";
    }

    now.id = row->id;
    ready = true;

    return NULL;
}


pando_uuid_t
vault_kek(pando_req_t *rq)
{
    if (vault_kek_state(rq) != NULL) {
        pando_leave(rq, &vault_sealed);
    }

    return now.id;
}


/* So that the text of a file does not stay in memory until it is needed. */

static void
tick(pando_req_t *rq, void *data)
{
    (void) vault_kek_state(rq);
}


/* This worker's copy of the file's text is wiped: the next has its own. */

static bool
read_one(pando_req_t *rq, const char *setting, unsigned which, kek_t *out)
{
    bool           fine;
    size_t         i, len = 0;
    const char    *text = pando_setting_file(rq, setting, &len);
    unsigned char  print[16];

    out->kind = text ? "file" : "secret";

    fine = text ? read_hex(text, len, out->key)
                : pando_derived_key("vault kek", which, out->key);

    if (text) {
        pando_wipe((void *) text, len);
    }

    if (!fine) {
        return false;
    }

    if (!pando_hkdf(out->key, PANDO_WRAP_KEY, NULL, 0, "print", 5, print,
                    sizeof(print)))
    {
        return false;
    }

    for (i = 0; i < sizeof(print); i++) {
        (void) snprintf(out->print + 2 * i, 3, "%02x", print[i]);
    }

    return true;
}


/* 64 digits, as of: openssl rand -hex 32 */

static bool
read_hex(const char *text, size_t len, unsigned char *out)
{
    int     digit;
    char    c;
    size_t  i;

    if (len != 2 * PANDO_WRAP_KEY) {
        return false;
    }

    for (i = 0; i < len; i++) {
        c = text[i];
        digit = c >= '0' && c <= '9' ? c - '0'
                : (c | 0x20) >= 'a' && (c | 0x20) <= 'f'
                  ? (c | 0x20) - 'a' + 10 : -1;

        if (digit < 0) {
            return false;
        }

        out[i / 2] = (unsigned char) (i % 2 ? out[i / 2] | digit
                                            : digit << 4);
    }

    return true;
}


const char *
vault_kek_print(void)
{
    return now.print;
}


const char *
vault_kek_before(void)
{
    return before.print[0] ? before.print : NULL;
}


const char *
vault_kek_wrap(pando_req_t *rq, const pando_material_t *key)
{
    char           *text;
    size_t          len;
    unsigned char   wrapped[PANDO_WRAPPED_MOST];

    pando_assert(rq, pando_material_wrap(now.key, key->b, key->len, wrapped,
                                         &len));

    text = pando_alloc(rq, PANDO_BASE64URL_LEN(len) + 1);
    text[pando_base64url_encode(wrapped, len, text)] = '\0';

    return text;
}


bool
vault_kek_unwrap(const char *print, const char *wrapped,
    pando_material_t *out)
{
    size_t          len, n = strlen(wrapped);
    const kek_t    *kek = strcmp(print, now.print) == 0 ? &now
                          : strcmp(print, before.print) == 0 ? &before : NULL;
    unsigned char   bytes[PANDO_WRAPPED_MOST + 8];

    return kek && n <= PANDO_BASE64URL_LEN(PANDO_WRAPPED_MOST)
           && pando_base64url_decode(wrapped, n, bytes, &len)
           && pando_material_unwrap(kek->key, bytes, len, out);
}
