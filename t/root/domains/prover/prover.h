/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Prover: a domain of the tests that sends texts and asks for codes.
 */

#ifndef PROVER_H
#define PROVER_H

#include "pando.h"

#endif
