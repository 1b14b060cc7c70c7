/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Toil: jobs for the tests of the root.
 */

#include "toil.h"


static const pando_route_t *const  routes[] = { toil_routes, NULL };

static const pando_job_t *const  jobs[] = {
    &toil_work, &toil_lone, &toil_quick, &toil_kept, &toil_beat, NULL
};

const pando_domain_t  toil_domain = {
    .name = "toil", .note = "jobs, for the tests", .routes = routes,
    .queries = toil_queries, .jobs = jobs
};
