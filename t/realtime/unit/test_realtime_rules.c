/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Names of channels, who may hear and say what, positions and messages.
 */

#include "realtime.h"
#include "tap.h"


#define ME    "01939bd0-0000-7000-8000-000000000001"
#define ALL   "01900000-0000-7000-8000-00000000000a"
#define SIDE  "0123456789abcdef"


static bool
may_hear(const char *name, bool reads)
{
    realtime_space_t  space;

    realtime_space_of(name, NULL, 0, &space);

    return realtime_may_hear(name, ME, ALL, &space, reads);
}


static bool
spot_is(const char *text, int64_t offset)
{
    realtime_spot_t  spot = { .offset = -1 };

    return realtime_spot_parse(text, strlen(text), &spot)
           ? spot.offset == offset : offset == -1 && spot.offset == -1;
}


static void
test_rights(void)
{
    realtime_space_t  plain = { .mode = REALTIME_STREAM };
    realtime_space_t  open = { .subscribes = REALTIME_BY_MEMBER,
                               .publishes = REALTIME_BY_MEMBER };
    realtime_space_t  shut = { .subscribes = REALTIME_BY_TOKEN,
                               .publishes = REALTIME_BY_NOBODY };

    ok(may_hear("user:" ME ":x", false), "one's own");
    ok(!may_hear("user:" ME, true), "but not without a name");
    ok(!may_hear("user:" ME ":", true), "nor an empty one");
    ok(!may_hear("user:" ME "0:x", true), "nor of a longer id");
    ok(!may_hear("user::x", true), "nor of nobody");
    ok(may_hear("tenant:" ALL ":x", false), "the tenant's");
    ok(!may_hear("tenant:" ME ":x", true), "not another's");
    ok(may_hear("room:1", true) && !may_hear("room:1", false), "others");
    ok(!realtime_may_hear("user::x", "", "", &plain, true), "who is nobody");
    ok(realtime_may_say("tenant:" ALL ":x", ALL, &plain, true),
       "said to the tenant");
    ok(!realtime_may_say("tenant:" ME ":x", ALL, &plain, true),
       "not to another");
    ok(realtime_may_say("user:" ME ":x", ALL, &plain, true),
       "said to a user");
    ok(!realtime_may_say("user:" ME ":x", ALL, &open, false),
       "not by who may not write");
    ok(!realtime_may_say("room:1", ALL, &plain, false)
       && realtime_may_say("room:1", ALL, &open, false), "by any member");
    ok(realtime_may_hear("room:1", ME, ALL, &open, false), "heard by him");
    ok(!realtime_may_hear("room:1", ME, ALL, &shut, true)
       && !realtime_may_say("room:1", ALL, &shut, true), "by nobody");
}


static void
test_spaces(void)
{
    realtime_space_t  out, all[] = { { .prefix = "a", .rate = 1 },
                                     { .prefix = "ab", .rate = 2 } };

    realtime_space_of("ab:c", all, 2, &out);
    ok(out.rate == 2, "a namespace");
    realtime_space_of("a", all, 2, &out);
    ok(out.rate == 1, "a channel of its name");
    realtime_space_of("abc:a", all, 2, &out);
    ok(out.rate == 0 && out.max_size == 65536, "none");
    realtime_space_of("doc:1", all, 2, &out);
    ok(out.presence && out.publishes == REALTIME_BY_NOBODY, "documents");
}


int
main(void)
{
    size_t            len;
    const char       *data;
    realtime_spot_t   spot;

    ok(realtime_name_ok("a:B_9.-", 7), "a name");
    ok(!realtime_name_ok("", 0) && !realtime_name_ok("a b", 3)
       && !realtime_name_ok("a\0b", 3) && !realtime_name_ok("a{b", 3), "none");

    test_rights();
    test_spaces();

    ok(spot_is(SIDE ":0", 0), "a position");
    ok(spot_is(SIDE ":999999999999999", 999999999999999), "a late one");
    ok(spot_is(SIDE ":1000000000000000", -1), "one that is too late");
    ok(spot_is(SIDE ":", -1) && spot_is(SIDE, -1) && spot_is(SIDE ":-1", -1)
       && spot_is(SIDE ": 1", -1) && spot_is("x" SIDE ":1", -1)
       && spot_is("0123456789ABCDEF:1", -1) && spot_is("", -1), "none");

    ok(realtime_told_parse(SIDE " 7 {}", 21, &spot, &data, &len)
       && spot.offset == 7 && len == 2 && memcmp(data, "{}", 2) == 0,
       "a message");
    ok(!realtime_told_parse(SIDE " 7", 18, &spot, &data, &len)
       && !realtime_told_parse(SIDE " x {}", 21, &spot, &data, &len)
       && !realtime_told_parse("", 0, &spot, &data, &len), "none");

    ok(realtime_type_fits("order.*", 7, "order.created")
       && realtime_type_fits("*", 1, "order.created")
       && realtime_type_fits("order.created", 13, "order.created"), "fits");
    ok(!realtime_type_fits("order.*", 7, "orders.created")
       && !realtime_type_fits("order", 5, "order.created"), "fits not");

    return done();
}
