/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Any bytes as a rule, over data of every kind.  Nothing may crash, leak or
 * take long: either it is refused at a place within it, or it gives a value
 * or says what it failed at.
 */

#include "pando_rule.h"

#include <stdlib.h>
#include <string.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static const pando_fact_t  of_line[] = {
    PANDO_FACT("qty", INT), PANDO_FACT("price", REAL), PANDO_END
};

static const pando_fact_t  facts[] = {
    PANDO_FACT("a", ANY), PANDO_FACT("n", INT), PANDO_FACT("s", TEXT),
    PANDO_FACT("t", TIME), PANDO_FACT("d", TREE),
    PANDO_FACT("l", LIST, .members = of_line, .of = PANDO_FACT_TREE),
    PANDO_END
};

static char    room[1 << 20];
static size_t  used;
static json_t  *world;


static void *
take(void *ctx, size_t size)
{
    void  *p = room + used;

    size = (size + 15) & ~(size_t) 15;

    if (size > sizeof(room) - used) {
        return NULL;
    }

    used += size;
    memset(p, 0, size);

    return p;
}


static void
expect(bool good)
{
    if (!good) {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t              *told;
    pando_mem_t          mem = { take, NULL };
    pando_rule_t        *rule;
    pando_rule_with_t    with = { .facts = facts };
    pando_rule_value_t   value;
    pando_rule_error_t   error;

    if (world == NULL) {
        world = json_loads("{\"a\": [1, \"x\", null, {\"b\": 2.5}],"
                           "\"n\": 7, \"s\": \"10.0.0.1\", \"d\":"
                           "{\"t\": \"2026-11-21T10:00:00Z\", \"z\": 0},"
                           "\"t\": \"2026-11-21T10:00:00Z\","
                           "\"l\": [{\"qty\": 2, \"price\": 1}]}", 0, NULL);
        expect(world != NULL);
    }

    used = 0;
    rule = pando_rule_read(&mem, (const char *) data, size, &with, &error);

    if (rule == NULL) {
        expect(error.code && error.text);
        return 0;
    }

    told = json_array();

    if (!pando_rule_run(&mem, rule, world, told, &value, &error)) {
        expect(error.code && error.text && error.line && error.column);

    } else {
        json_decref(pando_rule_json(&value));
    }

    json_decref(told);

    return 0;
}
