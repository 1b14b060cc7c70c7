/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Keeper: a domain of the tests that has the vault seal and sign for it.
 */

#ifndef KEEPER_H
#define KEEPER_H

#include "pando.h"

typedef struct {
    pando_given_t  given;
    int            call;
    const char    *key, *data, *signature;
    pando_list_t   context;         /* const char * */
    int64_t        version;
    bool           raw;
} keeper_in_t;

typedef struct {
    int64_t      code;
    const char  *data;
    int64_t      version;
    bool         valid;
} keeper_out_t;

#endif
