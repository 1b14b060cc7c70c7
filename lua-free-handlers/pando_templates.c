/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Templates in a flow: what pando.h promises, in the flow's memory.
 */

#include "pando_root.h"
#include "pando_template.h"


pando_template_t *
pando_template(pando_req_t *rq, const char *text, size_t len,
    const pando_template_with_t *with, pando_template_error_t *error)
{
    return pando_template_read(pando_flow_mem(rq), text, len, with, error);
}


char *
pando_template_render(pando_req_t *rq, const pando_template_t *t,
    json_t *data, const pando_template_with_t *with, size_t *len,
    pando_template_error_t *error)
{
    return pando_template_write(pando_flow_mem(rq), t, data, with, len,
                                error);
}


const char *
pando_template_name(pando_req_t *rq, const pando_template_t *t, unsigned n)
{
    unsigned                      i;
    const pando_template_step_t  *step;

    for (i = 0; i < t->n; i++) {
        step = &t->steps[i];

        if (step->is != PANDO_STEP_LITERAL && step->is != PANDO_STEP_END
            && step->nparts && n-- == 0)
        {
            return pando_copy(rq, step->text.s, step->text.len);
        }
    }

    return NULL;
}
