/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * How much stack the deepest documents take.  Built without sanitizers, as
 * the runtime is: a flow has 256 KiB, and what is here may use a quarter.
 */

#include <pthread.h>
#include <sys/mman.h>

#include "shape_kit.h"


#define STACK  (256 * 1024)
#define MOST   (64 * 1024)


typedef struct {
    pando_given_t  given;
    const char    *name;
    pando_list_t   below;
    json_t        *extra;
} node_t;

static const pando_shape_t  node_shape;

static const pando_field_t  node_fields[] = {
    PANDO_FIELD(node_t, TEXT, name, .required = true),
    PANDO_FIELD(node_t, LIST, below, .shape = &node_shape, .unique = true),
    PANDO_FIELD(node_t, TREE, extra),
    PANDO_END
};

static const pando_shape_t  node_shape = {
    .name = "Node", .size = sizeof(node_t), .fields = node_fields,
    .given = true
};


static char  deep_row[8192], deep_tree[8192], wrong_row[8192];


static void
prepare(void)
{
    int    i;
    char  *p;

    /* 32 objects with 31 lists in between; then 63 lists of a free tree. */
    for (p = deep_row, i = 0; i < 31; i++) {
        p = stpcpy(p, "{\"name\":\"a\",\"below\":[");
    }

    p = stpcpy(p, "{\"name\":\"a\"}");

    for (i = 0; i < 31; i++) {
        p = stpcpy(p, "]}");
    }

    for (p = wrong_row, i = 0; i < 31; i++) {
        p = stpcpy(p, "{\"x/y\":1,\"below\":[");
    }

    p = stpcpy(p, "{\"name\":99999999999999999999}");

    for (i = 0; i < 31; i++) {
        p = stpcpy(p, "]}");
    }

    p = stpcpy(deep_tree, "{\"name\":\"a\",\"extra\":");
    memset(p, '[', 63);
    memset(p + 63, ']', 63);
    strcpy(p + 126, "}");
}


static void
one(const char *text, int want)
{
    int             status;
    void           *row;
    json_t         *tree = NULL, *merged;
    pando_out_t     out;
    pando_faults_t  f;

    pando_faults_init(&f, &mem);
    status = pando_shape_parse(&node_shape, text, strlen(text), &mem, &row,
                               &tree, &f);
    ok(status == want, "status %d", status);

    if (status == 0) {
        pando_out_init(&out, &mem);
        ok(pando_render(&node_shape, row, &out) == 0, "rendered");
        is_text(pando_out_flat(&out, NULL), text, "as it was");
        ok(pando_shape_verify(&node_shape, text, strlen(text), &f) == 0,
           "verified");
        merged = pando_patch_merge(tree, tree);
        ok(json_equal(merged, tree), "merged with itself");
        json_decref(merged);
    }

    pando_out_init(&out, &mem);
    pando_faults_write(&f, &out);
    pando_schema_write(&node_shape, true, &out);
    ok(pando_out_flat(&out, NULL) != NULL, "faults and schema");
    json_decref(tree);
}


static void *
all(void *data)
{
    char  why[256];

    one(deep_row, 0);
    one(deep_tree, 0);
    one(wrong_row, 422);
    ok(pando_shape_sound(&node_shape, PANDO_SHAPE_TAKES, &mem, why,
                         sizeof(why)) == 0, "sound");

    return data;
}


int
main(void)
{
    size_t          i;
    pthread_t       thread;
    unsigned char  *stack;
    pthread_attr_t  attr;

    prepare();

    stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    memset(stack, 0xa5, STACK);

    pthread_attr_init(&attr);
    pthread_attr_setstack(&attr, stack, STACK);
    ok(pthread_create(&thread, &attr, all, NULL) == 0, "a small stack");
    pthread_join(thread, NULL);

    for (i = 0; i < STACK && stack[i] == 0xa5; i++) {
        /* void */
    }

    ok(STACK - i > 4096 && STACK - i < MOST, "%zu bytes of stack at most",
       STACK - i);
    arena_reset();

    return done();
}
