/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The pure rules of categories: positions between any two, states, paths.
 */

#include "categories.h"
#include "tap.h"

#define INSERTIONS  100000
#define SIZE        (CATEGORIES_POSITION_MAX + 1)


typedef struct {
    char  key[SIZE];
    int   next;
} node_t;

static node_t  list[INSERTIONS + 1];


static bool
is_between(const char *low, const char *high, const char *want)
{
    char  out[SIZE] = "";
    bool  done = categories_between(low, high, out, sizeof(out));

    return want ? done && strcmp(out, want) == 0 : !done;
}


static bool
is_key(const char *low, const char *key, const char *high)
{
    size_t  len = strlen(key);

    return len > 0 && len < SIZE && key[len - 1] != '0'
           && strspn(key, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                          "abcdefghijklmnopqrstuvwxyz") == len
           && (low == NULL || strcmp(low, key) < 0)
           && (high == NULL || strcmp(key, high) < 0);
}


static void
examples(void)
{
    ok(is_between(NULL, NULL, "A001"), "the first of a list");
    ok(is_between("", NULL, "A001"), "no key is no bound");
    ok(is_between("A001", NULL, "A002"), "one step further");
    ok(is_between("A00z", NULL, "A011"), "a step carries, past the zero");
    ok(is_between("A001V", NULL, "A002"), "from between two steps");
    ok(is_between("zzzz", NULL, "zzzzV"), "behind the last step");
    ok(is_between("A001", "A003", "A002"), "the digit between");
    ok(is_between("A001", "A002", "A001V"), "between neighbours");
    ok(is_between("A001", "A0021", "A002"), "the shorter one");
    ok(is_between(NULL, "A001", "5"), "before the first");
    ok(is_between(NULL, "1", "0V"), "before one");
    ok(is_between(NULL, "01", "00V"), "before a long one");
    ok(is_between("B", "A", NULL), "none between what is out of order");
    ok(is_between("A", "A", NULL), "nor between equals");
    ok(is_between("A", "A0", NULL), "nor before a zero that ends a key");
    ok(is_between("A", "A000", NULL), "nor before several");
    ok(!categories_between(NULL, NULL, (char[4]) { 0 }, 4), "nor in no room");
}


/* However one inserts, order stays and no key ends in a zero. */

static void
at_random(void)
{
    int     i, at, first = 0;
    bool    good = true;
    size_t  longest = 0;

    good &= categories_between(NULL, NULL, list[0].key, SIZE);
    list[0].next = -1;

    for (i = 1; i <= INSERTIONS && good; i++) {
        at = (int) (chance() % (uint64_t) (i + 1)) - 1;

        const char  *low = at < 0 ? NULL : list[at].key;
        int          next = at < 0 ? first : list[at].next;
        const char  *high = next < 0 ? NULL : list[next].key;

        good = categories_between(low, high, list[i].key, SIZE)
               && is_key(low, list[i].key, high);
        list[i].next = next;

        if (at < 0) {
            first = i;
        } else {
            list[at].next = i;
        }

        if (strlen(list[i].key) > longest) {
            longest = strlen(list[i].key);
        }
    }

    ok(good && i == INSERTIONS + 1, "%d insertions at random", INSERTIONS);
    ok(longest <= 20, "keys stay short: %zu", longest);

    for (at = first, i = 0; list[at].next >= 0; at = list[at].next, i++) {
        good &= strcmp(list[at].key, list[list[at].next].key) < 0;
    }

    ok(good && i == INSERTIONS, "the list is in order from end to end");
}


static void
at_the_end(void)
{
    int   i;
    bool  good = true;
    char  key[SIZE] = "", next[SIZE];

    for (i = 0; i < INSERTIONS && good; i++) {
        good = categories_between(key, NULL, next, SIZE)
               && is_key(key, next, NULL) && strlen(next) <= 4;
        strcpy(key, next);
    }

    ok(good, "%d at the end, four digits each", INSERTIONS);
}


/* In one gap for ever: where it ends, it says so and writes nothing bad. */

static void
in_one_gap(bool upwards)
{
    int   n = 0;
    char  low[SIZE] = "A001", high[SIZE] = "A002", key[SIZE];

    while (categories_between(low, high, key, SIZE)) {
        if (!is_key(low, key, high)) {
            n = -1;
            break;
        }

        strcpy(upwards ? low : high, key);
        n++;
    }

    ok(n >= 150, "%d in one gap, %s", n, upwards ? "upwards" : "downwards");
}


static void
before_all(void)
{
    int   n = 0;
    char  high[SIZE] = "A001", key[SIZE];

    while (categories_between(NULL, high, key, SIZE)
           && is_key(NULL, key, high))
    {
        strcpy(high, key);
        n++;
    }

    ok(n >= 150, "%d before all others", n);
    ok(!categories_between(NULL, high, key, SIZE), "until there is no room");
}


static void
states(void)
{
    static const bool  may[3][3] = {
        { true, true, true }, { true, true, true }, { true, false, true }
    };

    for (int from = 0; from < 3; from++) {
        for (int to = 0; to < 3; to++) {
            ok(categories_may((categories_status_t) from,
                              (categories_status_t) to) == may[from][to],
               "%s to %s", categories_statuses[from],
               categories_statuses[to]);
        }
    }
}


static void
paths(void)
{
    ok(categories_is_below("a.b.c", "a.b"), "a path goes on below");
    ok(categories_is_below("a.b", "a.b"), "a path is below itself");
    ok(!categories_is_below("a.bc", "a.b"), "labels are whole");
    ok(!categories_is_below("a", "a.b"), "what is above is not below");
    ok(!categories_is_below("b.a.b", "a.b"), "nor what stands elsewhere");
}


int
main(void)
{
    examples();
    at_random();
    at_the_end();
    in_one_gap(true);
    in_one_gap(false);
    before_all();
    states();
    paths();

    ok(categories_edges("a", "a") == 0, "no edge to itself");
    ok(categories_edges("a.b", "a") == 1, "one to its parent");
    ok(categories_edges("a.b", "a.c") == 2, "two to a sibling");
    ok(categories_edges("a.b.c", "a.d") == 3, "up two and down one");
    ok(categories_edges("ab", "ac") == 2, "labels are whole");
    ok(categories_edges("a.b", "c") == 3, "by way of the taxonomy");
    ok(categories_edges("a.bc.d", "a.b") == 3, "no part of a label");

    return done();
}
