/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Who is heard when: the turns of a relay, in line by subject.
 *
 * Of one line one turn is under way, in the order of the outbox; different
 * lines go side by side, as many as the consumer and the connections allow.
 * While others of its subject are put aside, a turn is put aside behind them.
 * What is done with leaves no trace here: how far all is done with is told by
 * the first turn that is not.
 */

#include "pando_relay.h"


static pando_line_t *line_of(pando_relay_t *relay, const pando_turn_t *turn);
static pando_line_t *line_find(pando_relay_t *relay, pando_uuid_t id,
    ngx_uint_t make);
static void line_insert(ngx_rbtree_node_t *up, ngx_rbtree_node_t *node,
    ngx_rbtree_node_t *sentinel);
static void line_ready(pando_relay_t *relay, pando_line_t *line);
static void line_drop(pando_relay_t *relay, pando_line_t *line);
static ngx_int_t start(pando_relay_t *relay, pando_line_t *line);
static void turn_free(pando_turn_t *turn);
static pando_turn_t *turn_copy(const pando_turn_t *as);


/*
 * false: no memory, or it is here already.  as: on the caller's stack or in
 * its pool.
 */

bool
pando_hear_add(pando_relay_t *relay, const pando_turn_t *as)
{
    pando_line_t  *line;
    pando_turn_t  *turn;

    line = line_of(relay, as);

    if (line == NULL || (as->was_aside && line->again)) {
        return false;
    }

    turn = turn_copy(as);

    if (turn == NULL) {
        line_drop(relay, line);
        return false;
    }

    turn->relay = relay;
    turn->line = line;

    if (turn->was_aside) {
        line->again = turn;
        line->aside = 1;
        ngx_queue_insert_tail(&relay->asides, &turn->link);

    } else {
        ngx_queue_insert_tail(&relay->turns, &turn->link);
        ngx_queue_insert_tail(&line->turns, &turn->mine);
        relay->nturns++;
        relay->bytes += turn->told.len;
    }

    line_ready(relay, line);

    return true;
}


static pando_turn_t *
turn_copy(const pando_turn_t *as)
{
    char          *data, *type, *trace = NULL;
    size_t         n = strlen(as->told.type) + 1;
    ngx_pool_t    *pool;
    pando_turn_t  *turn;

    pool = ngx_create_pool(sizeof(pando_turn_t) + as->told.len + n + 256,
                           ngx_cycle->log);
    turn = pool ? ngx_palloc(pool, sizeof(pando_turn_t)) : NULL;

    if (turn == NULL) {
        goto failed;
    }

    *turn = *as;
    turn->pool = pool;
    data = ngx_pnalloc(pool, as->told.len + 1);
    type = ngx_pnalloc(pool, n);

    if (as->told.trace) {
        trace = ngx_pnalloc(pool, strlen(as->told.trace) + 1);
    }

    if (data == NULL || type == NULL || (as->told.trace && trace == NULL)) {
        goto failed;
    }

    ngx_memcpy(data, as->told.data, as->told.len);
    data[as->told.len] = '\0';
    ngx_memcpy(type, as->told.type, n);

    if (trace) {
        ngx_memcpy(trace, as->told.trace, strlen(as->told.trace) + 1);
    }

    turn->told.data = data;
    turn->told.type = type;
    turn->told.trace = trace;

    return turn;

failed:

    if (pool) {
        ngx_destroy_pool(pool);
    }

    return NULL;
}


static void
turn_free(pando_turn_t *turn)
{
    ngx_destroy_pool(turn->pool);
}


void
pando_hear_aside(pando_relay_t *relay, pando_uuid_t subject)
{
    pando_line_t  *line = line_find(relay, subject, 1);

    if (line) {
        line->aside = 1;
    }
}


void
pando_hear_dispatch(pando_relay_t *relay)
{
    ngx_queue_t   *q;
    pando_line_t  *line;
    ngx_uint_t     most = relay->hear->parallel
                          ? (ngx_uint_t) relay->hear->parallel : 16;

    while (!ngx_queue_empty(&relay->ready) && relay->running < most) {

        if (!pando_desk_room(relay->into)) {
            relay->into->crowded = 1;
            return;
        }

        q = ngx_queue_head(&relay->ready);
        line = ngx_queue_data(q, pando_line_t, ready);
        ngx_queue_remove(q);
        line->is_ready = 0;

        if (start(relay, line) != NGX_OK) {
            line_ready(relay, line);
            pando_relay_pause(relay);
            return;
        }
    }
}


/*
 * What was put aside goes first: the others of its subject wait for it.
 */

static ngx_int_t
start(pando_relay_t *relay, pando_line_t *line)
{
    ngx_int_t      rc;
    pando_turn_t  *turn = line->busy;

    if (turn == NULL && line->again) {
        turn = line->again;

    } else if (turn == NULL) {
        turn = ngx_queue_data(ngx_queue_head(&line->turns), pando_turn_t,
                              mine);

        if (line->aside) {
            turn->state = PANDO_TURN_FAILED;
            turn->told.attempt = 0;
        }
    }

    rc = turn->state == PANDO_TURN_FAILED ? pando_told_settle(turn)
                                          : pando_told_run(turn);
    if (rc == NGX_OK) {
        line->busy = turn;
        relay->running++;
        relay->into->handlers++;
    }

    return rc;
}


/*
 * A flow of the turn has ended.  Where the relay has ended before, nobody
 * waits for it any more.
 */

