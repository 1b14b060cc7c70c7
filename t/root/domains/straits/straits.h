/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Straits: a domain for the tests of what a flow leaves behind.
 */

#ifndef STRAITS_H
#define STRAITS_H

#include "pando.h"
#include "straits_sql.h"

#endif
