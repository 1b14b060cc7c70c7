/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Fetcher: a domain for the tests of what goes out.
 */

#ifndef FETCHER_H
#define FETCHER_H

#include "pando.h"

extern const pando_route_t  fetcher_web[], fetcher_mail[];

#endif
