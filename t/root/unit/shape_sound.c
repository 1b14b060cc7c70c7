/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Tables that are wrong in themselves, each with the sentence that says so;
 * and the set of shapes that a document is made of.
 */

#include "shape_kit.h"


typedef struct {
    pando_given_t  given;
    const char    *text;
    int64_t        count;
    pando_list_t   list;
    int            state;
} thing_t;

static const char *const  none[] = { NULL };


static const struct {
    pando_field_t      field;
    pando_shape_use_t  use;
    const char        *why;         /* behind: shape "Thing": "x" */
} cases[] = {

#define AT(kind, offset)  .is = kind, .name = "x", .at = offset
#define TEXT     AT(PANDO_IS_TEXT, offsetof(thing_t, text))
#define COUNT    AT(PANDO_IS_INT, offsetof(thing_t, count))
#define LIST     AT(PANDO_IS_LIST, offsetof(thing_t, list))
#define STATE    AT(PANDO_IS_ENUM, offsetof(thing_t, state))

    { { TEXT, .pattern = "slug", .otherwise = "\"a-b\"" }, 1, NULL },
    { { COUNT, .example = "5", .min = 1, .max = 5 }, 2, NULL },
    { { LIST, .item = PANDO_IS_ENUM, .among = order_states,
        .otherwise = "[\"open\"]" }, 2, NULL },
    { { TEXT, .nullable = true, .otherwise = "null" }, 1, NULL },
    { { AT(99, 0) }, 1, "has no kind" },
    { { LIST }, 1, "is a list without .shape or .item" },
    { { LIST, .item = PANDO_IS_LIST }, 1,
      "is a list without .shape or .item" },
    { { LIST, .item = PANDO_IS_TEXT, .shape = &place_shape }, 1,
      "is a list with both .shape and .item" },
    { { AT(PANDO_IS_OBJECT, 16) }, 1, "is an object without .shape" },
    { { TEXT, .shape = &place_shape }, 1,
      "has a .shape but is neither object nor list" },
    { { STATE }, 1, "is an enum without .among" },
    { { STATE, .among = none }, 1, "is an enum without .among" },
    { { COUNT, .among = order_states }, 1,
      "has .among but is no enum or text" },
    { { COUNT, .pattern = "slug" }, 1, "has a .pattern but is no text" },
    { { TEXT, .pattern = "nope" }, 1, "has a .pattern that nobody knows" },
    { { AT(PANDO_IS_INT, sizeof(thing_t)) }, 1,
      "lies outside of the struct" },
    { { AT(PANDO_IS_INT, SIZE_MAX - 3) }, 1, "lies outside of the struct" },
    { { AT(PANDO_IS_INT, 20) }, 1,
      "is not where a member of its kind can be" },
    { { AT(PANDO_IS_INT, 8) }, 1, "lies where pando_given_t must be" },
    { { TEXT, .unique = true }, 1, "is .unique but no list" },
    { { TEXT, .min = -1 }, 1, "has a limit below 0" },
    { { STATE, .among = order_states, .max = 2 }, 1,
      "is of a kind without .min and .max" },
    { { AT(PANDO_IS_MONEY, 16) }, 2,
      "is of a kind that no parameter can be" },
    { { LIST, .shape = &place_shape }, 2,
      "is of a kind that no parameter can be" },
    { { TEXT, .nullable = true }, 2, "is a parameter: it cannot be "
      ".nullable, .read_only or .unique" },
    { { TEXT, .read_only = true }, 2, "is a parameter: it cannot be "
      ".nullable, .read_only or .unique" },
    { { LIST, .item = PANDO_IS_INT, .unique = true }, 2, "is a parameter: "
      "it cannot be .nullable, .read_only or .unique" },
    { { TEXT, .required = true, .otherwise = "\"a\"" }, 1,
      "is required, so .otherwise cannot count" },
    { { TEXT, .otherwise = "a" }, 1, "has an .otherwise that is not JSON" },
    { { TEXT, .otherwise = "null" }, 1,
      "has an .otherwise that is not JSON" },
    { { COUNT, .otherwise = "\"5\"" }, 1, "has an .otherwise that it would "
      "refuse: /x must be an integer" },
    { { TEXT, .max = 2, .example = "\"abc\"" }, 0, "has an .example that it "
      "would refuse: /x must have at most 2 characters" }
};


