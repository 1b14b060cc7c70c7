/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * TXT records, by the C library's resolver in a thread: it blocks, and nginx'
 * own asks for addresses only.  An answer is read with each length checked.
 */

#include "pando_root.h"

#include <arpa/nameser.h>
#include <netdb.h>
#include <resolv.h>


#define ANSWER  8192


typedef struct {
    char            name[256];
    struct in_addr  server;
    int             port;           /* 0: this host's own */
    int             len;            /* of the answer; less than 0: none */
    int             why;            /* h_errno */
    unsigned char   answer[ANSWER];
} query_t;


static void ask(void *data);
static bool records(pando_req_t *rq, const query_t *q, const char **texts,
    size_t most, size_t *n);


pando_txt_t
pando_txt(pando_req_t *rq, const char *server, const char *name,
    const char **texts, size_t most, size_t *n)
{
    char        *colon;
    char         host[64];
    query_t     *q = pando_alloc(rq, sizeof(*q));

    *n = 0;

    if (strlen(name) >= sizeof(q->name) || strlen(server) >= sizeof(host)) {
        return PANDO_TXT_FAILED;
    }

    strcpy(q->name, name);
    strcpy(host, server);

    if (host[0]) {
        colon = strchr(host, ':');
        q->port = colon ? atoi(colon + 1) : 53;

        if (colon) {
            *colon = '\0';
        }

        if (inet_pton(AF_INET, host, &q->server) != 1) {
            return PANDO_TXT_FAILED;
        }
    }

    if (pando_offload(rq, "default", ask, q) != 0) {
        return PANDO_TXT_FAILED;
    }

    if (q->len < 0) {
        return q->why == HOST_NOT_FOUND || q->why == NO_DATA
               ? PANDO_TXT_NONE : PANDO_TXT_FAILED;
    }

    if (!records(rq, q, texts, most, n)) {
        return PANDO_TXT_FAILED;
    }

    return *n ? PANDO_TXT_OK : PANDO_TXT_NONE;
}


static void
ask(void *data)
{
    query_t             *q = data;
    struct __res_state   state;

    memset(&state, 0, sizeof(state));
    q->len = -1;
    q->why = TRY_AGAIN;

    if (res_ninit(&state) != 0) {
        return;
    }

    state.retrans = 2;
    state.retry = 2;

    if (q->port) {
        state.nscount = 1;
        state.nsaddr_list[0].sin_family = AF_INET;
        state.nsaddr_list[0].sin_addr = q->server;
        state.nsaddr_list[0].sin_port = htons((uint16_t) q->port);
    }

    q->len = res_nquery(&state, q->name, ns_c_in, ns_t_txt, q->answer,
                        sizeof(q->answer));
    q->why = state.res_h_errno;
    res_nclose(&state);
}


static bool
records(pando_req_t *rq, const query_t *q, const char **texts, size_t most,
    size_t *n)
{
    int                   skip;
    char                 *out, *to;
    unsigned              i, questions, answers, type, len, size;
    const unsigned char  *p = q->answer, *end, *stop;

    end = p + ngx_min(q->len, ANSWER);

    if (q->len < 12) {
        return false;
    }

    questions = (unsigned) (p[4] << 8 | p[5]);
    answers = (unsigned) (p[6] << 8 | p[7]);
    p += 12;

    for (i = 0; i < questions + answers; i++) {
        skip = dn_skipname(p, end);

        if (skip < 0 || end - p < skip + (i < questions ? 4 : 10)) {
            return false;
        }

        p += skip;

        if (i < questions) {
            p += 4;
            continue;
        }

        type = (unsigned) (p[0] << 8 | p[1]);
        len = (unsigned) (p[8] << 8 | p[9]);
        p += 10;

        if ((unsigned) (end - p) < len) {
            return false;
        }

        stop = p + len;

        if (type != ns_t_txt || *n == most) {
            p = stop;
            continue;
        }

        out = pando_alloc(rq, len + 1);

        for (to = out; p < stop; p += size) {
            size = *p++;
            size = size < (unsigned) (stop - p) ? size
                                                : (unsigned) (stop - p);
            memcpy(to, p, size);
            to += size;
        }

        texts[(*n)++] = out;
    }

    return true;
}
