/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The functions of rules.
 *
 * Each takes what its row says, or null where it is not so at that moment of
 * a run, and gives null where there is nothing to tell; what is nonsense (a
 * pattern, a network, a version) is an error, told when the rule is read
 * where it is a literal.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE                 /* memmem() */
#endif

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pando_regex.h"
#include "pando_rule.h"


#define OWN(fn)  static PANDO_RULE_OWN(fn)

#define ANY   PANDO_FACT_ANY
#define BOOL  PANDO_FACT_BOOL
#define INT   PANDO_FACT_INT
#define REAL  PANDO_FACT_REAL
#define TEXT  PANDO_FACT_TEXT
#define TIME  PANDO_FACT_TIME
#define SPAN  PANDO_FACT_SPAN
#define LIST  PANDO_FACT_LIST


OWN(size);
OWN(starts_with);
OWN(ends_with);
OWN(contains);
OWN(matches);
OWN(lower);
OWN(upper);
OWN(to_int);
OWN(to_double);
OWN(to_string);
OWN(to_time);
OWN(to_span);
OWN(sum);
OWN(extreme);

static bool is_pattern(const pando_rule_value_t *arg, char *why, size_t len);
static bool is_time(const pando_rule_value_t *arg, char *why, size_t len);
static bool is_span(const pando_rule_value_t *arg, char *why, size_t len);
static void *regex_of(pando_rule_run_t *run, const pando_rule_node_t *node,
    const pando_rule_value_t *pattern, char *why, size_t len);
static bool read_span(const char *s, size_t len, int64_t *us);


static const pando_rule_own_t  all[] = {
    { "size", 1, 1, { ANY }, INT, size, 0, NULL, false },
    { "count", 1, 1, { LIST }, INT, size, 0, NULL, false },
    { "startsWith", 2, 2, { TEXT, TEXT }, BOOL, starts_with, 0, NULL, false },
    { "endsWith", 2, 2, { TEXT, TEXT }, BOOL, ends_with, 0, NULL, false },
    { "contains", 2, 2, { TEXT, TEXT }, BOOL, contains, 0, NULL, false },
    { "matches", 2, 2, { TEXT, TEXT }, BOOL, matches, 2, is_pattern, false },
    { "lower", 1, 1, { TEXT }, TEXT, lower, 0, NULL, false },
    { "upper", 1, 1, { TEXT }, TEXT, upper, 0, NULL, false },
    { "int", 1, 1, { ANY }, INT, to_int, 0, NULL, false },
    { "double", 1, 1, { ANY }, REAL, to_double, 0, NULL, false },
    { "string", 1, 1, { ANY }, TEXT, to_string, 0, NULL, false },
    { "timestamp", 1, 1, { TEXT }, TIME, to_time, 1, is_time, false },
    { "duration", 1, 1, { TEXT }, SPAN, to_span, 1, is_span, false },
    { "hour", 1, 2, { TIME, TEXT }, INT,
      pando_rule_part_of_time, 2, pando_rule_is_zone, false },
    { "weekday", 1, 2, { TIME, TEXT }, INT,
      pando_rule_part_of_time, 2, pando_rule_is_zone, false },
    { "day", 1, 2, { TIME, TEXT }, INT,
      pando_rule_part_of_time, 2, pando_rule_is_zone, false },
    { "month", 1, 2, { TIME, TEXT }, INT,
      pando_rule_part_of_time, 2, pando_rule_is_zone, false },
    { "year", 1, 2, { TIME, TEXT }, INT,
      pando_rule_part_of_time, 2, pando_rule_is_zone, false },
    { "days", 2, 2, { TIME, TIME }, INT, pando_rule_days, 0, NULL, false },
    { "cidr", 2, 2, { TEXT, TEXT }, BOOL,
      pando_rule_cidr, 2, pando_rule_is_network, false },
    { "semver", 2, 2, { TEXT, TEXT }, INT,
      pando_rule_semver, 2, pando_rule_is_version, false },
    { "sum", 1, 1, { LIST }, ANY, sum, 0, NULL, false },
    { "min", 1, 4, { ANY, ANY, ANY, ANY }, ANY, extreme, 0, NULL, true },
    { "max", 1, 4, { ANY, ANY, ANY, ANY }, ANY, extreme, 0, NULL, true }
};


