/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Rules: what each operator and function gives, what is missing, what is
 * refused when a rule is read and where it is said to be, the limits, and no
 * memory at any moment.
 */

#include "shape_kit.h"
#include "pando_rule.h"


static char  said[300];

static const pando_fact_t  money[] = {
    PANDO_FACT("amount", INT), PANDO_FACT("currency", TEXT), PANDO_END
};

static const pando_fact_t  line[] = {
    PANDO_FACT("qty", INT), PANDO_FACT("price", INT),
    PANDO_FACT("tags", LIST, .of = PANDO_FACT_TEXT), PANDO_END
};

static const pando_fact_t  facts[] = {
    PANDO_FACT("data", TREE), PANDO_FACT("total", TREE, .members = money),
    PANDO_FACT("lines", LIST, .members = line, .of = PANDO_FACT_TREE),
    PANDO_FACT("now", TIME), PANDO_FACT("n", INT),
    PANDO_FACT("ratio", REAL), PANDO_FACT("name", TEXT),
    PANDO_FACT("vip", BOOL), PANDO_FACT("ip", TEXT), PANDO_FACT("any", ANY),
    PANDO_END
};

static const char  world[] =
    "{\"data\": {\"a\": 5, \"b\": {\"c\": \"x\"}, \"list\": [1, 2.5, 3],"
    " \"t\": \"2026-03-01T00:00:00Z\", \"nil\": null, \"s\": \"Grüße\","
    " \"on\": true, \"big\": 9007199254740993},"
    " \"total\": {\"amount\": 5000, \"currency\": \"EUR\"},"
    " \"lines\": [{\"qty\": 2, \"price\": 300, \"tags\": [\"a\", \"b\"]},"
    " {\"qty\": 1, \"price\": 900, \"tags\": []}],"
    " \"now\": \"2026-11-21T23:30:00Z\", \"n\": 7, \"ratio\": 3,"
    " \"name\": \"Ann\", \"vip\": false, \"ip\": \"10.1.2.3\","
    " \"any\": [{\"k\": 1}, {\"k\": \"one\"}]}";


static bool
ours(void *ctx, const pando_rule_value_t *args, unsigned n,
    pando_rule_value_t *out)
{
    out->is = PANDO_FACT_BOOL;
    out->n = strcmp(ctx, args[0].s) == 0;

    return args[0].len > 0;
}


static const pando_rule_fn_t  fns[] = {
    { "in_segment", 1, 1, { PANDO_FACT_TEXT }, PANDO_FACT_BOOL, ours },
    PANDO_END
};


static void
say(const pando_rule_error_t *e)
{
    snprintf(said, sizeof(said), "%s %u:%u %s", e->code, e->line, e->column,
             e->text);
}


static const char *
value_of(const char *text, size_t len, pando_rule_is_t gives)
{
    char                *shown;
    json_t              *tree = json_loads(world, 0, NULL), *made;
    pando_rule_t        *rule;
    pando_rule_with_t    with = { .facts = facts, .fns = fns,
                                  .ctx = "vips", .gives = gives };
    pando_rule_value_t   v;
    pando_rule_error_t   e;

    rule = pando_rule_read(&mem, text, len, &with, &e);

    if (rule == NULL || !pando_rule_run(&mem, rule, tree, NULL, &v, &e)) {
        say(&e);

    } else {
        made = pando_rule_json(&v);
        shown = json_dumps(made, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9)
                                 | JSON_COMPACT);
        snprintf(said, sizeof(said), "%s", shown);
        free(shown);
        json_decref(made);
    }

    json_decref(tree);

    return said;
}


