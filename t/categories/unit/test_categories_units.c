/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Numbers of values: what was entered is what is kept, in any unit.
 */

#include "categories.h"
#include "categories_values.h"
#include "tap.h"


static const char *
read_back(const char *s)
{
    static char           out[CATEGORIES_MICROS_TEXT];
    categories_micros_t   v;

    switch (categories_micros_read(s, &v)) {

    case CATEGORIES_FINE:
        categories_micros_print(v, out);
        return out;

    case CATEGORIES_TOO_PRECISE:
        return "too precise";

    case CATEGORIES_TOO_LARGE:
        return "too large";

    default:
        return "no number";
    }
}


static const char *
of_json(const char *text)
{
    static char           out[CATEGORIES_MICROS_TEXT];
    json_t               *value = json_loads(text, JSON_DECODE_ANY, NULL);
    categories_micros_t   v;
    categories_number_t   said = categories_micros_of(value, &v);

    json_decref(value);

    if (said != CATEGORIES_FINE) {
        return said == CATEGORIES_TOO_PRECISE ? "too precise"
               : said == CATEGORIES_TOO_LARGE ? "too large" : "no number";
    }

    categories_micros_print(v, out);

    return out;
}


static const char *
converted(const char *value, const char *from, const char *to)
{
    static char           out[CATEGORIES_MICROS_TEXT];
    categories_micros_t   v;

    if (categories_micros_read(value, &v) != CATEGORIES_FINE) {
        return "no number";
    }

    switch (categories_unit_convert(from, to, v, &v)) {

    case CATEGORIES_FINE:
        categories_micros_print(v, out);
        return out;

    case CATEGORIES_TOO_LARGE:
        return "too large";

    default:
        return "other unit";
    }
}


int
main(void)
{
    is_text(read_back("12"), "12", "a whole number");
    is_text(read_back("-0.50"), "-0.5", "as few digits as are exact");
    is_text(read_back("007.000001"), "7.000001", "six behind the point");
    is_text(read_back("0.1234567"), "too precise", "seven are too many");
    is_text(read_back("0.1234560"), "0.123456", "unless they are zeros");
    is_text(read_back("99999999999999.999999"), "99999999999999.999999",
            "fourteen before it");
    is_text(read_back("100000000000000"), "too large", "fifteen are too many");
    is_text(read_back("-0"), "0", "no negative zero");
    is_text(read_back(""), "no number", "nothing");
    is_text(read_back("-"), "no number", "a sign");
    is_text(read_back("1."), "no number", "a point at the end");
    is_text(read_back(".5"), "no number", "a point at the start");
    is_text(read_back("1e5"), "no number", "an exponent in a text");
    is_text(read_back("1 "), "no number", "a blank");

    is_text(of_json("0.1"), "0.1", "a number of JSON");
    is_text(of_json("1.25e3"), "1250", "with an exponent");
    is_text(of_json("-12345678.9"), "-12345678.9", "as it was written");
    is_text(of_json("0.0000001"), "too precise", "too small to be kept");
    is_text(of_json("1e300"), "too large", "too large to be kept");
    is_text(of_json("-1e14"), "too large", "in either direction");
    is_text(of_json("\"3.5\""), "3.5", "a text of one");
    is_text(of_json("true"), "no number", "no number at all");

    is_text(converted("1", "[in_i]", "cm"), "2.54", "an inch");
    is_text(converted("1", "m", "[ft_i]"), "3.28084", "a metre");
    is_text(converted("100", "Cel", "[degF]"), "212", "boiling");
    is_text(converted("-40", "[degF]", "Cel"), "-40", "where both are cold");
    is_text(converted("0", "K", "Cel"), "-273.15", "nothing is colder");
    is_text(converted("1", "[gal_us]", "L"), "3.785412", "a gallon, rounded");
    is_text(converted("0.0000005", "km", "mm"), "no number", "not kept");
    is_text(converted("0.000001", "mm", "m"), "0", "half of nothing is even");
    is_text(converted("0.0005", "mm", "m"), "0", "a half goes to even");
    is_text(converted("0.0015", "mm", "m"), "0.000002", "upwards, too");
    is_text(converted("-0.0015", "mm", "m"), "-0.000002", "and below zero");
    is_text(converted("5", "kg", "m"), "other unit", "a mass is no length");
    is_text(converted("5", "furlong", "m"), "other unit", "no such unit");
    is_text(converted("5", "furlong", "furlong"), "5", "the same is the same");
    is_text(converted("99999999999999", "km", "mm"), "too large",
            "what does not fit");
    is_text(converted("12.5", "%", "1"), "0.125", "per cent");
    is_text(converted("100", "[mi_i]/h", "km/h"), "160.9344", "speed");

    ok(categories_unit_known("[sft_i]") && !categories_unit_known("ft"),
       "units are UCUM's");

    return done();
}
