/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Listener: a domain of the tests that hears what other domains say.
 */

#ifndef LISTENER_H
#define LISTENER_H

#include "pando.h"
#include "listener_sql.h"

extern const pando_domain_t  listener_domain;

#endif