static const struct {
    const char  *text;
    const char  *gives;
} values[] = {

    /* literals and reckoning */
    { "1 + 2 * 3", "7" }, { "(1 + 2) * 3", "9" }, { "-n - -3", "-4" },
    { "7 / 2", "3" }, { "-7 / 2", "-3" }, { "7 % 4", "3" },
    { "7.0 / 2", "3.5" }, { "1e3", "1000.0" }, { "n - 10 + 3", "0" },
    { "\"a\" + 'b' + \"\\u00e9\\n\\\"\"", "\"abé\\n\\\"\"" },
    { "[1] + [2, 3]", "[1,2,3]" }, { "[]", "[]" }, { "ratio", "3.0" },
    { "true ? 1 : 2", "1" }, { "vip ? 1 : n > 3 ? 2 : 3", "2" },

    /* comparisons */
    { "n == 7", "true" }, { "n != 7", "false" }, { "n >= 7.0", "true" },
    { "ratio == 3", "true" }, { "\"b\" > \"a\"", "true" },
    { "\"ab\" > \"a\"", "true" }, { "data.big > 9007199254740992.0", "true" },
    { "data.big == 9007199254740992.0", "false" },
    { "data.list == [1, 2.5, 3.0]", "true" },
    { "data.b == data.b", "true" }, { "[1] == [1, 2]", "false" },
    { "now > timestamp(\"2026-01-01T00:00:00Z\")", "true" },
    { "data.a == \"5\"", "false" }, { "true == true", "true" },

    /* what is missing is null, and null is false */
    { "data.x", "null" }, { "data.x.y.z", "null" },
    { "data.x > 5", "false" }, { "!(data.x > 5)", "true" },
    { "data.x + 1", "null" }, { "data.x == null", "true" },
    { "data.nil == null", "true" }, { "data.a == null", "false" },
    { "data.x && true", "false" }, { "data.x || true", "true" },
    { "!data.x", "true" }, { "data.x ? 1 : 2", "2" },
    { "data.list[7]", "null" }, { "data.list[-1]", "null" },
    { "data.x.size()", "null" }, { "data.x.all(i, i)", "null" },
    { "data.x in [1, null]", "true" }, { "1 in data.x", "false" },
    { "has(data.a)", "true" }, { "has(data.nil)", "false" },
    { "has(data.x.y)", "false" }, { "has(any)", "true" },
    { "data.x.contains(\"a\")", "null" },

    /* an error is made up for, or not */
    { "1 / 0 == 1 || true", "true" }, { "true || 1 / 0 == 1", "true" },
    { "false && 1 / 0 == 1", "false" }, { "1 / 0 == 1 && false", "false" },
    { "any.exists(i, i.k > 0)", "true" },
    { "any.all(i, i.k == 1 || i.k == \"one\")", "true" },

    /* data */
    { "data.b.c", "\"x\"" }, { "data[\"b\"][\"c\"]", "\"x\"" },
    { "data.list[1]", "2.5" }, { "\"a\" in data", "true" },
    { "\"z\" in data", "false" }, { "2.5 in data.list", "true" },
    { "total.amount * 2", "10000" },
    { "total.currency in [\"EUR\", \"USD\"]", "true" },

    /* lists */
    { "lines.exists(l, l.qty > 1)", "true" },
    { "lines.all(l, l.qty > 1)", "false" },
    { "lines.map(l, l.qty * l.price)", "[600,900]" },
    { "sum(lines.map(l, l.qty * l.price))", "1500" },
    { "lines.filter(l, l.price > 500).size()", "1" },
    { "lines.filter(l, \"a\" in l.tags).map(l, l.price)", "[300]" },
    { "lines.exists(l, l.tags.exists(t, t == \"b\" && l.qty == 2))", "true" },
    { "[].all(x, false)", "true" }, { "[].exists(x, true)", "false" },
    { "count(lines)", "2" }, { "sum([])", "0" },
    { "sum([1, null, 2.5])", "3.5" }, { "min([3, 1, 2])", "1" },
    { "max(1, 2.5, null)", "2.5" }, { "min([])", "null" },
    { "max(\"a\", \"b\")", "\"b\"" },

    /* texts */
    { "size(data.s)", "5" }, { "name.startsWith(\"An\")", "true" },
    { "startsWith(name, \"n\")", "false" }, { "name.endsWith(\"nn\")", "true" },
    { "name.endsWith(\"Annn\")", "false" }, { "name.contains(\"\")", "true" },
    { "data.s.contains(\"üß\")", "true" },
    { "name.matches(\"^A.n$\")", "true" }, { "name.matches(\"^n\")", "false" },
    { "data.s.matches(\"^\\\\pL+$\")", "true" },
    { "name.lower() + name.upper()", "\"annANN\"" },
    { "[\"a\", \"bb\"].map(p, \"xbbx\".matches(p))", "[false,true]" },

    /* types */
    { "int(\"42\") + int(3.9) + int(true)", "46" },
    { "int(\"4x\")", "null" }, { "double(\"1.5\")", "1.5" },
    { "string(5) + string(true)", "\"5true\"" },
    { "string(0.1)", "\"0.1\"" }, { "double(\"x\")", "null" },

    /* times */
    { "hour(now)", "23" }, { "hour(now, \"Europe/Berlin\")", "0" },
    { "weekday(now)", "6" }, { "now.weekday(\"Europe/Berlin\")", "7" },
    { "day(now) * 10000 + month(now) * 100 + year(now)", "213126" },
    { "days(timestamp(data.t), now)", "265" },
    { "now - timestamp(\"2026-11-21T22:00:00Z\") == duration(\"1h30m\")",
      "true" },
    { "now + duration(\"30m\")", "\"2026-11-22T00:00:00Z\"" },
    { "duration(\"1d\") > duration(\"23h\")", "true" },
    { "int(duration(\"1d2h3m4s500ms\"))", "93784" },
    { "timestamp(data.s)", "null" },

    /* networks and versions */
    { "cidr(ip, \"10.0.0.0/8\")", "true" },
    { "cidr(ip, \"10.1.2.4/31\")", "false" },
    { "cidr(ip, \"10.1.2.2/31\")", "true" },
    { "cidr(\"::ffff:10.9.9.9\", \"10.0.0.0/8\")", "true" },
    { "cidr(\"2001:db8::1\", \"2001:db8::/33\")", "true" },
    { "cidr(\"2001:db8:8000::1\", \"2001:db8::/33\")", "false" },
    { "cidr(name, \"10.0.0.0/8\")", "null" },
    { "semver(\"1.10.0\", \"1.9.9\")", "1" },
    { "semver(\"1.0.0-alpha.2\", \"1.0.0-alpha.10\")", "-1" },
    { "semver(\"1.0.0-alpha\", \"1.0.0\")", "-1" },
    { "semver(\"1.0.0-alpha.1\", \"1.0.0-alpha.beta\")", "-1" },
    { "semver(\"1.0.0-alpha\", \"1.0.0-alpha.1\")", "-1" },
    { "semver(\"1.0.0+a\", \"1.0.0+b\")", "0" },
    { "semver(name, \"1.0.0\")", "null" },

    /* a function of a domain's own */
    { "in_segment(\"vips\")", "true" }, { "in_segment(\"all\")", "false" },

    /* what a run fails at */
    { "1 / 0", "rule_value 1:1 nothing is divided by zero" },
    { "9223372036854775807 + 1", "rule_value 1:1 the number is too large" },
    { "1 +\n data.s", "rule_type 1:1 a whole number and a text cannot be "
      "reckoned with so" },
    { "data.s > 5", "rule_type 1:1 a text and a whole number cannot be less "
      "or more" },
    { "data.s && true", "rule_type 1:1 it is a text where true or false is "
      "wanted" },
    { "data.a.b", "rule_type 1:1 it is a whole number and has no \"b\"" },
    { "any.all(i, i.k > 0)", "rule_type 1:12 a text and a whole number "
      "cannot be less or more" },
    { "data.a.startsWith(\"x\")", "rule_type 1:1 startsWith() is given a "
      "whole number where a text is wanted" },
    { "in_segment(\"\")", "rule_value 1:1 in_segment() cannot tell" },
    { "name.matches(data.b.c + \"(\")",
      "rule_value 1:1 missing ): x(" },

    /* what is refused when it is read */
    { "", "rule_syntax 1:1 a value is expected here" },
    { "1 +", "rule_syntax 1:4 a value is expected here" },
    { "1 2", "rule_syntax 1:3 an operator is expected here" },
    { "n = 7", "rule_syntax 1:3 an operator is expected here" },
    { "(n", "rule_syntax 1:3 \")\" is expected" },
    { "[1, 2", "rule_syntax 1:6 \",\" or \"]\" is expected" },
    { "n > 1 ? 2", "rule_syntax 1:10 \":\" is expected" },
    { "\"abc", "rule_syntax 1:1 the text has no end" },
    { "\"a\\q\"", "rule_syntax 1:3 this is no escape that is known: write "
      "\\n \\r \\t \\\\ \\\" \\' or \\u0000" },
    { "5000x", "rule_syntax 1:1 this is no number that fits" },
    { "99999999999999999999", "rule_syntax 1:1 this is no number that fits" },
    { "data.", "rule_syntax 1:6 a name of 64 characters at most is "
      "expected" },
    { "has(1)", "rule_syntax 1:1 has() takes the name of what there may be" },
    { "lines.all(1, 2)", "rule_syntax 1:11 a name of 64 characters at most "
      "is expected" },
    { "foo", "rule_name 1:1 \"foo\" is nothing that is known here" },
    { "n > 1 &&\n  total.amuont > 1", "rule_name 2:3 it has no \"amuont\"" },
    { "lines.all(l, l.cost > 1)", "rule_name 1:14 it has no \"cost\"" },
    { "eval(\"x\")", "rule_name 1:1 there is no function \"eval\"" },
    { "n.m", "rule_type 1:1 it is a whole number and has no \"m\"" },
    { "n > \"7\"", "rule_type 1:1 a whole number and a text cannot be "
      "compared" },
    { "vip > true", "rule_type 1:1 true or false cannot be less or more" },
    { "n && vip", "rule_type 1:1 it is a whole number where true or false is "
      "wanted" },
    { "name + 1", "rule_type 1:1 a text and a whole number cannot be "
      "reckoned with so" },
    { "1 in n", "rule_type 1:6 it is a whole number where a list is wanted" },
    { "size()", "rule_type 1:1 size() takes 1 to 1 arguments" },
    { "name.startsWith(1)", "rule_type 1:17 it is a whole number where a "
      "text is wanted" },
    { "name.matches(\"(\")", "rule_value 1:14 missing ): (" },
    { "name.matches(\"(a)\\\\1\")", "rule_value 1:14 invalid escape "
      "sequence: \\1" },
    { "hour(now, \"Mars\")", "rule_value 1:11 there is no such time zone: "
      "write \"Europe/Berlin\"" },
    { "cidr(ip, \"10.0.0.0/33\")", "rule_value 1:10 this is no network: "
      "write \"10.0.0.0/8\" or \"2001:db8::/32\"" },
    { "duration(\"5\")", "rule_value 1:10 this is no duration: write "
      "\"1d12h\", \"90m\", \"30s\" or \"250ms\"" },
    { "semver(\"1.0.0\", \"1.0\")", "rule_value 1:17 this is no version: "
      "write \"1.2.3\"" },
    { "in_segment(5)", "rule_type 1:12 it is a whole number where a text is "
      "wanted" },
};