void
pando_hear_ended(pando_turn_t *turn)
{
    pando_line_t   *line = turn->line;
    pando_relay_t  *relay = turn->relay;

    turn->rq = NULL;
    pando_desk_ended(relay->into);

    if (turn->orphan) {
        turn_free(turn);
        return;
    }

    relay->running--;

    if (turn->state == PANDO_TURN_WAITS) {
        line->busy = NULL;

    } else if (turn->done) {
        line->busy = NULL;

        if (turn->was_aside) {
            line->again = NULL;

        } else {
            ngx_queue_remove(&turn->mine);
            relay->nturns--;
            relay->bytes -= turn->told.len;
        }

        if (turn->was_aside || turn->others) {
            line->aside = turn->others;
            relay->due |= turn->others || turn->was_aside;
        }

        ngx_queue_remove(&turn->link);
        turn_free(turn);
    }

    line_ready(relay, line);
    line_drop(relay, line);
    pando_relay_poll(relay);
}


/* The last event up to which all is done with. */

pando_mark_t
pando_hear_passed(pando_relay_t *relay)
{
    ngx_queue_t   *q;
    pando_mark_t   passed = relay->seen;
    pando_turn_t  *turn;

    for (q = ngx_queue_head(&relay->turns);
         q != ngx_queue_sentinel(&relay->turns);
         q = ngx_queue_next(q))
    {
        turn = ngx_queue_data(q, pando_turn_t, link);

        if (pando_mark_cmp(turn->place, passed) <= 0) {
            passed = turn->place;
            passed.seq--;
        }
    }

    return passed;
}


/*
 * The relay has ended: what is under way goes on by itself, the rest was
 * never here.
 */

void
pando_hear_forget(pando_relay_t *relay)
{
    ngx_uint_t      i;
    ngx_queue_t    *q, *of[] = { &relay->turns, &relay->asides };
    pando_line_t   *line;
    pando_turn_t   *turn;

    for (i = 0; i < 2; i++) {
        while (!ngx_queue_empty(of[i])) {
            q = ngx_queue_head(of[i]);
            turn = ngx_queue_data(q, pando_turn_t, link);
            ngx_queue_remove(q);

            if (turn->rq) {
                turn->orphan = 1;

            } else {
                turn_free(turn);
            }
        }
    }

    while (relay->lines.root != &relay->sentinel) {
        line = (pando_line_t *) relay->lines.root;
        ngx_rbtree_delete(&relay->lines, &line->node);
        ngx_free(line);
    }

    ngx_queue_init(&relay->ready);
    relay->nturns = 0;
    relay->bytes = 0;
    relay->running = 0;
}


/* Lines */

static pando_line_t *
line_of(pando_relay_t *relay, const pando_turn_t *turn)
{
    return line_find(relay, turn->told.has_subject ? turn->told.subject
                                                   : turn->told.id, 1);
}


static pando_line_t *
line_find(pando_relay_t *relay, pando_uuid_t id, ngx_uint_t make)
{
    int                 rc;
    uint32_t            hash = ngx_crc32_short(id.b, sizeof(id.b));
    pando_line_t       *line;
    ngx_rbtree_node_t  *node = relay->lines.root;

    while (node != &relay->sentinel) {

        if (hash != node->key) {
            node = hash < node->key ? node->left : node->right;
            continue;
        }

        line = (pando_line_t *) node;
        rc = pando_uuid_cmp(id, line->id);

        if (rc == 0) {
            return line;
        }

        node = rc < 0 ? node->left : node->right;
    }

    line = make ? ngx_calloc(sizeof(pando_line_t), ngx_cycle->log) : NULL;

    if (line) {
        line->node.key = hash;
        line->id = id;
        ngx_queue_init(&line->turns);
        ngx_rbtree_insert(&relay->lines, &line->node);
    }

    return line;
}


static void
line_insert(ngx_rbtree_node_t *up, ngx_rbtree_node_t *node,
    ngx_rbtree_node_t *sentinel)
{
    ngx_uint_t           less;
    ngx_rbtree_node_t  **p;

    for ( ;; ) {
        less = node->key != up->key ? node->key < up->key
               : pando_uuid_cmp(((pando_line_t *) node)->id,
                                ((pando_line_t *) up)->id) < 0;
        p = less ? &up->left : &up->right;

        if (*p == sentinel) {
            break;
        }

        up = *p;
    }

    *p = node;
    node->parent = up;
    node->left = sentinel;
    node->right = sentinel;
    ngx_rbt_red(node);
}


void
pando_hear_init(pando_relay_t *relay)
{
    ngx_rbtree_init(&relay->lines, &relay->sentinel, line_insert);
    ngx_queue_init(&relay->ready);
    ngx_queue_init(&relay->turns);
    ngx_queue_init(&relay->asides);
}


static void
line_ready(pando_relay_t *relay, pando_line_t *line)
{
    ngx_uint_t  wanted;

    wanted = line->busy ? line->busy->state == PANDO_TURN_FAILED
                        : line->again || !ngx_queue_empty(&line->turns);

    if (wanted && !line->is_ready) {
        line->is_ready = 1;
        ngx_queue_insert_tail(&relay->ready, &line->ready);
    }
}


/* A line that nobody stands in. */

static void
line_drop(pando_relay_t *relay, pando_line_t *line)
{
    if (line->busy || line->again || line->aside
        || !ngx_queue_empty(&line->turns))
    {
        return;
    }

    ngx_rbtree_delete(&relay->lines, &line->node);
    ngx_free(line);
}
