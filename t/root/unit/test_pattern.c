/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Patterns: matched whole, told when wrong, and never for long or deep.
 */

#include <pthread.h>
#include <time.h>

#include "pando_base.h"
#include "tap.h"

#define LONG   10000
#define STACK  (256 * 1024)


static char  as[LONG + 1];


static pando_match_t
match(const char *pattern, const char *s)
{
    return pando_pattern_match(pattern, strlen(pattern), s, strlen(s));
}


static bool
is_fine(const char *pattern)
{
    char  why[200] = "";
    bool  fine = pando_pattern_ok(pattern, strlen(pattern), why, sizeof(why));

    return fine == (why[0] == '\0') && fine;
}


static void
whole(void)
{
    ok(match("[a-z]+", "abc") == PANDO_MATCHES, "a text that matches");
    ok(match("[a-z]+", "abc1") == PANDO_MATCHES_NOT, "but not in part");
    ok(match("b", "abc") == PANDO_MATCHES_NOT, "nor from the middle");
    ok(match("a|ab", "ab") == PANDO_MATCHES, "all ways are tried");
    ok(match("", "") == PANDO_MATCHES, "nothing matches nothing");
    ok(match("a$", "a\n") == PANDO_MATCHES_NOT, "a newline is no end");
    ok(match("\\p{L}+", "Straße") == PANDO_MATCHES, "letters of any script");
    ok(match("...", "äöü") == PANDO_MATCHES, "characters, not bytes");
    ok(match("\\d{2}-\\d{2}", "12-34") == PANDO_MATCHES, "digits");
    ok(match("a", "\xff") != PANDO_MATCHES, "what is not UTF-8 is no match");
}


static void
wrong(void)
{
    char  big[PANDO_PATTERN_MAX + 2], why[8] = "";

    memset(big, 'a', sizeof(big));

    ok(is_fine("(?<year>\\d{4})"), "a pattern");
    ok(!is_fine("("), "one that is not closed");
    ok(!is_fine("a{2,1}"), "a range upside down");
    ok(!is_fine("\\C"), "no bytes out of characters");
    ok(!is_fine("[[:nope:]]"), "no such class");
    ok(!is_fine("((((((((((((((((((((((a))))))))))))))))))))))"),
       "one that is nested too deep");
    ok(pando_pattern_ok(big, PANDO_PATTERN_MAX, why, sizeof(why)),
       "as long as may be");
    ok(!pando_pattern_ok(big, PANDO_PATTERN_MAX + 1, why, sizeof(why)),
       "longer");
    ok(strlen(why) < sizeof(why), "told as far as there is room");
    ok(match("(", "a") == PANDO_MATCH_GAVE_UP, "what is wrong matches nothing");
}


/* Patterns that take for ever, or recurse for ever, on a flow's stack. */

static const char *const  evil[] = {
    "(a+)+b", "(a|aa)+b", "(?:(?=(a+))\\1)*b", "((a|b)*c)*d",
    "((((((((((((((((((((a|b)*)*)*)*)*)*)*)*)*)*)*)*)*)*)*)*)*)*)*)*c",
    "(?R)?ab", "(a(?1)?b)", "(?<n>a(?&n)*)b", "(.*)*\\1x"
};


static void *
suffer(void *data)
{
    bool             *fast = data;
    size_t            i;
    struct timespec   from, to;

    for (i = 0; i < sizeof(evil) / sizeof(evil[0]); i++) {
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
        *fast &= match(evil[i], as) != PANDO_MATCHES;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
        *fast &= (to.tv_sec - from.tv_sec) * 1000
                 + (to.tv_nsec - from.tv_nsec) / 1000000 < 200;
    }

    return NULL;
}


int
main(void)
{
    bool            fast = true;
    pthread_t       thread;
    pthread_attr_t  attr;

    memset(as, 'a', LONG);
    as[LONG - 1] = '!';

    whole();
    wrong();

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK);
    ok(pthread_create(&thread, &attr, suffer, &fast) == 0
       && pthread_join(thread, NULL) == 0 && fast,
       "those that would take for ever are given up, on a small stack");

    return done();
}