static const char *
of(const char *text, pando_rule_is_t gives)
{
    return value_of(text, strlen(text), gives);
}


/* What a test is called: a line. */

static const char *
flat(const char *text)
{
    static char  shown[200];
    size_t       i;

    for (i = 0; text[i] && i + 1 < sizeof(shown); i++) {
        shown[i] = (unsigned char) text[i] < ' ' ? '~' : text[i];
    }

    shown[i] = '\0';

    return shown;
}


static void
test_values(void)
{
    size_t       i;
    const char  *got;

    for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        got = of(values[i].text, PANDO_FACT_ANY);
        ok(strcmp(got, values[i].gives) == 0, "%s", flat(values[i].text));

        if (strcmp(got, values[i].gives) != 0) {
            printf("# got: %s\n# not: %s\n", got, values[i].gives);
        }
    }

    ok(strcmp(of("n", PANDO_FACT_BOOL), "rule_type 1:1 it is a whole number "
              "where true or false is wanted") == 0, "a condition is wanted");
    ok(strcmp(of("data.on", PANDO_FACT_BOOL), "true") == 0,
       "which what may be anything can be");
}


/* So many times, one after the other, as one text. */

static const char *
many(const char *first, const char *each, const char *last, unsigned n)
{
    char      *text = malloc(strlen(first) + strlen(each) * n
                             + strlen(last) + 1), *p = text;
    const char  *got;

    p = stpcpy(p, first);
    while (n--) {
        p = stpcpy(p, each);
    }
    p = stpcpy(p, last);

    got = value_of(text, (size_t) (p - text), PANDO_FACT_ANY);
    free(text);

    return got;
}


