/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Scheduler: things done at the right local time, once.  Start reading at
 * scheduler_times.c.
 */

#include "scheduler.h"


static const pando_route_t *const  routes[] = {
    scheduler_preview,
    NULL
};


const pando_domain_t  scheduler_domain = {
    .name = "scheduler",
    .note = "things done at the right local time, once",
    .routes = routes
};
