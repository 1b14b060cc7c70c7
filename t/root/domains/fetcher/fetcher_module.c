/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Fetcher: it asks what it is told to ask, and tells what came of it.
 */

#include "fetcher.h"


static const pando_route_t *const  routes[] = {
    fetcher_web, fetcher_mail, NULL
};

const pando_domain_t  fetcher_domain = {
    .name = "fetcher", .note = "asks others, for the tests",
    .routes = routes
};