static bool
says(const char *got, const char *start)
{
    bool  right = strncmp(got, start, strlen(start)) == 0;

    if (!right) {
        printf("# got: %s\n", got);
    }

    return right;
}


static void
test_limits(void)
{
    ok(says(many("", "(", "1", 1000), "rule_too_large"), "parentheses");
    ok(says(many("", "!", "true", 1000), "rule_too_large"), "negations");
    ok(says(many("", "- ", "1", 1000), "rule_too_large"), "minuses");
    ok(says(many("", "[", "", 1000), "rule_too_large"), "lists");
    ok(says(many("data", ".a", "", 1000), "rule_too_large"), "members");
    ok(says(many("1", "+1", "", 1000), "rule_too_large"), "sums");
    ok(says(many("", "true?1:", "2", 1000), "rule_too_large"), "choices");
    ok(says(many("vip", "||vip", "", 1000), "false"), "but not conditions");
    ok(says(many("n in [1", ",2", "]", 1000), "false"), "nor what is in");
    ok(says(many("n in [1", ",2", "]", 10000), "rule_too_large"),
       "up to so many parts");
    ok(says(many("1", " ", "", 70000), "rule_too_large"), "and so long");
    ok(says(many("data.list", ".map(a, data.list", ")", 20), "rule_"),
       "loops in loops");
    ok(says(of("[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b,"
               "[1,2,3,4,5,6,7,8,9,10].all(c, [1,2,3,4,5,6,7,8,9,10].all(d,"
               "a + b + c + d > 0)))) || true", PANDO_FACT_ANY),
            "rule_steps"), "steps, which nothing makes up for");
    ok(says(of("\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\".matches("
               "\"^(a+)+$\")", PANDO_FACT_ANY), "false"),
       "a pattern that would go back and forth");
    ok(says(of("name.matches(\"((a{1,100}){1,100}){1,100}\")",
               PANDO_FACT_ANY), "rule_value"), "one that would be too large");
}


