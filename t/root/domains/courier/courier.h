/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Courier, a domain of the tests: it has others send and verify.
 */

#ifndef COURIER_H
#define COURIER_H

#include "pando.h"

typedef struct {
    pando_given_t  given;
    const char    *type, *key, *body, *source;
    pando_list_t   channels, secrets;
    pando_uuid_t   id;
    json_t        *data;
} courier_in_t;

#endif
