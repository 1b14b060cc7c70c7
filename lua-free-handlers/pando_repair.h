/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Pando, section 8c: repairs, none of which waits, and what has to be known
 * to do them in time.  pando.h includes it; nobody else does.
 */

#ifndef PANDO_REPAIR_H
#define PANDO_REPAIR_H

/* This worker's connections to a database, each replaced when nobody uses it;
   false: there is no such database. */
bool pando_pool_recycle(const char *database);
/* A host that is left alone since it failed, "name:port", or a provider,
   "upstream name", is asked again by all workers of this node; false: it is
   not left alone. */
bool pando_breaker_reset(const char *host);
/* Has another worker write to the error log where it stands just now. */
bool pando_worker_trace(int pid);
/* All answers that this node keeps. */
void pando_cache_empty(void);
/* Requests that this node has begun and not answered, of all its workers. */
unsigned pando_in_flight(void);
/* Whether the client's address is within one of these, a blank between. */
bool pando_client_within(pando_req_t *rq, const char *cidrs);

#endif
