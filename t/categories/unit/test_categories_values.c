/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Values against what is asked for: normalised, or each fault at its pointer.
 */

#include "categories.h"
#include "categories_values.h"
#include "tap.h"


static const char  asked[] =
    "[{\"key\":\"wifi\",\"kind\":\"bool\",\"rules\":{}},"
    " {\"key\":\"seats\",\"kind\":\"integer\",\"required\":true,"
    "  \"rules\":{\"min\":1,\"max\":500}},"
    " {\"key\":\"cuisine\",\"kind\":\"multi_enum\",\"rules\":{\"max\":2},"
    "  \"options\":[{\"value\":\"thai\"},{\"value\":\"greek\"},"
    "              {\"value\":\"fusion\",\"retired\":true},"
    "              {\"value\":\"vegan\"}]},"
    " {\"key\":\"style\",\"kind\":\"enum\",\"rules\":{},"
    "  \"options\":[{\"value\":\"plain\"},{\"value\":\"fancy\"}]},"
    " {\"key\":\"area\",\"kind\":\"decimal\",\"unit\":\"m2\","
    "  \"rules\":{\"min\":\"0.5\"}},"
    " {\"key\":\"code\",\"kind\":\"text\","
    "  \"rules\":{\"min\":2,\"max\":4,\"pattern\":\"[A-Z]+\"}},"
    " {\"key\":\"note\",\"kind\":\"text\",\"rules\":{\"max\":5}},"
    " {\"key\":\"ages\",\"kind\":\"range\",\"unit\":\"d\","
    "  \"rules\":{\"min\":0,\"max\":100}},"
    " {\"key\":\"fee\",\"kind\":\"money\",\"rules\":{\"min\":0}}]";


/* What comes out of {"seats": 4, <that>}: the values, or the faults. */

static const char *
told(const char *values)
{
    static char  out[600];
    char         text[400], *dump;
    json_t      *attributes = json_loads(asked, 0, NULL), *given, *good;
    json_t      *errors = json_array(), *e;
    size_t       i, n = 0;

    snprintf(text, sizeof(text), "{\"seats\":4%s%s}", *values ? "," : "",
             values);
    given = json_loads(text, 0, NULL);
    good = categories_values(attributes, given, errors);
    json_object_del(good, "seats");
    dump = json_dumps(good, JSON_COMPACT | JSON_SORT_KEYS);
    snprintf(out, sizeof(out), "%s", given ? dump : "malformed");

    json_array_foreach(errors, i, e) {
        n += (size_t) snprintf(out + n, sizeof(out) - n, "%s%s %s",
            n ? "; " : "", json_string_value(json_object_get(e, "pointer")),
            json_string_value(json_object_get(e, "code")));
    }

    free(dump);
    json_decref(good);
    json_decref(errors);
    json_decref(given);
    json_decref(attributes);

    return out;
}


static void
good(void)
{
    is_text(told(""), "{}", "nothing but what is asked for");
    is_text(told("\"wifi\":true"), "{\"wifi\":true}", "a bool");
    is_text(told("\"wifi\":null"), "{}", "null is nothing");
    is_text(told("\"cuisine\":[\"greek\",\"thai\"]"),
            "{\"cuisine\":[\"thai\",\"greek\"]}", "in the order offered");
    is_text(told("\"cuisine\":[]"), "{\"cuisine\":[]}", "none of them");
    is_text(told("\"style\":\"fancy\""), "{\"style\":\"fancy\"}", "an enum");
    is_text(told("\"area\":12.50"), "{\"area\":\"12.5\"}", "a decimal");
    is_text(told("\"area\":{\"value\":\"100\",\"unit\":\"[sft_i]\"}"),
            "{\"area\":\"9.290304\"}", "in another unit");
    is_text(told("\"code\":\" AB \""), "{\"code\":\"AB\"}",
            "without blanks around");
    is_text(told("\"note\":\"äöüßé\""), "{\"note\":\"äöüßé\"}",
            "characters, not bytes");
    is_text(told("\"ages\":{\"min\":1,\"max\":{\"value\":1,\"unit\":\"wk\"}}"),
            "{\"ages\":{\"max\":\"7\",\"min\":\"1\"}}", "a range");
    is_text(told("\"ages\":{\"min\":7,\"max\":7}"),
            "{\"ages\":{\"max\":\"7\",\"min\":\"7\"}}", "its ends belong");
    is_text(told("\"fee\":{\"amount\":150,\"currency\":\"EUR\"}"),
            "{\"fee\":{\"amount\":150,\"currency\":\"EUR\"}}", "money");
}