static void
test_told(void)
{
    char                *shown;
    json_t              *tree = json_loads(world, 0, NULL);
    json_t              *told = json_array();
    unsigned             i;
    pando_rule_t        *rule;
    pando_rule_with_t    with = { .facts = facts };
    pando_rule_value_t   v;
    pando_rule_error_t   e;
    const char          *text = "total.amount >= 5000 && data.b.c == \"y\" "
                                "|| lines.exists(l, l.qty == 2) && "
                                "total.amount > 1";
    const char          *on[] = { "total.amount", "data.b.c", "lines" };

    rule = pando_rule_read(&mem, text, strlen(text), &with, &e);
    ok(rule && pando_rule_run(&mem, rule, tree, told, &v, &e) && v.n,
       "a rule is explained");

    shown = json_dumps(told, JSON_COMPACT);
    ok(shown && strcmp(shown, "["
              "{\"text\":\"total.amount >= 5000\",\"value\":true},"
              "{\"text\":\"data.b.c == \\\"y\\\"\",\"value\":false},"
              "{\"text\":\"l.qty == 2\",\"value\":true},"
              "{\"text\":\"lines.exists(l, l.qty == 2)\",\"value\":true},"
              "{\"text\":\"total.amount > 1\",\"value\":true}]") == 0,
       "by its conditions: %s", shown ? shown : "-");
    free(shown);
    json_decref(told);
    json_decref(tree);

    for (i = 0; rule && rule->facts[i]; i++) {
        ok(i < 3 && strcmp(rule->facts[i], on[i]) == 0, "it looks at %s",
           rule->facts[i]);
    }

    ok(i == 3, "and at nothing else");
}


/* Each prefix of a long rule, and each with a byte too much */

static void
test_pieces(void)
{
    char         text[400];
    size_t       i, k, len, wrong = 0;
    const char  *whole = "has(data.b) ? lines.exists(l, l.qty * 2 > 3 && "
                         "name.matches(\"^A\")) : cidr(ip, \"10.0.0.0/8\") "
                         "|| weekday(now, 'UTC') in [6, 7] && !vip";
    const char  *odd = "()[]\"'.,?:!&|<=\\0aZ_ \x80\xff";

    len = strlen(whole);

    for (i = 0; i <= len; i++) {
        (void) value_of(whole, i, PANDO_FACT_ANY);

        for (k = 0; odd[k]; k++) {
            memcpy(text, whole, len);
            memmove(text + i + 1, text + i, len - i);
            text[i] = odd[k];
            (void) value_of(text, len + 1, PANDO_FACT_ANY);
            wrong += said[0] == '\0';
        }
    }

    ok(wrong == 0, "whatever is missing or too much, there is an answer");
}


static void
test_no_memory(void)
{
    unsigned             n;
    const char          *text = "lines.map(l, l.qty + 1) == [3, 2] && "
                                "name + \"x\" == \"Annx\" && vip";
    json_t              *tree = json_loads(world, 0, NULL);
    pando_rule_t        *rule;
    pando_rule_with_t    with = { .facts = facts };
    pando_rule_value_t   v;
    pando_rule_error_t   e;

    for (n = 1; n < 2000; n++) {
        arena_reset();
        arena.fail_at = n;
        rule = pando_rule_read(&mem, text, strlen(text), &with, &e);

        if (rule && pando_rule_run(&mem, rule, tree, NULL, &v, &e)) {
            break;
        }

        if (e.code == NULL || strcmp(e.code, "no_memory") != 0) {
            break;
        }
    }

    ok(n > 20 && n < 2000 && e.code == NULL,
       "no memory is an error, whenever: %u times", n);
    arena_reset();
    json_decref(tree);
}


int
main(void)
{
    test_values();
    test_limits();
    test_told();
    test_pieces();
    arena_reset();
    test_no_memory();

    return done();
}