const pando_rule_own_t *
pando_rule_own(const char *name, size_t len)
{
    size_t  i;

    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (strlen(all[i].name) == len
            && memcmp(all[i].name, name, len) == 0)
        {
            return &all[i];
        }
    }

    return NULL;
}


/* Types that were not known when the rule was read */

bool
pando_rule_given(pando_rule_run_t *run, const pando_rule_node_t *node,
    const pando_rule_value_t *args, unsigned n)
{
    unsigned  i;

    for (i = 0; i < n; i++) {
        if (node->own->takes[i] != ANY && args[i].is != node->own->takes[i]) {
            return pando_rule_fail(run, node, "rule_type",
                                   "%s() is given %s where %s is wanted",
                                   node->own->name,
                                   pando_rule_is_name(args[i].is),
                                   pando_rule_is_name(node->own->takes[i]));
        }
    }

    return true;
}


/* Texts: of one, its characters are counted */

OWN(size)
{
    size_t  i;

    out->is = INT;

    if (args[0].is == LIST) {
        out->n = (int64_t) args[0].len;

    } else if (args[0].is == PANDO_FACT_TREE) {
        out->n = (int64_t) json_object_size(args[0].json);

    } else if (args[0].is == TEXT) {
        for (i = 0; i < args[0].len; i++) {
            out->n += ((unsigned char) args[0].s[i] & 0xc0) != 0x80;
        }

        run->steps += (unsigned) (args[0].len / 256);

    } else {
        return pando_rule_fail(run, node, "rule_type", "%s has no size",
                               pando_rule_is_name(args[0].is));
    }

    return true;
}


OWN(starts_with)
{
    out->is = BOOL;

    if (!pando_rule_given(run, node, args, n)) {
        return false;
    }

    out->n = args[0].len >= args[1].len
             && strncmp(args[0].s, args[1].s, args[1].len) == 0;
    return true;
}


OWN(ends_with)
{
    out->is = BOOL;

    if (!pando_rule_given(run, node, args, n)) {
        return false;
    }

    out->n = args[0].len >= args[1].len
             && memcmp(args[0].s + args[0].len - args[1].len, args[1].s,
                       args[1].len) == 0;
    return true;
}


OWN(contains)
{
    out->is = BOOL;

    if (!pando_rule_given(run, node, args, n)) {
        return false;
    }

    run->steps += (unsigned) (args[0].len / 256);
    out->n = args[1].len == 0
             || memmem(args[0].s, args[0].len, args[1].s, args[1].len);
    return true;
}


OWN(matches)
{
    char   why[120];
    void  *regex;

    out->is = BOOL;

    if (!pando_rule_given(run, node, args, n)) {
        return false;
    }

    run->steps += (unsigned) (args[0].len / 64);
    regex = regex_of(run, node, &args[1], why, sizeof(why));

    if (regex == NULL) {
        return pando_rule_fail(run, node, "rule_value", "%s", why);
    }

    out->n = pando_regex_finds(regex, args[0].s, args[0].len);

    return true;
}


/* A literal pattern is made once in a run; others cost their making. */

static void *
regex_of(pando_rule_run_t *run, const pando_rule_node_t *node,
    const pando_rule_value_t *pattern, char *why, size_t len)
{
    void      *regex;
    unsigned   i, room = sizeof(run->kept) / sizeof(run->kept[0]);

    for (i = 0; i < run->nkept; i++) {
        if (run->kept[i].node == node
            && node->kids[1]->op == PANDO_RULE_LITERAL)
        {
            return run->kept[i].regex;
        }
    }

    run->steps += 200;
    regex = pando_regex(pattern->s, pattern->len, why, len);

    if (regex == NULL) {
        return NULL;
    }

    if (run->nkept == room) {
        pando_regex_free(run->kept[room - 1].regex);
        run->nkept--;
    }

    run->kept[run->nkept].node = node;
    run->kept[run->nkept++].regex = regex;

    return regex;
}


