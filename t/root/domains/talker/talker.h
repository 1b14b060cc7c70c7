/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Talker: a domain for the tests of live connections.
 */

#ifndef TALKER_H
#define TALKER_H

#include "pando.h"

#endif
