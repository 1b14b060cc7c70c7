/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * `pando_docs;`: the API for people, one page that needs nothing from
 * elsewhere.  docs.html reads /openapi.json in the browser; what problems mean
 * is written into it here, so that each problem's type leads to a text even
 * where no script runs.  Only the page's own script and style may run: the
 * policy names their digests, taken from the page itself.
 */

#include "pando_openapi.h"
#include "pando_serve.h"


#define HERE  "<!-- problems -->"


struct pando_docs_s {
    ngx_str_t     text;
    ngx_str_t     etag;
    char          policy[320];
    pando_head_t  heads[5];
};


extern const unsigned char  pando_docs_html[];
extern const size_t         pando_docs_html_len;


static ngx_int_t handler(ngx_http_request_t *r);
static void problems(pando_document_t *d, pando_out_t *out);
static ngx_uint_t is_first(const pando_problem_t **p, ngx_uint_t i);
static void escaped(pando_out_t *out, const char *s);
static ngx_int_t digest(const char *element, char *digest);


char *
pando_conf_docs(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    pando_main_conf_t         *pmcf;
    ngx_http_core_loc_conf_t  *clcf;

    pmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_pando_module);
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = handler;

    if (pmcf->docs == NULL) {
        pmcf->docs = ngx_pcalloc(cf->pool, sizeof(struct pando_docs_s));
    }

    return pmcf->docs ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_int_t
handler(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    struct pando_docs_s  *docs = pando_conf->docs;

    if (!pando_serve_method(r, &rc)) {
        return rc;
    }

    return pando_serve_text(r, "text/html; charset=utf-8", &docs->etag,
                            docs->heads, &docs->text);
}


/* When the configuration is read */

ngx_int_t
pando_docs_build(ngx_conf_t *cf, struct pando_docs_s *docs,
    pando_document_t *d)
{
    char          script[64], style[64];
    size_t        len;
    ngx_str_t     text;
    const char   *html = (const char *) pando_docs_html, *here;
    pando_out_t   out;

    here = memmem(html, pando_docs_html_len, HERE, strlen(HERE));

    if (here == NULL || digest("script", script) != NGX_OK
        || digest("style", style) != NGX_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "docs.html is not sound");
        return NGX_ERROR;
    }

    pando_out_init(&out, d->mem);
    pando_out_bytes(&out, html, (size_t) (here - html));
    problems(d, &out);
    here += strlen(HERE);
    pando_out_bytes(&out, here, pando_docs_html_len - (size_t) (here - html));

    text.data = (u_char *) pando_out_flat(&out, &len);
    text.len = len;

    docs->text.len = len;
    docs->text.data = text.data ? ngx_pstrdup(cf->pool, &text) : NULL;

    if (docs->text.data == NULL) {
        return NGX_ERROR;
    }

    (void) snprintf(docs->policy, sizeof(docs->policy),
                    "default-src 'none'; script-src 'sha256-%s'; "
                    "style-src 'sha256-%s'; img-src data:; "
                    "connect-src 'self'; base-uri 'none'; "
                    "form-action 'none'; frame-ancestors 'none'",
                    script, style);

    docs->heads[0] = (pando_head_t) { "Content-Security-Policy",
                                      docs->policy };
    docs->heads[1] = (pando_head_t) { "X-Content-Type-Options", "nosniff" };
    docs->heads[2] = (pando_head_t) { "Referrer-Policy", "no-referrer" };
    docs->heads[3] = (pando_head_t) { "Cache-Control", "no-cache" };

    return pando_serve_etag(cf->pool, &docs->text, &docs->etag);
}


/* By status, and within one as the document names them. */

static void
problems(pando_document_t *d, pando_out_t *out)
{
    int                      status;
    ngx_uint_t               i;
    const pando_problem_t  **p = d->problems.elts;

    for (status = 400; status < 600; status++) {
        for (i = 0; i < d->problems.nelts; i++) {

            if (p[i]->status != status || !is_first(p, i)) {
                continue;
            }

            pando_put(out, "<article id=\"%s\"><h3><b>%d</b> <code>%s</code>"
                      "</h3><p>", p[i]->code, status, p[i]->code);
            escaped(out, p[i]->text);
            pando_out_raw(out, "</p></article>\n");
        }
    }
}


static ngx_uint_t
is_first(const pando_problem_t **p, ngx_uint_t i)
{
    ngx_uint_t  k;

    for (k = 0; k < i; k++) {
        if (strcmp(p[k]->code, p[i]->code) == 0) {
            return 0;
        }
    }

    return 1;
}


static void
escaped(pando_out_t *out, const char *s)
{
    for ( /* void */ ; *s; s++) {
        switch (*s) {
        case '<':
            pando_out_raw(out, "&lt;");
            break;
        case '&':
            pando_out_raw(out, "&amp;");
            break;
        default:
            pando_out_char(out, *s);
        }
    }
}


/* Of what is between the tags, as browsers take it: base64, 44 characters. */

static ngx_int_t
digest(const char *element, char *digest)
{
    char            open[16], close[16];
    ngx_str_t       to, from;
    const char     *html = (const char *) pando_docs_html, *begin, *end;
    unsigned char   sum[PANDO_SHA256_SIZE];

    (void) snprintf(open, sizeof(open), "<%s>", element);
    (void) snprintf(close, sizeof(close), "</%s>", element);

    begin = memmem(html, pando_docs_html_len, open, strlen(open));
    end = memmem(html, pando_docs_html_len, close, strlen(close));

    if (begin == NULL || end == NULL || end < begin) {
        return NGX_ERROR;
    }

    begin += strlen(open);

    if (!pando_sha256(begin, (size_t) (end - begin), sum)) {
        return NGX_ERROR;
    }

    from.data = sum;
    from.len = sizeof(sum);
    to.data = (u_char *) digest;
    ngx_encode_base64(&to, &from);
    digest[to.len] = '\0';

    return NGX_OK;
}
