/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Realtime: messages that wait for what comes before them.  They are copies
 * outside of any flow, few and for moments; who held too much is told so, and
 * reads them again where they are kept.
 */

#include "realtime.h"


#define MOST   1000
#define BYTES  1048576


bool
realtime_hold(realtime_holds_t *holds, const realtime_spot_t *spot,
    const char *data, size_t len)
{
    realtime_held_t  *held;

    if (holds->n >= MOST || holds->bytes + len > BYTES) {
        return false;
    }

    held = malloc(sizeof(realtime_held_t) + len);
    if (held == NULL) {
        return false;
    }

    held->next = NULL;
    held->spot = *spot;
    held->len = len;
    memcpy(held->data, data, len);

    if (holds->first == NULL) {
        holds->last = &holds->first;
    }

    *holds->last = held;
    holds->last = &held->next;
    holds->n++;
    holds->bytes += len;

    return true;
}


/* The first one, now the caller's to free. */

realtime_held_t *
realtime_unhold(realtime_holds_t *holds)
{
    realtime_held_t  *held = holds->first;

    if (held) {
        holds->first = held->next;
        holds->n--;
        holds->bytes -= held->len;
    }

    return held;
}


void
realtime_holds_drop(realtime_holds_t *holds)
{
    realtime_held_t  *held;

    while ((held = realtime_unhold(holds))) {
        free(held);
    }
}
