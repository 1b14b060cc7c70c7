/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What a unit test in C needs to speak TAP: ok() for each assertion, done()
 * as the value of main().  A file's tests are counted, not announced: one
 * that dies half-way prints no plan and fails.
 */

#ifndef PANDO_TAP_H
#define PANDO_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static unsigned  tap_count, tap_failed;


static bool  ok(bool good, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), unused));


static bool
ok(bool good, const char *fmt, ...)
{
    va_list  args;

    printf("%sok %u - ", good ? "" : "not ", ++tap_count);

    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);

    printf("\n");
    fflush(stdout);
    tap_failed += !good;

    return good;
}


__attribute__((unused)) static bool
is_text(const char *got, const char *want, const char *what)
{
    bool  same = strcmp(got ? got : "(null)", want ? want : "(null)") == 0;

    ok(same, "%s", what);

    if (!same) {
        printf("# got:  %s\n# want: %s\n", got ? got : "(null)",
               want ? want : "(null)");
    }

    return same;
}


/* The same values in every run, so that what failed once fails again. */

__attribute__((unused)) static uint64_t
chance(void)
{
    static uint64_t  state = UINT64_C(0x9e3779b97f4a7c15);

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;

    return state * UINT64_C(0x2545f4914f6cdd1d);
}


__attribute__((unused)) static int
done(void)
{
    printf("1..%u\n", tap_count);

    return tap_failed ? 1 : 0;
}

#endif
