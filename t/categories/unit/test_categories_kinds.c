/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Attributes: sound by themselves, and never looser than the one above.
 */

#include "categories.h"
#include "categories_values.h"
#include "tap.h"


#define BASE  "\"key\":\"k\",\"required\":false,"

static const char *
sound(const char *text)
{
    json_t                  *doc = json_loads(text, 0, NULL);
    const char              *pointer;
    const pando_problem_t   *p;
    categories_attribute_t   a;

    p = categories_attribute_read(doc, &a, &pointer);
    json_decref(doc);

    return p ? pointer ? pointer : p->code : "sound";
}


static const char *
loosens(const char *below, const char *above)
{
    json_t                  *b = json_loads(below, 0, NULL);
    json_t                  *a = json_loads(above, 0, NULL);
    const char              *pointer, *said;
    categories_attribute_t   lower, upper;

    (void) categories_attribute_read(b, &lower, &pointer);
    (void) categories_attribute_read(a, &upper, &pointer);
    said = categories_attribute_loosens(&lower, &upper);
    json_decref(a);
    json_decref(b);

    return said ? said : "tighter";
}


#define K(kind, more)  "{" BASE "\"kind\":\"" kind "\"" more "}"
#define R(rules)       ",\"rules\":{" rules "}"
#define O(options)     ",\"options\":[" options "]"
#define A              "{\"value\":\"a\"}"
#define B              "{\"value\":\"b\"}"


int
main(void)
{
    is_text(sound(K("bool", R(""))), "sound", "a bool");
    is_text(sound(K("bool", R("\"min\":1"))), "rules_misplaced",
            "has no limits");
    is_text(sound(K("bool", ",\"unit\":\"m\"")), "unit_misplaced",
            "nor a unit");
    is_text(sound(K("bool", O(A))), "options_misplaced", "nor options");
    is_text(sound(K("enum", O(A "," B))), "sound", "an enum");
    is_text(sound(K("enum", "")),"options_misplaced",
            "has options");
    is_text(sound(K("enum", O(A "," B "," A))), "option_twice",
            "each one once");
    is_text(sound(K("enum", O(A) R("\"max\":2"))), "rules_misplaced",
            "and one choice");
    is_text(sound(K("multi_enum", O(A) R("\"min\":1,\"max\":2"))), "sound",
            "or several");
    is_text(sound(K("decimal", ",\"unit\":\"kg\"" R("\"min\":\"0.5\""))),
            "sound", "a decimal with a unit");
    is_text(sound(K("decimal", ",\"unit\":\"stone\"")), "unit_unknown",
            "of those known");
    is_text(sound(K("decimal", R("\"min\":\"x\""))), "/rules/min",
            "a least that is no number");
    is_text(sound(K("integer", R("\"max\":{}"))), "/rules/max",
            "a most that is none");
    is_text(sound(K("integer", R("\"min\":5,\"max\":4.5"))),
            "rules_reversed", "limits upside down");
    is_text(sound(K("integer", R("\"step\":5"))), "rules_misplaced",
            "no such rule");
    is_text(sound(K("text", R("\"pattern\":\"[a-z]+\",\"max\":9"))), "sound",
            "a text with a pattern");
    is_text(sound(K("text", R("\"pattern\":\"[a-z\""))),
            "pattern_malformed", "that is one");
    is_text(sound(K("integer", R("\"pattern\":\"1\""))), "rules_misplaced",
            "numbers have none");

    is_text(loosens(K("bool", ""), K("bool", "")), "tighter", "the same");
    is_text(loosens(K("text", ""), K("bool", "")), "/kind", "another kind");
    is_text(loosens(K("integer", ",\"unit\":\"m\""), K("integer", "")),
            "/unit", "another unit");
    is_text(loosens(K("enum", O(A)), K("enum", O(A "," B))), "tighter",
            "fewer options");
    is_text(loosens(K("enum", O(A "," B)), K("enum", O(A))), "/options",
            "more options");
    is_text(loosens("{\"key\":\"k\",\"kind\":\"bool\"}",
                    "{\"key\":\"k\",\"kind\":\"bool\",\"required\":true}"),
            "/required", "no longer asked for");
    is_text(loosens("{\"key\":\"k\",\"kind\":\"bool\",\"required\":true}",
                    "{\"key\":\"k\",\"kind\":\"bool\"}"),
            "tighter", "asked for now");
    is_text(loosens(K("integer", R("\"min\":2,\"max\":3")),
                    K("integer", R("\"min\":1,\"max\":4"))),
            "tighter", "a narrower range");
    is_text(loosens(K("integer", R("\"min\":0")),
                    K("integer", R("\"min\":1"))), "/rules/min",
            "a lower least");
    is_text(loosens(K("integer", ""), K("integer", R("\"min\":1"))),
            "/rules/min", "none at all");
    is_text(loosens(K("integer", R("\"max\":5")),
                    K("integer", R("\"max\":4"))), "/rules/max",
            "a higher most");
    is_text(loosens(K("text", R("\"pattern\":\"a\"")),
                    K("text", R("\"pattern\":\"b\""))), "/rules/pattern",
            "another pattern");
    is_text(loosens(K("text", R("\"pattern\":\"a\"")), K("text", "")),
            "tighter", "a pattern where there was none");

    return done();
}
