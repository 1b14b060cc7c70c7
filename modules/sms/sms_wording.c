/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SMS: a text made of a template and data.
 *
 * A name without data is a refusal: nobody gets a message that greets nobody.
 * A batch looks up each template and language once.
 */

#include "sms.h"


struct sms_wordings_s {
    const char      *key, *locale;
    sms_wording_t   *row;
    sms_wordings_t  *next;
};


const pando_problem_t
sms_unknown_template = {
    .status = 422, .code = "unknown_template", .pointer = "/template",
    .text = "no template of that key is published"
},
sms_missing_variable = {
    .status = 422, .code = "missing_variable", .pointer = "/data",
    .text = "the template asks for what is not in the data"
};


/* NULL, and why. */

const char *
sms_render(pando_req_t *rq, const char *text, const char *locale,
    json_t *data, const char **why)
{
    size_t                   len;
    char                    *body = NULL;
    pando_template_t        *t;
    pando_template_error_t   error;
    pando_template_with_t    with = { .as = PANDO_TEMPLATE_TEXT,
                                      .strict = true, .locale = locale,
                                      .max = SMS_BODY_MAX };

    t = pando_template(rq, text, strlen(text), &with, &error);

    if (t) {
        body = pando_template_render(rq, t, data ? data : json_object(),
                                     &with, &len, &error);
    }

    if (body == NULL) {
        *why = strcmp(error.code, "missing_variable") == 0
               ? error.text
               : pando_text(rq, "%s: %s", error.code, error.text);
    }

    return body;
}


const sms_wording_t *
sms_wording(pando_req_t *rq, sms_wordings_t **known, const char *key,
    const char *locale)
{
    sms_wordings_t  *w;

    for (w = *known; w; w = w->next) {
        if (strcmp(w->key, key) == 0 && strcmp(w->locale, locale) == 0) {
            return w->row;
        }
    }

    w = pando_alloc(rq, sizeof(*w));
    w->key = key;
    w->locale = locale;
    w->row = sms_sql_wording(pando_auto(rq), key, locale);
    w->next = *known;
    *known = w;

    return w->row;
}