static bool
is_pattern(const pando_rule_value_t *arg, char *why, size_t len)
{
    void  *regex = pando_regex(arg->s, arg->len, why, len);

    pando_regex_free(regex);

    return regex != NULL;
}


/* ASCII letters: what else there is stays as it is */

static bool
turn(pando_rule_run_t *run, const pando_rule_value_t *of,
    int (*turned)(int c), pando_rule_value_t *out)
{
    char    *text = pando_mem_alloc(run->mem, of->len + 1);
    size_t   i;

    run->steps += (unsigned) (of->len / 64);

    for (i = 0; text && i < of->len; i++) {
        text[i] = (unsigned char) of->s[i] < 0x80
                  ? (char) turned((unsigned char) of->s[i]) : of->s[i];
    }

    *out = (pando_rule_value_t) { .is = TEXT, .s = text, .len = of->len };

    return text != NULL;
}


OWN(lower)
{
    return pando_rule_given(run, node, args, n)
           && turn(run, &args[0], tolower, out);
}


OWN(upper)
{
    return pando_rule_given(run, node, args, n)
           && turn(run, &args[0], toupper, out);
}


/* From one type to another: null where that cannot be */

OWN(to_int)
{
    char     text[32], *end;
    int64_t  us;

    if (args[0].is == INT || args[0].is == BOOL) {
        *out = (pando_rule_value_t) { .is = INT, .n = args[0].n };

    } else if (args[0].is == TIME || args[0].is == SPAN) {
        us = args[0].n;
        *out = (pando_rule_value_t) { .is = INT,
                                      .n = us / PANDO_TIME_SECOND };

    } else if (args[0].is == REAL && args[0].x > -9.2e18
               && args[0].x < 9.2e18)
    {
        *out = (pando_rule_value_t) { .is = INT, .n = (int64_t) args[0].x };

    } else if (args[0].is == TEXT && args[0].len
               && args[0].len < sizeof(text))
    {
        memcpy(text, args[0].s, args[0].len);
        text[args[0].len] = '\0';
        out->n = strtoll(text, &end, 10);
        out->is = *end == '\0' && args[0].len < 19 ? INT : PANDO_FACT_NULL;
    }

    return true;
}


OWN(to_double)
{
    char  text[64], *end;

    if (args[0].is == REAL) {
        *out = args[0];

    } else if (args[0].is == INT) {
        *out = (pando_rule_value_t) { .is = REAL, .x = (double) args[0].n };

    } else if (args[0].is == SPAN) {
        *out = (pando_rule_value_t) {
            .is = REAL, .x = (double) args[0].n / PANDO_TIME_SECOND
        };

    } else if (args[0].is == TEXT && args[0].len
               && args[0].len < sizeof(text)
               && strspn(args[0].s, "0123456789+-.eE") >= args[0].len)
    {
        memcpy(text, args[0].s, args[0].len);
        text[args[0].len] = '\0';
        out->x = strtod(text, &end);
        out->is = *end == '\0' ? REAL : PANDO_FACT_NULL;
    }

    return true;
}


OWN(to_string)
{
    char    text[64] = { 0 };
    size_t  len = 0;

    if (args[0].is == TEXT) {
        *out = args[0];
        return true;
    }

    if (args[0].is == BOOL) {
        len = (size_t) snprintf(text, sizeof(text), "%s",
                                args[0].n ? "true" : "false");
    } else if (args[0].is == INT) {
        len = (size_t) snprintf(text, sizeof(text), "%lld",
                                (long long) args[0].n);
    } else if (args[0].is == REAL) {
        len = (size_t) snprintf(text, sizeof(text), "%.15g", args[0].x);

    } else if (args[0].is == TIME) {
        len = pando_time_print(args[0].n, text);
    }

    if (len) {
        out->s = pando_mem_copy(run->mem, text, len);
        out->len = len;
        out->is = out->s ? TEXT : PANDO_FACT_NULL;
    }

    return true;
}


