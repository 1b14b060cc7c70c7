/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Herald, a domain of the tests: it has others told of things.
 */

#ifndef HERALD_H
#define HERALD_H

#include "pando.h"

typedef struct {
    pando_given_t  given;
    const char    *template, *category, *title, *body, *topic, *key, *object;
    const char    *to, *message;
    pando_list_t   users;
    json_t        *data;
} herald_in_t;

extern const pando_shape_t  herald_in;
extern const pando_route_t  herald_calls[];

#endif
