/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Unit test of notifications_rules.c: where a text is cut.
 */

#include "notifications.h"
#include "tap.h"


static const struct {
    const char  *text;
    size_t       most;
    const char  *kept;
    const char  *what;
} cuts[] = {
    { "", 3, "", "nothing" },
    { "abc", 3, "abc", "what has room" },
    { "abcd", 3, "ab", "what has not, with room for the ellipsis" },
    { "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f", 3, "\xc3\xa4\xc3\xb6",
      "characters, not bytes" },
    { "ae\xcc\x81xy", 3, "a", "a letter stays with its accent" },
    { "a\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9xyz", 4, "a",
      "a family stays together" },
    { "\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa\xf0\x9f\x87\xab\xf0\x9f\x87\xb7x", 4,
      "\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa", "flags are two halves" },
    { "a\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd" "bc", 3, "a",
      "a hand keeps its colour" },
    { "\xcc\x81\xcc\x81\xcc\x81\xcc\x81", 2, "", "nothing but accents" },
};


int
main(void)
{
    size_t  i, len;

    for (i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        len = strlen(cuts[i].text);
        ok(notifications_cut(cuts[i].text, len, cuts[i].most)
           == strlen(cuts[i].kept), "%s", cuts[i].what);
    }

    ok(notifications_seconds("30", 0) == 30, "seconds");
    ok(notifications_seconds("Thu, 01 Jan 1970 00:01:00 GMT", 0) == 61,
       "a date");
    ok(notifications_seconds("Thu, 01 Jan 1970 00:01:00 GMT",
                             3600 * PANDO_TIME_SECOND) == 0, "a past one");
    ok(notifications_seconds("999999999", 0) == 86400, "a day at most");
    ok(notifications_seconds("soon", 0) == 0
       && notifications_seconds("", 0) == 0, "nonsense");
    ok(notifications_clock("00:00") && notifications_clock("23:59")
       && notifications_clock("07:30"), "times of day");
    ok(!notifications_clock("24:00") && !notifications_clock("7:30")
       && !notifications_clock("07:60") && !notifications_clock("07:3x")
       && !notifications_clock("") && !notifications_clock("ab:cd"),
       "and what is none");
    ok(notifications_joins(0x200d) && !notifications_joins('a'),
       "a joiner joins, a letter does not");

    return done();
}