static void
fields(void)
{
    char           why[512], want[512];
    int            rc;
    size_t         i;
    pando_field_t  table[2] = { PANDO_END };
    pando_shape_t  shape = {
        .name = "Thing", .size = sizeof(thing_t), .fields = table,
        .given = true
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        table[0] = cases[i].field;
        why[0] = '\0';
        rc = pando_shape_sound(&shape, cases[i].use, &mem, why, sizeof(why));

        if (cases[i].why == NULL) {
            ok(rc == 0, "table %zu is right: %s", i, why);
            continue;
        }

        snprintf(want, sizeof(want), "shape \"Thing\": \"x\" %s",
                 cases[i].why);
        ok(rc == -1, "table %zu is refused", i);
        is_text(why, want, cases[i].why);
    }

    arena_reset();
}


static void
refuses(pando_shape_t shape, pando_shape_use_t use, const char *want)
{
    char  why[512] = "";

    ok(pando_shape_sound(&shape, use, &mem, why, sizeof(why)) == -1,
       "refused");
    is_text(why, want, want);
    arena_reset();
}


static void
shapes(void)
{
    unsigned       i;
    char           why[512], names[65][8];
    pando_field_t  many[66], twice[3], below[2];
    pando_shape_t  shape = order_shape, same = place_shape;

    ok(pando_shape_sound(&order_shape, PANDO_SHAPE_TAKES, &mem, why,
                         sizeof(why)) == 0, "a shape with everything");
    ok(pando_shape_sound(&order_patch, PANDO_SHAPE_TAKES, &mem, why,
                         sizeof(why)) == 0, "and the patch of it");

    shape.given = false;
    refuses(shape, PANDO_SHAPE_TAKES, "shape \"Order\" is parsed: its struct "
            "must start with pando_given_t, and .given say so");
    shape = order_shape;
    shape.paged = true;
    refuses(shape, PANDO_SHAPE_TAKES, "shape \"Order\" is parsed, so it "
            "cannot be .paged");
    shape = order_shape;
    shape.size = 0;
    refuses(shape, PANDO_SHAPE_GIVES, "shape \"Order\" has no .size");
    shape = order_shape;
    shape.name = "Place";
    refuses(shape, PANDO_SHAPE_GIVES, "two shapes are named \"Place\"");
    shape.name = "Money";
    refuses(shape, PANDO_SHAPE_GIVES, "two shapes are named \"Money\"");
    shape.name = NULL;
    refuses(shape, PANDO_SHAPE_GIVES, "a shape has no name");

    shape = (pando_shape_t) { .name = "Many", .size = 4096, .fields = many,
                              .given = true };

    for (i = 0; i < 65; i++) {
        snprintf(names[i], sizeof(names[i]), "m%u", i);
        many[i] = (pando_field_t) { .is = PANDO_IS_INT, .name = names[i],
                                    .at = 16 + 8 * i };
    }

    many[65] = (pando_field_t) PANDO_END;
    refuses(shape, PANDO_SHAPE_TAKES, "shape \"Many\" has more than the 64 "
            "members that pando_given_t has bits for");

    many[64] = many[65];
    ok(pando_shape_sound(&shape, PANDO_SHAPE_TAKES, &mem, why,
                         sizeof(why)) == 0, "64 members are right");

    twice[0] = twice[1] = many[0];
    twice[2] = many[65];
    shape.fields = twice;
    refuses(shape, PANDO_SHAPE_GIVES, "shape \"Many\": \"m0\" is there "
            "twice");

    /* What is wrong below is found too. */
    same.given = false;
    below[0] = (pando_field_t) { .is = PANDO_IS_LIST, .name = "below",
                                 .at = 16, .shape = &same };
    below[1] = many[65];
    shape.fields = below;
    refuses(shape, PANDO_SHAPE_TAKES, "shape \"Place\" is parsed: its struct "
            "must start with pando_given_t, and .given say so");
}


static void
sets(void)
{
    size_t           i;
    char             names[200] = "";
    pando_schemas_t  set = { .mem = &mem };

    pando_schemas_add(&set, &order_shape, false);
    pando_schemas_add(&set, &order_shape, true);
    pando_schemas_add(&set, &order_patch, false);
    pando_schemas_add(&set, &order_shape, false);

    for (i = 0; i < set.n; i++) {
        strcat(names, set.met[i].name);
        strcat(names, " ");
    }

    is_text(names, "Order Place Line OrderPatch PlacePatch OrderChange ",
            "each shape is met once, patches under a name of their own");
    ok(set.clash == NULL, "and no two have one name");
    arena_reset();
}


int
main(void)
{
    fields();
    shapes();
    sets();

    return done();
}