static void
bad(void)
{
    is_text(told("\"seats\":null"), "/values/seats required",
            "what is asked for");
    is_text(told("\"seats\":0"), "/values/seats too_small", "below");
    is_text(told("\"seats\":501"), "/values/seats too_large", "above");
    is_text(told("\"seats\":1.5"), "/values/seats type", "not whole");
    is_text(told("\"seats\":\"x\""), "/values/seats type", "no number");
    is_text(told("\"seats\":{\"value\":1,\"unit\":\"kg\"}"),
            "/values/seats unit_wrong", "seats have no weight");
    is_text(told("\"seats\":{\"value\":1}"), "/values/seats type",
            "half a value");
    is_text(told("\"wifi\":1"), "/values/wifi type", "no bool");
    is_text(told("\"wifi\":\"yes\",\"style\":\"odd\""),
            "/values/wifi type; /values/style option_unknown",
            "all that is wrong at once");
    is_text(told("\"style\":1"), "/values/style option_unknown", "no text");
    is_text(told("\"cuisine\":\"thai\""), "/values/cuisine type", "no list");
    is_text(told("\"cuisine\":[\"thai\",\"x\",\"fusion\"]"),
            "/values/cuisine/1 option_unknown; "
            "/values/cuisine/2 option_retired", "each of a list");
    is_text(told("\"cuisine\":[\"thai\",\"thai\"]"),
            "/values/cuisine not_unique", "one twice");
    is_text(told("\"cuisine\":[\"thai\",\"greek\",\"vegan\"]"),
            "/values/cuisine too_many", "too many");
    is_text(told("\"area\":\"0.4\""), "/values/area too_small", "too small");
    is_text(told("\"area\":0.1234567"), "/values/area too_precise",
            "too precise");
    is_text(told("\"area\":1e15"), "/values/area out_of_range", "too large");
    is_text(told("\"area\":{\"value\":1,\"unit\":\"m\"}"),
            "/values/area unit_wrong", "a length is no area");
    is_text(told("\"code\":\"A\""), "/values/code too_short", "too short");
    is_text(told("\"code\":\"ABCDE\""), "/values/code too_long", "too long");
    is_text(told("\"code\":\"AB1\""), "/values/code pattern", "no match");
    is_text(told("\"code\":[]"), "/values/code type", "no text");
    is_text(told("\"ages\":{\"min\":5,\"max\":4}"), "/values/ages/max reversed",
            "a range upside down");
    is_text(told("\"ages\":{\"min\":-1,\"max\":101}"),
            "/values/ages/min too_small; /values/ages/max too_large",
            "both ends");
    is_text(told("\"ages\":{\"min\":1}"), "/values/ages type", "half of it");
    is_text(told("\"ages\":7"), "/values/ages type", "no range");
    is_text(told("\"fee\":{\"amount\":1.5,\"currency\":\"EUR\"}"),
            "/values/fee type", "minor units are whole");
    is_text(told("\"fee\":{\"amount\":1,\"currency\":\"XXY\"}"),
            "/values/fee/currency currency_unknown", "no currency");
    is_text(told("\"fee\":{\"amount\":-1,\"currency\":\"EUR\"}"),
            "/values/fee/amount too_small", "below zero");
    is_text(told("\"pool\":true"), "/values/pool attribute_unknown",
            "not asked for");
    is_text(told("\"a/b~c\":1"), "/values/a~1b~0c attribute_unknown",
            "pointers are escaped");
}


int
main(void)
{
    good();
    bad();

    return done();
}
