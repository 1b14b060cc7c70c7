/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: domains that mail is sent from.  Their owner publishes what stands in
 * records; once a check has seen it there, what is sent from them is signed,
 * and may leave the house.
 */

#include "email.h"


#define MOST_TXT  20


static pando_reply_t list(pando_req_t *rq);
static pando_reply_t get(pando_req_t *rq);
static pando_reply_t add(pando_req_t *rq);
static pando_reply_t remove_one(pando_req_t *rq);
static pando_reply_t check(pando_req_t *rq);
static pando_reply_t rotate(pando_req_t *rq);
static void recheck(pando_req_t *rq, const void *data);
static void recheck_one(pando_req_t *rq, const void *data);


static const pando_problem_t
bad_domain = { .status = 422, .code = "invalid_domain", .pointer = "/domain",
               .text = "this is no domain that can be registered" },
domain_known = { .status = 409, .code = "domain_known", .pointer = "/domain",
                 .text = "this domain is here already",
                 .constraint = "domains_domain_key" },
rotated = { .status = 409, .code = "rotated_lately",
            .text = "its keys are less than an hour old" },
no_resolver = { .status = 409, .code = "no_resolver",
                .text = "there is no name server to ask: see pando_set "
                        "email.resolver" },
domain_taken = { .status = 409, .code = "domain_taken",
                 .text = "another tenant has verified this domain",
                 .constraint = "domains_verified" };


const pando_route_t  email_domains[] = {

    { PANDO_GET, "/email/domains", list, "List sending domains",
      .scope = "email:admin", .gives = &email_domain_view, .paged = true,
      .sorts = &email_sql_domains_pages, .trips = 1 },

    { PANDO_POST, "/email/domains", add,
      "Add a domain, with keys of its own",
      .scope = "email:admin", .takes = &email_domain_in, .status = 201,
      .gives = &email_domain_view, .trips = 4, .deadline_ms = 30000,
      .fails = { &bad_domain, &domain_known },
      .note = "Publish its records, then check it." },

    { PANDO_GET, "/email/domains/{id}", get,
      "Get a domain and the records to publish",
      .scope = "email:admin", .gives = &email_domain_view, .trips = 1,
      .fails = { &pando_not_found } },

    { PANDO_DELETE, "/email/domains/{id}", remove_one, "Remove a domain",
      .scope = "email:admin", .status = 204, .trips = 2,
      .fails = { &pando_not_found, &pando_precondition } },

    { PANDO_POST, "/email/domains/{id}/check", check,
      "Look at what is published for a domain",
      .scope = "email:admin", .gives = &email_domain_view, .trips = 5,
      .fails = { &pando_not_found, &domain_taken, &no_resolver },
      .emits = { &email_failing }, .deadline_ms = 60000 },

    { PANDO_POST, "/email/domains/{id}/rotate-dkim", rotate,
      "Make new keys; those of before stay published for 30 days",
      .scope = "email:admin", .gives = &email_domain_view, .trips = 5,
      .fails = { &pando_not_found, &rotated }, .deadline_ms = 30000 },

    PANDO_END
};

const pando_job_t
email_recheck = {
    .name = "email.recheck", .fn = recheck, .every_ms = 3600000,
    .forget = true, .note = "looks for domains to be looked at, daily each"
},
email_recheck_one = {
    .name = "email.recheck_one", .takes = &email_domain_job,
    .fn = recheck_one, .forget = true,
    .note = "looks at what is published for a domain"
};


static pando_reply_t
list(pando_req_t *rq)
{
    return pando_reply_page(rq, email_sql_domains(pando_auto(rq)));
}


static pando_reply_t
get(pando_req_t *rq)
{
    return pando_reply_json(rq, email_sql_domain_or_404(pando_auto(rq),
                                                        pando_path_id(rq)));
}


/* Both at once, in a thread. */

static void
make(void *data)
{
    pando_dkim_make((pando_dkim_pair_t *) data);
    pando_dkim_make((pando_dkim_pair_t *) data + 1);
}


static pando_dkim_pair_t *
pairs(pando_req_t *rq)
{
    pando_dkim_pair_t  *two = pando_alloc(rq, 2 * sizeof(*two));

    two[1].ed25519 = true;
    pando_assert(rq, pando_offload(rq, "default", make, two) == 0
                     && two[0].made && two[1].made);

    return two;
}


