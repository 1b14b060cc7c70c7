/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What a recurrence rule may be.
 *
 * libical steps through periods until one fits, so a rule is let through only
 * where that ends soon: no seconds; hours and minutes either with an interval
 * or with filters that fit within a week; few times of one day.
 */

#include <string.h>

#include "pando_recur_rule.h"


#define TIMES  24                   /* of one day, made by BY... lists */
#define FEW    4                    /* the same, where days are stepped */
#define LIST   60                   /* entries of one */


static const struct {
    const char  *name;
    char         letter;
} freqs[] = {
    { "YEARLY", 'Y' }, { "MONTHLY", 'M' }, { "WEEKLY", 'W' },
    { "DAILY", 'D' }, { "HOURLY", 'H' }, { "MINUTELY", 'm' }
};

static const char *const  names[] = {
    "FREQ", "UNTIL", "COUNT", "INTERVAL", "WKST", "BYSECOND", "BYMINUTE",
    "BYHOUR", "BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYMONTH",
    "BYSETPOS"
};

enum { FREQ = 0, UNTIL, COUNT, INTERVAL, WKST, BYSECOND, BYMINUTE, BYHOUR,
       BYDAY, BYMONTHDAY };


static int name_of(const char *s, size_t len);
static char freq_of(const char *s, size_t len);
static const char *part(int name, const char *s, size_t len,
    pando_recur_parts_t *out);
static int number(const char *s, size_t len, int most);
static const char *bounded(const pando_recur_parts_t *parts);


const char *
pando_recur_parts(const char *rule, pando_recur_parts_t *out)
{
    int          name;
    size_t       len, key;
    unsigned     seen = 0;
    const char  *s, *why;

    *out = (pando_recur_parts_t) { .interval = 1 };

    if (strlen(rule) > PANDO_RECUR_RULE) {
        return "the rule is too long";
    }

    for (s = rule; ; s += len + 1) {
        len = strcspn(s, ";");
        key = strcspn(s, "=");
        name = key < len ? name_of(s, key) : -1;

        if (name < 0) {
            return "the rule has a part that is unknown";
        }

        if (seen & (1u << name)) {
            return "the rule has a part twice";
        }

        seen |= 1u << name;
        why = part(name, s + key + 1, len - key - 1, out);

        if (why) {
            return why;
        }

        if (s[len] == '\0') {
            break;
        }
    }

    if (out->freq == 0) {
        return "the rule has no FREQ";
    }

    if ((seen & (1u << COUNT)) && (seen & (1u << UNTIL))) {
        return "the rule has both COUNT and UNTIL";
    }

    return bounded(out);
}


static int
name_of(const char *s, size_t len)
{
    size_t  i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strlen(names[i]) == len && strncmp(names[i], s, len) == 0) {
            return (int) i;
        }
    }

    return -1;
}


static char
freq_of(const char *s, size_t len)
{
    size_t  i;

    for (i = 0; i < sizeof(freqs) / sizeof(freqs[0]); i++) {
        if (strlen(freqs[i].name) == len
            && strncmp(freqs[i].name, s, len) == 0)
        {
            return freqs[i].letter;
        }
    }

    return 0;
}


static const char *
part(int name, const char *s, size_t len, pando_recur_parts_t *out)
{
    int     n = 1;
    size_t  i;

    if (len == 0 || strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-,")
                    < len)
    {
        return "the rule has a part without a good value";
    }

    for (i = 0; i < len; i++) {
        n += s[i] == ',';
    }

    if (n > LIST) {
        return "the rule has a list that is too long";
    }

    switch (name) {

    case FREQ:
        out->freq = freq_of(s, len);
        return out->freq ? NULL : "the rule's FREQ is not one from YEARLY "
                                  "to MINUTELY";

    case UNTIL:
        out->until_utc = s[len - 1] == 'Z';
        break;

    case COUNT:
        out->count = number(s, len, PANDO_RECUR_COUNT);
        return out->count > 0 ? NULL : "the rule's COUNT is not from 1 to "
                                       "10000";

    case INTERVAL:
        out->interval = number(s, len, 10000);
        return out->interval > 0 ? NULL : "the rule's INTERVAL is not from "
                                          "1 to 10000";

    case BYSECOND:
        out->seconds = n;
        break;

    case BYMINUTE:
        out->minutes = n;
        break;

    case BYHOUR:
        out->hours = n;
        break;

    case BYDAY:
        out->by_day = true;
        break;

    default:
        out->by_date |= name >= BYMONTHDAY;
    }

    return NULL;
}


static int
number(const char *s, size_t len, int most)
{
    int     v = 0;
    size_t  i;

    for (i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9' || i > 5) {
            return -1;
        }

        v = v * 10 + (s[i] - '0');
    }

    return v <= most ? v : -1;
}


static const char *
bounded(const pando_recur_parts_t *p)
{
    int   most = p->freq == 'D' && p->by_date ? FEW : TIMES;
    bool  filters = p->by_day || p->hours || (p->freq == 'm' && p->minutes);

    if ((p->hours ? p->hours : 1) * (p->minutes ? p->minutes : 1)
        * (p->seconds ? p->seconds : 1) > most)
    {
        return "the rule makes too many times of one day";
    }

    if (p->freq != 'H' && p->freq != 'm') {
        return NULL;
    }

    if (p->by_date) {
        return "the rule picks dates by the hour or minute";
    }

    return filters && p->interval > 1
           ? "the rule has both filters and an interval of hours or minutes"
           : NULL;
}