OWN(to_time)
{
    if (!pando_rule_given(run, node, args, n)) {
        return false;
    }

    if (pando_time_parse(args[0].s, args[0].len, &out->n)) {
        out->is = TIME;
    }

    return true;
}


static bool
is_time(const pando_rule_value_t *arg, char *why, size_t len)
{
    pando_time_t  t;

    (void) snprintf(why, len, "this is no time: write "
                    "\"2026-11-21T10:40:00Z\"");

    return pando_time_parse(arg->s, arg->len, &t);
}


OWN(to_span)
{
    if (!pando_rule_given(run, node, args, n)) {
        return false;
    }

    if (read_span(args[0].s, args[0].len, &out->n)) {
        out->is = SPAN;
    }

    return true;
}


static bool
is_span(const pando_rule_value_t *arg, char *why, size_t len)
{
    int64_t  us;

    (void) snprintf(why, len, "this is no duration: write \"1d12h\", "
                    "\"90m\", \"30s\" or \"250ms\"");

    return read_span(arg->s, arg->len, &us);
}


static bool
read_span(const char *s, size_t len, int64_t *us)
{
    static const struct {
        const char  *name;
        int64_t      us;
    } units[] = {
        { "ms", 1000 }, { "d", PANDO_TIME_DAY }, { "h", 3600000000 },
        { "m", 60000000 }, { "s", PANDO_TIME_SECOND }
    };

    size_t       i, k;
    int64_t      n;
    const char  *end = s + len;

    *us = 0;

    while (s < end) {
        for (n = 0, i = 0; s + i < end && isdigit((unsigned char) s[i])
                           && i < 9; i++)
        {
            n = n * 10 + s[i] - '0';
        }

        for (k = 0; k < 5; k++) {
            if ((size_t) (end - s) >= i + strlen(units[k].name)
                && memcmp(s + i, units[k].name, strlen(units[k].name)) == 0)
            {
                break;
            }
        }

        if (i == 0 || k == 5 || n > PANDO_TIME_MAX / units[k].us / 16
            || *us > PANDO_TIME_MAX / 2)
        {
            return false;
        }

        *us += n * units[k].us;
        s += i + strlen(units[k].name);
    }

    return len > 0;
}


/* Lists: what is null in them does not count */

OWN(sum)
{
    size_t              i;
    pando_rule_value_t  item, total = { .is = INT }, next;

    if (!pando_rule_given(run, node, args, n)) {
        return false;
    }

    run->steps += (unsigned) (args[0].len / 4);

    for (i = 0; pando_rule_item(&args[0], i, &item); i++) {
        if (item.is == PANDO_FACT_NULL) {
            continue;
        }

        if (i == 0 && item.is == SPAN) {
            total.is = SPAN;
        }

        next = (pando_rule_value_t) { .is = PANDO_FACT_NULL };

        if (item.is == TEXT || item.is == LIST
            || !pando_rule_reckon(run, node, PANDO_RULE_ADD, &total, &item,
                                  &next))
        {
            return pando_rule_fail(run, node, "rule_type",
                                   "%s is not added up",
                                   pando_rule_is_name(item.is));
        }

        total = next;
    }

    *out = total;

    return true;
}


OWN(extreme)
{
    int                 order, wanted = node->own->name[1] == 'i' ? -1 : 1;
    size_t              i;
    pando_rule_value_t  item, list = { .is = LIST, .items = args, .len = n };

    if (n == 1 && args[0].is == LIST) {
        list = args[0];
    }

    run->steps += (unsigned) (list.len / 4);

    for (i = 0; pando_rule_item(&list, i, &item); i++) {

        if (item.is == PANDO_FACT_NULL) {
            continue;
        }

        if (out->is == PANDO_FACT_NULL) {
            *out = item;
            continue;
        }

        if (!pando_rule_order(&item, out, &order)) {
            return pando_rule_fail(run, node, "rule_type",
                                   "%s and %s cannot be less or more",
                                   pando_rule_is_name(out->is),
                                   pando_rule_is_name(item.is));
        }

        if (order == wanted) {
            *out = item;
        }
    }

    return true;
}
