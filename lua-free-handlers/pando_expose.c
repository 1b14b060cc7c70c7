/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * `pando_exposition;`: all that was counted, as Prometheus' text (0.0.4) or as
 * OpenMetrics (1.0), whichever the client likes better.  Written on the
 * worker's stack from shared memory alone, so it tells what is wrong also
 * while the database is away.
 */

#include "pando_metrics.h"
#include "pando_job.h"
#include "pando_outbound.h"
#include "pando_serve.h"


typedef struct {
    pando_out_t   out;
    ngx_uint_t    open;                 /* OpenMetrics */
} text_t;


static ngx_chain_t *chain_of(ngx_http_request_t *r, pando_out_t *out);
static ngx_uint_t likes_open(ngx_http_request_t *r);
static ngx_uint_t weight(ngx_str_t *accept, const char *type);
static void family(text_t *t, pando_sums_t *sums, const pando_family_t *f);
static void head(text_t *t, const pando_family_t *f, size_t len);
static void line(text_t *t, const pando_family_t *f, const pando_sum_t *sum);
static void times(text_t *t, const pando_family_t *f,
    const pando_sum_t *sum);
static void sample(text_t *t, const char *name, const char *suffix,
    const char *labels, const char *le);
static void number(text_t *t, uint64_t v, ngx_uint_t micro);
static void say(text_t *t, const char *s);


ngx_int_t
pando_metrics_handler(ngx_http_request_t *r)
{
    ngx_int_t              rc;
    ngx_uint_t             i;
    text_t                 t;
    pando_mem_t            mem = pando_pool_mem(r->pool);
    ngx_chain_t           *body;
    pando_sums_t           sums;
    pando_family_t         f;
    const pando_family_t  *root;

    static const pando_head_t  heads[] = {
        { "Cache-Control", "no-store" }, { "Vary", "Accept" }, { NULL, NULL }
    };

    if (!pando_serve_method(r, &rc)) {
        return rc;
    }

    pando_out_init(&t.out, &mem);
    t.open = likes_open(r);
    pando_gauges_sample();

    if (pando_sums_begin(&sums, r->pool) != NGX_OK) {
        return pando_serve_problem(r, &pando_busy);
    }

    for (i = 0; pando_count_family(i, &f); i++) {
        family(&t, &sums, &f);
    }

    for (i = 0; (root = pando_gauges_family(i)) != NULL; i++) {
        family(&t, &sums, root);
    }

    for (i = 0; (root = pando_outbound_family(i)) != NULL; i++) {
        family(&t, &sums, root);
    }

    for (i = 0; (root = pando_jobs_family(i)) != NULL; i++) {
        family(&t, &sums, root);
    }

    if (t.open) {
        pando_out_raw(&t.out, "# EOF\n");
    }

    body = chain_of(r, &t.out);

    if (body == NULL) {
        return pando_serve_problem(r, &pando_busy);
    }

    return pando_serve(r, t.open ? "application/openmetrics-text; "
                                   "version=1.0.0; charset=utf-8"
                                 : "text/plain; version=0.0.4; charset=utf-8",
                       NULL, heads, body);
}


static ngx_chain_t *
chain_of(ngx_http_request_t *r, pando_out_t *out)
{
    ngx_buf_t      *b;
    ngx_chain_t    *body = NULL, **last = &body;
    pando_chunk_t  *chunk;

    for (chunk = out->failed ? NULL : out->first; chunk; chunk = chunk->next) {
        b = ngx_calloc_buf(r->pool);
        *last = ngx_alloc_chain_link(r->pool);

        if (b == NULL || *last == NULL) {
            return NULL;
        }

        b->pos = (u_char *) chunk->data;
        b->last = b->pos + chunk->used;
        b->memory = 1;
        (*last)->buf = b;
        (*last)->next = NULL;
        last = &(*last)->next;
    }

    return body;
}


/* OpenMetrics where it is named and not named as second best. */

static ngx_uint_t
likes_open(ngx_http_request_t *r)
{
    ngx_uint_t        q;
    ngx_table_elt_t  *h = pando_find_header(r, "accept", 6);

    if (h == NULL) {
        return 0;
    }

    q = weight(&h->value, "application/openmetrics-text");

    return q && q >= weight(&h->value, "text/plain");
}


/* The most of ;q= behind that type, in thousandths; 0 where it is absent. */

static ngx_uint_t
weight(ngx_str_t *accept, const char *type)
{
    size_t       len = ngx_strlen(type);
    u_char      *p = accept->data, *end = accept->data + accept->len;
    u_char      *comma, *q;
    ngx_uint_t   n, unit, most = 0;

    for ( /* void */ ; p < end; p = comma + 1) {
        comma = ngx_strlchr(p, end, ',');
        comma = comma ? comma : end;

        while (p < comma && *p == ' ') {
            p++;
        }

        if ((size_t) (comma - p) < len
            || ngx_strncasecmp(p, (u_char *) type, len) != 0
            || (p + len < comma && p[len] != ';' && p[len] != ' '))
        {
            continue;
        }

        n = 1000;

        for (q = p + len; q + 2 < comma; q++) {
            if ((q[-1] == ';' || q[-1] == ' ') && (q[0] | 0x20) == 'q'
                && q[1] == '=')
            {
                n = q[2] == '1' ? 1000 : 0;
                q += 4;

                for (unit = 100; unit && q < comma && *q >= '0' && *q <= '9';
                     unit /= 10)
                {
                    n += n < 1000 ? unit * (ngx_uint_t) (*q - '0') : 0;
                    q++;
                }

                break;
            }
        }

        most = ngx_max(most, n);
    }

    return most;
}


