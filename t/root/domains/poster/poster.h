/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Poster: a domain of the tests that sends mail.
 */

#ifndef POSTER_H
#define POSTER_H

#include "pando.h"

#endif
