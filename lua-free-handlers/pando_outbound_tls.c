/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Whom we believe: the system's authorities and those of pando_outbound_ca.
 *
 * They are read once for each worker, in a thread, for it takes many
 * milliseconds; every connection then uses this one store.  A chain or a name
 * that does not hold always ends a connection: only a probe, over which
 * nothing is ever sent, goes on to see what is wrong.
 */

#include "pando_outbound.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>


static void load(void *data);
static CURLcode on_context(CURL *easy, void *ssl_ctx, void *data);
static int look_at(X509_STORE_CTX *x, void *data);
static ngx_uint_t is_named(X509 *cert, const char *host);


static ngx_atomic_t  store;         /* X509_STORE *, once it is read */


ngx_int_t
pando_tls_ready(pando_req_t *rq)
{
    if (store == 0
        && pando_offload(rq, "default", load, pando_conf->outbound->ca) != 0)
    {
        load(pando_conf->outbound->ca);
    }

    return store ? NGX_OK : NGX_ERROR;
}


/* In a thread; of two that did it at once, the later one throws it away. */

static void
load(void *data)
{
    const char              *more = data;
    X509_STORE              *x = X509_STORE_new();
    curl_version_info_data  *info = curl_version_info(CURLVERSION_NOW);

    if (x == NULL) {
        return;
    }

    if (info->cainfo == NULL
        || X509_STORE_load_locations(x, info->cainfo, NULL) != 1)
    {
        (void) X509_STORE_set_default_paths(x);
    }

    if ((more && X509_STORE_load_locations(x, more, NULL) != 1)
        || !ngx_atomic_cmp_set(&store, 0, (ngx_atomic_uint_t) x))
    {
        X509_STORE_free(x);
    }
}


void
pando_tls_exit_worker(void)
{
    X509_STORE_free((X509_STORE *) store);
    store = 0;
}


ngx_int_t
pando_tls_use(pando_transfer_t *t)
{
    CURL       *e = t->easy;
    ngx_uint_t  bad = 0;

    bad |= curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
    bad |= curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
    bad |= curl_easy_setopt(e, CURLOPT_SSLVERSION,
                            (long) CURL_SSLVERSION_TLSv1_2);
    bad |= curl_easy_setopt(e, CURLOPT_CAINFO, NULL);
    bad |= curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
    bad |= curl_easy_setopt(e, CURLOPT_SSL_CTX_FUNCTION, on_context);
    bad |= curl_easy_setopt(e, CURLOPT_SSL_CTX_DATA, t);

    return bad ? NGX_ERROR : NGX_OK;
}


static CURLcode
on_context(CURL *easy, void *ssl_ctx, void *data)
{
    pando_transfer_t  *t = data;

    SSL_CTX_set1_cert_store(ssl_ctx, (X509_STORE *) store);

    if (t->chain) {
        SSL_CTX_set_cert_verify_callback(ssl_ctx, look_at, t->chain);
    }

    return CURLE_OK;
}


/* Of a probe: what would have ended the connection is written down. */

static int
look_at(X509_STORE_CTX *x, void *data)
{
    int             days = 0, seconds = 0;
    X509           *cert = X509_STORE_CTX_get0_cert(x);
    pando_chain_t  *chain = data;

    chain->seen = true;
    chain->chain_ok = X509_verify_cert(x) == 1;
    chain->flaw = chain->chain_ok ? NULL
        : X509_verify_cert_error_string(X509_STORE_CTX_get_error(x));
    chain->name_ok = cert && is_named(cert, chain->host);

    if (cert && ASN1_TIME_diff(&days, &seconds, NULL,
                               X509_get0_notAfter(cert)))
    {
        chain->days_left = days - (days <= 0 && seconds < 0 ? 1 : 0);
    }

    X509_STORE_CTX_set_error(x, X509_V_OK);

    return 1;
}


static ngx_uint_t
is_named(X509 *cert, const char *host)
{
    return X509_check_host(cert, host, strlen(host), 0, NULL) == 1
           || X509_check_ip_asc(cert, host, 0) == 1;
}