static void
keep(pando_req_t *rq, pando_tx_t *tx, pando_uuid_t id,
    const pando_dkim_pair_t *two)
{
    int      i;
    int64_t  at = pando_now() * 1000 / PANDO_TIME_SECOND;

    for (i = 0; i < 2; i++) {
        email_sql_key_add(tx, id,
            pando_text(rq, "%c%llx", i ? 'e' : 'r', (unsigned long long) at),
            i ? "ed25519" : "rsa2048",
            pando_conceal(rq, "email.dkim", two[i].key, two[i].len),
            two[i].public);
    }
}


static pando_reply_t
add(pando_req_t *rq)
{
    char                      name[PANDO_DOMAIN_SIZE],
                              own[PANDO_DOMAIN_SIZE];
    pando_tx_t               *tx;
    pando_json_t              json;
    pando_uuid_t              id;
    pando_dkim_pair_t        *two;
    const email_domain_in_t  *in = pando_body(rq);

    if (!pando_domain_parse(in->domain, strlen(in->domain), name)
        || !pando_domain_registrable(name, own))
    {
        return pando_fail(rq, &bad_domain);
    }

    tx = pando_begin(rq);
    id = email_sql_domain_add(tx, name);
    two = pairs(rq);
    keep(rq, tx, id, two);
    json = email_sql_domain(tx, id);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
remove_one(pando_req_t *rq)
{
    int64_t       version = pando_if_match(rq);
    pando_uuid_t  id = pando_path_id(rq);

    if (email_sql_domain_remove(pando_auto(rq), id,
                                version < 0 ? NULL : &version))
    {
        return pando_no_content(rq);
    }

    (void) email_sql_domain_or_404(pando_auto(rq), id);

    return pando_fail(rq, &pando_precondition);
}


/* ok, missing, differs, or unknown where nobody answers. */

static const char *
seen(pando_req_t *rq, const char *name, const char *begins, const char *holds)
{
    size_t       i, n;
    const char  *server = pando_setting(rq, "resolver");
    const char  *texts[MOST_TXT], *what = "missing";

    switch (pando_txt(rq, strcmp(server, "system") == 0 ? "" : server, name,
                      texts, MOST_TXT, &n))
    {
    case PANDO_TXT_OK:
        break;
    case PANDO_TXT_NONE:
        return "missing";
    default:
        return "unknown";
    }

    for (i = 0; i < n; i++) {
        if (strncmp(texts[i], begins, strlen(begins)) != 0) {
            continue;
        }

        if (holds == NULL || strstr(texts[i], holds)) {
            return "ok";
        }

        what = "differs";
    }

    return what;
}


/*
 * A domain is good when one of its keys is seen, which then signs; the rest is
 * advice.  False: nobody answered, and what was known stays.
 */

static bool
look(pando_req_t *rq, const email_key_t *keys, size_t n, bool *good,
    const char **found)
{
    bool         sure = true;
    size_t       i;
    json_t      *all = json_object(), *dkim = json_object();
    const char  *what, *domain, *host = pando_setting(rq, "bounce_host");

    domain = keys[0].domain;
    *good = false;

    for (i = 0; i < n; i++) {
        what = seen(rq, pando_text(rq, "%s._domainkey.%s", keys[i].selector,
                                   domain),
                    "v=DKIM1", pando_text(rq, "p=%s", keys[i].public));
        json_object_set_new(dkim, keys[i].selector, json_string(what));
        *good = *good || strcmp(what, "ok") == 0;
        sure = sure && strcmp(what, "unknown") != 0;
    }

    json_object_set_new(all, "dkim", dkim);
    json_object_set_new(all, "dmarc", json_string(
        seen(rq, pando_text(rq, "_dmarc.%s", domain), "v=DMARC1", NULL)));
    json_object_set_new(all, "spf", json_string(
        seen(rq, host[0] ? host : domain, "v=spf1", NULL)));
    *found = json_dumps(all, JSON_COMPACT);

    return sure;
}


static pando_reply_t
check(pando_req_t *rq)
{
    bool           good;
    size_t         n;
    pando_tx_t    *tx;
    const char    *found;
    pando_json_t   json;
    pando_uuid_t   id = pando_path_id(rq);
    email_key_t   *keys = email_sql_keys(pando_auto(rq), id, &n);

    if (n && pando_setting(rq, "resolver")[0] == '\0') {
        return pando_fail(rq, &no_resolver);
    }

    if (n == 0 || !look(rq, keys, n, &good, &found)) {
        return pando_reply_json(rq,
                   email_sql_domain_or_404(pando_auto(rq), id));
    }

    tx = pando_begin(rq);
    email_sql_domain_checked(tx, id, good, found);
    json = email_sql_domain_or_404(tx, id);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static pando_reply_t
rotate(pando_req_t *rq)
{
    pando_tx_t         *tx;
    pando_json_t        json;
    pando_uuid_t        id = pando_path_id(rq);
    pando_dkim_pair_t  *two;

    tx = pando_begin(rq);
    (void) email_sql_domain_lock_or_404(tx, id);

    if (email_sql_keys_fresh(tx, id)) {
        return pando_fail(rq, &rotated);
    }

    two = pairs(rq);
    email_sql_keys_retire(tx, id);
    keep(rq, tx, id, two);
    json = email_sql_domain_or_404(tx, id);
    pando_commit(tx);

    return pando_reply_json(rq, json);
}


static void
recheck(pando_req_t *rq, const void *data)
{
    size_t        i, n;
    pando_tx_t   *tx = pando_auto(rq);
    email_due_t  *due = email_sql_domains_due(tx, 1000, &n);

    for (i = 0; i < n; i++) {
        (void) pando_enqueue(tx, &email_recheck_one,
            &(email_domain_job_t) { .domain_id = due[i].id },
            &(pando_when_t) { .tenant = due[i].tenant_id,
                .unique_key = pando_uuid_text(rq, due[i].id) });
    }

    (void) email_sql_keys_forget(tx);
}


static void
recheck_one(pando_req_t *rq, const void *data)
{
    bool                       good;
    size_t                     n;
    pando_tx_t                *tx;
    const char                *found;
    email_key_t               *keys;
    const email_domain_job_t  *in = data;

    keys = email_sql_keys(pando_auto(rq), in->domain_id, &n);

    if (n && pando_setting(rq, "resolver")[0]
        && look(rq, keys, n, &good, &found))
    {
        tx = pando_begin(rq);
        email_sql_domain_checked(tx, in->domain_id, good, found);
        pando_commit(tx);
    }
}


/* The keys of its sender's domain, or of one above it that is registered. */

static email_key_t *
signers(pando_req_t *rq, const char *sender, size_t *n)
{
    char         own[PANDO_DOMAIN_SIZE];
    size_t       i;
    const char  *p = strrchr(sender, '@') + 1, *names[8];

    *n = 0;

    if (!pando_domain_registrable(p, own)) {
        return NULL;
    }

    for (i = 0; i < 8 && p && strlen(p) >= strlen(own); i++) {
        names[i] = p;
        p = strchr(p, '.');
        p = p ? p + 1 : NULL;
    }

    return email_sql_signers(pando_auto(rq), names, i, n);
}


bool
email_may_send(pando_req_t *rq, const char *sender)
{
    size_t  n;

    (void) signers(rq, sender, &n);

    return n > 0;
}


/* The mail with a signature by each of its sender's keys; false: no key. */

bool
email_sign(pando_req_t *rq, const char *sender, email_mail_t *mail)
{
    void         *key;
    char         *head, *all;
    size_t        i, n, len, size = 0;
    const char   *heads = "";
    email_key_t  *keys = signers(rq, sender, &n);

    for (i = 0; i < n; i++) {
        key = pando_reveal(rq, "email.dkim", keys[i].private_ct, &len);
        head = key ? pando_dkim(rq, &(pando_dkim_key_t) {
            .domain = keys[i].domain, .selector = keys[i].selector,
            .ed25519 = strcmp(keys[i].alg, "ed25519") == 0, .key = key,
            .len = len }, mail->bytes, mail->len, pando_now()) : NULL;

        if (head) {
            heads = pando_text(rq, "%s%s", heads, head);
        }
    }

    size = strlen(heads);

    if (size == 0) {
        return false;
    }

    all = pando_alloc(rq, size + mail->len + 1);
    memcpy(all, heads, size);
    memcpy(all + size, mail->bytes, mail->len);
    mail->bytes = all;
    mail->len += size;

    return true;
}
