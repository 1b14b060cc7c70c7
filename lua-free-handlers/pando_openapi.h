/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The API's description: the document (pando_openapi.c), one operation of it
 * (pando_operation.c) and what can go wrong with one (pando_outcomes.c).  All
 * of it happens once, in the master, while the configuration is read.
 */

#ifndef PANDO_OPENAPI_H
#define PANDO_OPENAPI_H

#include "pando_root.h"

/* A route of the document; several may have one path. */
typedef struct {
    const pando_domain_t  *domain;
    const pando_route_t   *route;
    const char            *path;        /* whole, as it is asked for */
    const char            *id;          /* of the operation, unique */
    unsigned               written:1;
} pando_operation_t;

/* Problems that many routes share: one component. */
typedef struct {
    int       status;
    uint32_t  which;
} pando_outcome_t;

typedef struct {
    ngx_pool_t           *pool;
    pando_mem_t          *mem;
    pando_out_t          *out;
    ngx_array_t           operations;   /* of pando_operation_t */
    ngx_array_t           outcomes;     /* of pando_outcome_t */
    ngx_array_t           problems;     /* of const pando_problem_t * */
    ngx_array_t           events;       /* of const pando_event_t * */
    ngx_array_t           pages;        /* of const pando_shape_t * */
    ngx_array_t           scopes;       /* of const char * */
    pando_schemas_t       schemas;
    unsigned              paged:1;      /* parameters that are in use */
    unsigned              keyed:1;
    unsigned              matched:1;
    unsigned              fresh:1;
    unsigned              tagged:1;
    const char           *clash;
} pando_document_t;

/* %s as it is, %q as a JSON text, %d an int; no other conversions. */
void pando_put(pando_out_t *out, const char *fmt, ...);
/* Whether it was not there before. */
ngx_uint_t pando_met(ngx_array_t *of_pointers, const void *p);

void pando_operation_write(pando_document_t *d, pando_operation_t *op);
const char *pando_operation_id(pando_document_t *d,
    const pando_operation_t *op);
void pando_operation_meet(pando_document_t *d, const pando_route_t *route);

void pando_outcomes_write(pando_document_t *d, const pando_operation_t *op);
void pando_outcomes_components(pando_document_t *d);
void pando_problems_list(pando_document_t *d);

/* false: it would not be right; then there is none. */
bool pando_example(const pando_shape_t *shape, bool patch, bool answer,
    pando_mem_t *mem, const char **text);

/* Directives and their locations */
char *pando_conf_openapi(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *pando_conf_docs(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
/* d: of all domains, and written. */
ngx_int_t pando_docs_build(ngx_conf_t *cf, struct pando_docs_s *docs,
    pando_document_t *d);
ngx_int_t pando_openapi_build(ngx_conf_t *cf, pando_main_conf_t *pmcf);

#endif
