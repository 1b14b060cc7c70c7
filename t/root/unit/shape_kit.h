/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What the tests of shapes share: an arena that counts and can be told to
 * fail, and one shape that has a member of every kind.
 */

#ifndef PANDO_SHAPE_KIT_H
#define PANDO_SHAPE_KIT_H

#include "tap.h"
#include "pando_shape.h"


typedef struct block_s  block_t;

struct block_s {
    block_t     *next;
    max_align_t  data[];
};

typedef struct {
    block_t  *blocks;
    size_t    bytes;
    size_t    calls;
    size_t    fail_at;              /* 0: never */
} arena_t;


static arena_t  arena;
static void *arena_alloc(void *ctx, size_t size) __attribute__((unused));
static pando_mem_t  mem = { arena_alloc, &arena };


static void *
arena_alloc(void *ctx, size_t size)
{
    arena_t  *a = ctx;
    block_t  *b;

    if (++a->calls == a->fail_at) {
        return NULL;
    }

    b = calloc(1, sizeof(block_t) + size);

    if (b == NULL) {
        abort();
    }

    b->next = a->blocks;
    a->blocks = b;
    a->bytes += size;

    return b->data;
}


__attribute__((unused)) static void
arena_reset(void)
{
    block_t  *b, *next;

    for (b = arena.blocks; b != NULL; b = next) {
        next = b->next;
        free(b);
    }

    memset(&arena, 0, sizeof(arena));
}


/* "422 /a too_long, /b missing": the whole outcome as one text. */

__attribute__((unused)) static const char *
outcome(int status, const pando_faults_t *f)
{
    static char  text[8192];
    size_t       i, len;

    len = (size_t) snprintf(text, sizeof(text), "%d", status);

    for (i = 0; i < f->n && len < sizeof(text); i++) {
        len += (size_t) snprintf(text + len, sizeof(text) - len, "%s %s%s%s",
                                 i ? "," : "", f->list[i].pointer,
                                 f->list[i].pointer[0] ? " " : "",
                                 f->list[i].code);
    }

    return text;
}


/* A member of every kind. */

typedef struct {
    pando_given_t  given;
    const char    *line;
    int64_t        floor;
} place_t;

typedef struct {
    pando_given_t  given;
    const char    *sku;
    int64_t        count;
    pando_list_t   notes;
} line_t;

typedef struct {
    pando_given_t  given;
    pando_uuid_t   id;
    const char    *title;
    const char    *slug;
    int64_t        count;
    double         weight;
    bool           gift;
    pando_uuid_t   owner;
    pando_time_t   due;
    const char    *day;
    const char    *rate;
    pando_money_t  price;
    int            state;
    const char    *words;
    json_t        *extra;
    place_t        place;
    pando_list_t   lines;
    pando_list_t   tags;
    pando_list_t   ids;
    pando_list_t   times;
    pando_list_t   sizes;
} order_t;


static const char *const  order_states[] = { "open", "paid", "done", NULL };

static const pando_field_t  place_fields[] = {
    PANDO_FIELD(place_t, TEXT, line, .required = true, .min = 1, .max = 20),
    PANDO_FIELD(place_t, INT, floor, .nullable = true, .min = -5, .max = 99),
    PANDO_END
};

static const pando_shape_t  place_shape = {
    .name = "Place", .size = sizeof(place_t), .fields = place_fields,
    .given = true
};

static const pando_field_t  line_fields[] = {
    PANDO_FIELD(line_t, TEXT, sku, .required = true, .pattern = "key"),
    PANDO_FIELD(line_t, INT, count, .min = 1, .max = 10, .otherwise = "1"),
    PANDO_FIELD(line_t, LIST, notes, .item = PANDO_IS_TEXT, .max = 2),
    PANDO_END
};

static const pando_shape_t  line_shape = {
    .name = "Line", .size = sizeof(line_t), .fields = line_fields,
    .given = true, .note = "what was bought"
};

static const pando_field_t  order_fields[] = {
    PANDO_FIELD(order_t, UUID, id, .read_only = true, .required = true),
    PANDO_FIELD(order_t, TEXT, title, .required = true, .min = 2, .max = 8,
                .note = "what people see", .example = "\"a </b>\""),
    PANDO_FIELD(order_t, TEXT, slug, .pattern = "slug", .nullable = true),
    PANDO_FIELD(order_t, INT, count, .min = 1, .max = 100,
                .otherwise = "7"),
    PANDO_FIELD(order_t, NUMBER, weight, .nullable = true, .min = -2,
                .max = 2),
    PANDO_FIELD(order_t, BOOL, gift, .otherwise = "true"),
    PANDO_FIELD(order_t, UUID, owner, .nullable = true),
    PANDO_FIELD(order_t, TIME, due, .nullable = true),
    PANDO_FIELD(order_t, DATE, day),
    PANDO_FIELD(order_t, DECIMAL, rate, .min = -1, .max = 10),
    PANDO_FIELD(order_t, MONEY, price, .nullable = true, .min = 0,
                .max = 5000),
    PANDO_FIELD(order_t, ENUM, state, .among = order_states,
                .otherwise = "\"paid\""),
    PANDO_FIELD(order_t, WORDS, words, .max = 10),
    PANDO_FIELD(order_t, TREE, extra),
    PANDO_FIELD(order_t, OBJECT, place, .shape = &place_shape,
                .nullable = true),
    PANDO_FIELD(order_t, LIST, lines, .shape = &line_shape, .min = 1,
                .max = 3, .unique = true),
    PANDO_FIELD(order_t, LIST, tags, .item = PANDO_IS_TEXT,
                .pattern = "slug", .unique = true),
    PANDO_FIELD(order_t, LIST, ids, .item = PANDO_IS_UUID, .unique = true),
    PANDO_FIELD(order_t, LIST, times, .item = PANDO_IS_TIME,
                .unique = true),
    PANDO_FIELD(order_t, LIST, sizes, .item = PANDO_IS_NUMBER,
                .unique = true),
    PANDO_END
};

__attribute__((unused)) static void
order_check(const void *row, pando_faults_t *f)
{
    const order_t  *order = row;

    if (order->state == 2 && order->count == 100) {
        pando_object_to(f, "/state", "too_early", "must not be done yet");
    }
}

__attribute__((unused)) static const pando_shape_t  order_shape = {
    .name = "Order", .size = sizeof(order_t), .fields = order_fields,
    .given = true, .check = order_check
};

__attribute__((unused)) static const pando_shape_t  order_patch = {
    .name = "OrderChange", .size = sizeof(order_t), .fields = order_fields,
    .given = true, .check = order_check, .patch = true
};

#endif
