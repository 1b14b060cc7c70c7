/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What is counted of what goes out: by kind and by outcome, never by host,
 * for hosts are what clients write down.
 */

#include "pando_metrics.h"
#include "pando_outbound.h"


enum { REQUESTS, SECONDS, RETRIES, CONNECTS, ACTIVE, BREAKERS, FAMILIES };

static const pando_family_t  families[FAMILIES] = {

[REQUESTS] = { PANDO_METRIC_COUNTER, "pando_outbound_requests_total",
    "requests, mails and probes sent to others, by what came of them" },
[SECONDS] = { PANDO_METRIC_TIMES, "pando_outbound_duration_seconds",
    "how long they took, with every attempt and redirect" },
[RETRIES] = { PANDO_METRIC_COUNTER, "pando_outbound_retries_total",
    "attempts after the first" },
[CONNECTS] = { PANDO_METRIC_COUNTER, "pando_outbound_connects_total",
    "connections made for them" },
[ACTIVE] = { PANDO_METRIC_SUM, "pando_outbound_transfers",
    "transfers under way" },
[BREAKERS] = { PANDO_METRIC_SUM, "pando_outbound_breakers_open",
    "hosts that fail and are left alone" },
};

#define CLASSES   5                 /* of HTTP, 1xx to 5xx */
#define OUTCOMES  (CLASSES + PANDO_FETCH_DENIED + 1)

static const char *const  kinds[] = { "http", "mail", "probe" };

static pando_series_t  requests[PANDO_OUT_KINDS][OUTCOMES];
static pando_series_t  seconds[PANDO_OUT_KINDS];
static pando_series_t  others[FAMILIES];


void
pando_outbound_init_worker(void)
{
    ngx_uint_t  i;

    ngx_memzero(requests, sizeof(requests));
    ngx_memzero(seconds, sizeof(seconds));

    for (i = RETRIES; i < FAMILIES; i++) {
        others[i] = pando_series(&families[i], "");
    }
}


void
pando_outbound_count(pando_out_kind_t kind, pando_fetch_error_t error,
    int status, int64_t ms, int attempts)
{
    char         labels[PANDO_LABELS_SIZE];
    const char  *outcome = pando_fetch_error_text(error);
    ngx_uint_t   n = CLASSES + (ngx_uint_t) error;

    static const char *const  classes[CLASSES] = {
        "1xx", "2xx", "3xx", "4xx", "5xx"
    };

    if (kind == PANDO_OUT_HTTP && error == PANDO_FETCH_OK
        && status >= 100 && status <= 599)
    {
        n = (ngx_uint_t) status / 100 - 1;
        outcome = classes[n];
    }

    if (requests[kind][n] == 0) {
        (void) pando_labels(labels, 2, "kind", kinds[kind], "outcome",
                            outcome);
        requests[kind][n] = pando_series(&families[REQUESTS], labels);
    }

    if (seconds[kind] == 0) {
        (void) pando_labels(labels, 1, "kind", kinds[kind]);
        seconds[kind] = pando_series(&families[SECONDS], labels);
    }

    pando_series_add(requests[kind][n], 1);
    pando_series_time(seconds[kind], (uint64_t) ms * 1000);

    if (attempts > 1) {
        pando_series_add(others[RETRIES], attempts - 1);
    }
}


void
pando_outbound_count_connect(void)
{
    pando_series_add(others[CONNECTS], 1);
}


void
pando_outbound_sample(void)
{
    pando_series_set(others[ACTIVE], (int64_t) pando_transfers());
    pando_series_tell(others[BREAKERS], (int64_t) pando_hosts_open());
}


const pando_family_t *
pando_outbound_family(ngx_uint_t n)
{
    return n < FAMILIES ? &families[n] : NULL;
}