/* Text */

static void
family(text_t *t, pando_sums_t *sums, const pando_family_t *f)
{
    size_t       len = ngx_strlen(f->name);
    pando_sum_t  sum;

    if (!pando_sums_family(sums, f)) {
        return;
    }

    if (t->open && f->is == PANDO_METRIC_INFO) {
        len -= sizeof("_info") - 1;

    } else if (t->open && f->is <= PANDO_METRIC_SECONDS) {
        len -= sizeof("_total") - 1;
    }

    head(t, f, len);

    while (pando_sums_next(sums, &sum)) {
        if (f->is == PANDO_METRIC_TIMES) {
            times(t, f, &sum);

        } else {
            line(t, f, &sum);
        }
    }
}


static void
head(text_t *t, const pando_family_t *f, size_t len)
{
    const char  *type = f->is <= PANDO_METRIC_SECONDS ? "counter"
                      : f->is == PANDO_METRIC_TIMES ? "histogram"
                      : f->is == PANDO_METRIC_INFO && t->open ? "info"
                      : "gauge";

    pando_out_raw(&t->out, "# HELP ");
    pando_out_bytes(&t->out, f->name, len);
    pando_out_char(&t->out, ' ');
    say(t, f->note);
    pando_out_raw(&t->out, "\n# TYPE ");
    pando_out_bytes(&t->out, f->name, len);
    pando_out_char(&t->out, ' ');
    pando_out_raw(&t->out, type);
    pando_out_char(&t->out, '\n');
}


static void
say(text_t *t, const char *s)
{
    for ( /* void */ ; *s; s++) {
        if (*s == '\\' || *s == '\n' || (*s == '"' && t->open)) {
            pando_out_char(&t->out, '\\');
        }

        pando_out_char(&t->out, *s == '\n' ? 'n' : *s);
    }
}


static void
line(text_t *t, const pando_family_t *f, const pando_sum_t *sum)
{
    sample(t, f->name, "", sum->labels, NULL);
    number(t, sum->words[0], f->is == PANDO_METRIC_SECONDS);
    pando_out_char(&t->out, '\n');
}


static void
times(text_t *t, const pando_family_t *f, const pando_sum_t *sum)
{
    char        *p, le[NGX_INT64_LEN + 8];
    uint64_t     n = 0;
    ngx_uint_t   i;

    for (i = 0; i <= PANDO_BOUNDS; i++) {
        n += sum->words[i];
        p = (char *) ngx_cpymem(le, "+Inf", 5);

        if (i < PANDO_BOUNDS) {
            p = (char *) ngx_sprintf((u_char *) le, "%uL.%06uL",
                                     pando_bounds_us[i] / 1000000,
                                     pando_bounds_us[i] % 1000000);

            while (p[-1] == '0' && (p[-2] != '.' || !t->open)) {
                p--;
            }

            p[p[-1] == '.' ? -1 : 0] = '\0';
        }

        sample(t, f->name, "_bucket", sum->labels, le);
        number(t, n, 0);
        pando_out_char(&t->out, '\n');
    }

    sample(t, f->name, "_sum", sum->labels, NULL);
    number(t, sum->words[PANDO_BOUNDS + 1], 1);
    pando_out_char(&t->out, '\n');

    sample(t, f->name, "_count", sum->labels, NULL);
    number(t, n, 0);
    pando_out_char(&t->out, '\n');
}


static void
sample(text_t *t, const char *name, const char *suffix, const char *labels,
    const char *le)
{
    pando_out_raw(&t->out, name);
    pando_out_raw(&t->out, suffix);

    if (labels[0] || le) {
        pando_out_char(&t->out, '{');
        pando_out_raw(&t->out, labels);

        if (le) {
            pando_out_raw(&t->out, labels[0] ? ",le=\"" : "le=\"");
            pando_out_raw(&t->out, le);
            pando_out_char(&t->out, '"');
        }

        pando_out_char(&t->out, '}');
    }

    pando_out_char(&t->out, ' ');
}


static void
number(text_t *t, uint64_t v, ngx_uint_t micro)
{
    u_char  text[NGX_INT64_LEN + 8], *p;

    if (!micro) {
        pando_out_int(&t->out, (int64_t) v);
        return;
    }

    p = ngx_sprintf(text, "%uL.%06uL", v / 1000000, v % 1000000);
    pando_out_bytes(&t->out, (char *) text, (size_t) (p - text));
}
