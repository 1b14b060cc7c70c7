/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Templates are written: their steps over a document.
 *
 * A name is looked up where its first part is found, from the innermost
 * section outwards.  The work is bounded in steps and in bytes, whatever
 * lists the data holds; data come in at most PANDO_DEPTH deep.
 */

#include "pando_template.h"


typedef struct {
    unsigned   step;                /* of its beginning */
    json_t    *list;                /* NULL: written once */
    size_t     index;
    unsigned   pushed;
} frame_t;

typedef struct {
    pando_mem_t                  *mem;
    const pando_template_t       *t;
    const pando_template_with_t  *with;
    pando_template_error_t       *error;
    pando_out_t                   out;
    size_t                        max;
    unsigned                      nframes, ncontexts;
    frame_t                       frames[PANDO_TEMPLATE_OPEN];
    json_t                       *contexts[PANDO_TEMPLATE_OPEN + 1];
} writer_t;


static bool write_step(writer_t *w, unsigned *i);
static bool begin_section(writer_t *w, unsigned *i);
static void end_section(writer_t *w, unsigned *i);
static bool write_value(writer_t *w, const pando_template_step_t *step);
static json_t *look_up(const writer_t *w, const pando_template_step_t *step);
static bool wrong(writer_t *w, const pando_template_step_t *step,
    const char *code, const char *text);


char *
pando_template_write(pando_mem_t *mem, const pando_template_t *t,
    json_t *data, const pando_template_with_t *with, size_t *len,
    pando_template_error_t *error)
{
    char      *text;
    size_t     n;
    unsigned   i, run = 0;
    writer_t  *w = pando_mem_alloc(mem, sizeof(writer_t));

    memset(error, 0, sizeof(*error));

    if (w) {
        w->mem = mem;
        w->t = t;
        w->with = with;
        w->error = error;
        w->max = with->max ? with->max : PANDO_TEMPLATE_OUTPUT;
        w->contexts[w->ncontexts++] = data;
        pando_out_init(&w->out, mem);

        for (i = 0; i < t->n; i++) {
            if (++run > PANDO_TEMPLATE_RUN || w->out.len > w->max) {
                wrong(w, &t->steps[i], "template_output",
                      "what it makes of the data is too long");
                return NULL;
            }

            if (!write_step(w, &i)) {
                return NULL;
            }
        }

        text = pando_out_flat(&w->out, &n);

        if (text && n <= w->max) {
            if (len) {
                *len = n;
            }

            return text;
        }
    }

    error->code = w && w->out.len > w->max ? "template_output" : "no_memory";
    error->text = w && w->out.len > w->max
                  ? "what it makes of the data is too long"
                  : "there is no memory for it";

    return NULL;
}


static bool
write_step(writer_t *w, unsigned *i)
{
    const pando_template_step_t  *step = &w->t->steps[*i];

    switch (step->is) {

    case PANDO_STEP_LITERAL:
        pando_out_bytes(&w->out, step->text.s, step->text.len);
        return true;

    case PANDO_STEP_VALUE:
        return write_value(w, step);

    case PANDO_STEP_SECTION:
    case PANDO_STEP_INVERTED:
        return begin_section(w, i);

    case PANDO_STEP_END:
        end_section(w, i);
        return true;
    }

    return true;
}


static bool
begin_section(writer_t *w, unsigned *i)
{
    json_t                       *v;
    bool                          nothing;
    frame_t                      *f;
    const pando_template_step_t  *step = &w->t->steps[*i];

    v = look_up(w, step);
    nothing = pando_template_nothing(v);

    if (nothing != (step->is == PANDO_STEP_INVERTED)) {
        *i = step->other;
        return true;
    }

    f = &w->frames[w->nframes++];
    memset(f, 0, sizeof(*f));
    f->step = *i;

    if (!nothing) {
        f->list = json_is_array(v) ? v : NULL;
        f->pushed = 1;
        w->contexts[w->ncontexts++] = f->list ? json_array_get(v, 0) : v;
    }

    return true;
}


static void
end_section(writer_t *w, unsigned *i)
{
    frame_t  *f = &w->frames[w->nframes - 1];

    if (f->list && ++f->index < json_array_size(f->list)) {
        w->contexts[w->ncontexts - 1] = json_array_get(f->list, f->index);
        *i = f->step;
        return;
    }

    w->ncontexts -= f->pushed;
    w->nframes--;
}


static bool
write_value(writer_t *w, const pando_template_step_t *step)
{
    bool                      written;
    json_t                   *v = look_up(w, step);
    size_t                    len;
    const char               *s;
    pando_out_t               plain;
    const pando_formatter_t  *f = step->format;

    if (v == NULL && w->with->strict && (f == NULL || !f->nulls)) {
        return wrong(w, step, "missing_variable",
                     pando_mem_copy(w->mem, step->text.s, step->text.len));
    }

    if ((v == NULL || json_is_null(v)) && (f == NULL || !f->nulls)) {
        return true;
    }

    if (f == NULL && step->safe == PANDO_SAFE_AS_IS) {
        written = pando_formatter_plain(v, &w->out);

    } else {
        pando_out_init(&plain, w->mem);
        written = f ? f->write(v, step->arg,
                               w->with->locale ? w->with->locale : "en",
                               &plain)
                    : pando_formatter_plain(v, &plain);
        s = pando_out_flat(&plain, &len);

        if (s == NULL) {
            return wrong(w, step, "no_memory", "there is no memory for it");
        }

        pando_template_safe(step->safe, s, len, &w->out);
    }

    return written || wrong(w, step, "template_value",
                            "the value is not of a kind that fits here");
}


/*
 * The first part is looked for in all that is open, the others below it: a
 * name that is found half is not looked for further out.
 */

static json_t *
look_up(const writer_t *w, const pando_template_step_t *step)
{
    json_t    *v = NULL;
    unsigned   i;

    if (step->nparts == 0) {
        return w->contexts[w->ncontexts - 1];
    }

    for (i = w->ncontexts; i > 0 && v == NULL; i--) {
        v = json_object_getn(w->contexts[i - 1], step->parts[0].s,
                             step->parts[0].len);
    }

    for (i = 1; i < step->nparts && v; i++) {
        v = json_object_getn(v, step->parts[i].s, step->parts[i].len);
    }

    return v;
}


static bool
wrong(writer_t *w, const pando_template_step_t *step, const char *code,
    const char *text)
{
    w->error->code = code;
    w->error->text = text;
    w->error->in = step->in;
    w->error->line = step->line;
    w->error->column = step->column;

    return false;
}
