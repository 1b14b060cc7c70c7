/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Categories: pure rules - positions, states, paths.
 *
 * A position is a fraction in base 62, its digits in the order of the C
 * collation, never ending in the digit zero; so there is always one between
 * two others.  At the end of a list positions count up in their first four
 * digits instead of halving what is left, so that lists filled in order keep
 * short keys.
 */

#include "categories.h"


#define DIGITS  62
#define FRONT   4


static const char  digits[] =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

const char *const  categories_statuses[] = {
    "active", "hidden", "deprecated", NULL
};


static int
value_of(char c)
{
    const char  *p = c ? strchr(digits, c) : NULL;

    return p ? (int) (p - digits) : 0;
}


/*
 * The next whole step after low: its first digits plus one.
 */

static bool
next_step(const char *low, char *out)
{
    int  i, v, digit[FRONT];

    for (i = 0; i < FRONT; i++) {
        digit[i] = *low ? value_of(*low++) : 0;
    }

    for (i = FRONT - 1; i >= 0 && ++digit[i] == DIGITS; i--) {
        digit[i] = (i == FRONT - 1);
    }

    if (i < 0) {
        return false;
    }

    for (v = 0; v < FRONT; v++) {
        out[v] = digits[digit[v]];
    }

    out[FRONT] = '\0';

    return true;
}


/*
 * Strictly between low and high, either of which may be NULL for no bound.
 * False where it would not fit into size, or high is not above low.
 */

bool
categories_between(const char *low, const char *high, char *out, size_t size)
{
    int     a, b;
    size_t  n = 0;

    low = low ? low : "";

    if (size < FRONT + 1 || (high && strcmp(low, high) >= 0)) {
        return false;
    }

    if (high == NULL) {
        if (*low == '\0') {
            memcpy(out, "A001", FRONT + 1);
            return true;
        }

        if (next_step(low, out)) {
            return true;
        }
    }

    while (n + 2 < size && (high == NULL || *high != '\0')) {
        a = *low ? value_of(*low) : 0;
        b = high ? value_of(*high) : DIGITS;

        if (a == b) {
            out[n++] = digits[a];
            low += (*low != '\0');
            high++;
            continue;
        }

        if (b - a > 1) {
            out[n++] = digits[(a + b) / 2];
            out[n] = '\0';
            return true;
        }

        if (high && high[1] != '\0') {
            out[n++] = digits[b];
            out[n] = '\0';
            return true;
        }

        out[n++] = digits[a];
        low += (*low != '\0');
        high = NULL;
    }

    return false;
}


/*
 * A category comes and goes between active and hidden; what is deprecated
 * comes back only as active.
 */

bool
categories_may(categories_status_t from, categories_status_t to)
{
    if (from == to) {
        return true;
    }

    return from == CATEGORIES_DEPRECATED ? to == CATEGORIES_ACTIVE : true;
}


/*
 * Whether one path is the other or goes on below it.
 */

bool
categories_is_below(const char *path, const char *above)
{
    size_t  len = strlen(above);

    return strncmp(path, above, len) == 0
           && (path[len] == '\0' || path[len] == '.');
}


/*
 * Edges between two of one tree: up to the lowest above both, and down again.
 */

int
categories_edges(const char *a, const char *b)
{
    int     edges = 0;
    size_t  same = 0, i;

    for (i = 0; ; i++) {
        bool  end_a = a[i] == '\0' || a[i] == '.';
        bool  end_b = b[i] == '\0' || b[i] == '.';

        if (end_a && end_b) {
            same = i;
        }

        if (a[i] != b[i] || a[i] == '\0') {
            break;
        }
    }

    for (i = same; a[i]; i++) {
        edges += (same ? a[i] == '.' : i == 0 || a[i] == '.');
    }

    for (i = same; b[i]; i++) {
        edges += (same ? b[i] == '.' : i == 0 || b[i] == '.');
    }

    return edges;
}
