/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Unit test of sms_choice.c: the choice of a way, held against the formula as
 * it was worked out by hand.
 */

#include "sms.h"
#include "tap.h"


static bool
near(double a, double b)
{
    return a > b - 1e-6 && a < b + 1e-6;
}


static sms_way_t
way(int n, double cost, int64_t delivered, int64_t failed)
{
    sms_way_t  w = { .routed = true, .priced = true, .cost = cost,
                     .delivered = delivered, .failed = failed,
                     .conversion = 1, .priority = 100 };

    w.route_id.b[15] = (unsigned char) n;

    return w;
}


static void
numbers(void)
{
    int64_t  late[SMS_LATE] = { 0 };

    ok(near(sms_wilson(60, 100), 0.502003), "60 of 100");
    ok(near(sms_wilson(97, 100), 0.915481), "97 of 100");
    ok(near(sms_wilson(600, 1000), 0.569309), "600 of 1000");
    ok(near(sms_wilson(970, 1000), 0.957497), "970 of 1000");
    ok(near(sms_wilson(30, 30), 0.886487), "30 of 30 are not certain");
    ok(sms_wilson(0, 40) < 1e-9, "none of 40");
    ok(sms_wilson(0, 0) < 1e-9, "none at all");

    ok(near(sms_p95(late), 0), "nothing is known of how late they come");
    late[0] = 95;
    late[3] = 5;
    ok(near(sms_p95(late), 1), "95 of 100 within a second");
    late[0] = 94;
    ok(near(sms_p95(late), 8), "94: the next one counts");
    late[9] = 100;
    ok(near(sms_p95(late), 600), "half of them later than everything");
}


static void
choices(void)
{
    sms_way_t  w[3];

    /* 3 / 0.569309 = 5.2695, 5 / 0.957497 = 5.2220 */
    w[0] = way(1, 3, 600, 400);
    w[1] = way(2, 5, 970, 30);
    ok(sms_rank(w, 2, SMS_LANE_TRANSACTIONAL, 1) == 2
       && w[0].route_id.b[15] == 2, "the dear one is cheaper");
    ok(near(w[0].score, 5 / 0.957496586), "by its score");

    /* 2.9 / 0.569309 = 5.0939 */
    w[0] = way(1, 2.9, 600, 400);
    w[1] = way(2, 5, 970, 30);
    ok(sms_rank(w, 2, SMS_LANE_TRANSACTIONAL, 1) == 2
       && w[0].route_id.b[15] == 1, "a little cheaper, and it is the other");

    /* a code: (2.9 + 8) / 0.5693 = 19.15, (5 + 2) / 0.9575 = 7.31 */
    w[0] = way(1, 2.9, 600, 400);
    w[0].p95_s = 8;
    w[1] = way(2, 5, 970, 30);
    w[1].p95_s = 2;
    ok(sms_rank(w, 2, SMS_LANE_OTP, 1) == 2 && w[0].route_id.b[15] == 2,
       "a code goes by the quick one");
    ok(near(w[0].score, 7 / 0.957496586), "each second counts");

    /* 5 / (0.9575 * 0.5) = 10.44, 8 / (0.9575 * 1) = 8.36 */
    w[0] = way(1, 5, 970, 30);
    w[0].conversion = 0.5;
    w[1] = way(2, 8, 970, 30);
    ok(sms_rank(w, 2, SMS_LANE_OTP, 1) == 2 && w[0].route_id.b[15] == 2,
       "and by the one whose codes are typed in");
    w[0] = way(1, 5, 970, 30);
    w[0].conversion = 0.5;
    w[1] = way(2, 8, 970, 30);
    ok(sms_rank(w, 2, SMS_LANE_MARKETING, 1) == 2
       && w[0].route_id.b[15] == 1, "which is all the same to others");

    w[0] = way(1, 1, 20, 9);
    w[1] = way(2, 2, 0, 0);
    ok(sms_rank(w, 2, SMS_LANE_TRANSACTIONAL, 1) == 2
       && near(w[0].quality, 0.9) && near(w[1].quality, 0.9),
       "below 30 nothing is known yet");

    w[0] = way(1, 1, 600, 400);
    w[0].floor_bp = 6000;
    w[1] = way(2, 9, 970, 30);
    ok(sms_rank(w, 2, SMS_LANE_TRANSACTIONAL, 1) == 1
       && w[0].route_id.b[15] == 2, "below its floor it is not taken");
    w[0] = way(1, 1, 0, 40);
    ok(sms_rank(w, 1, SMS_LANE_TRANSACTIONAL, 1) == 0,
       "nor where nothing arrives");
    ok(sms_rank(w, 0, SMS_LANE_OTP, 1) == 0, "of none there is none");

    w[0] = way(3, 1, 0, 0);
    w[1] = way(2, 1, 0, 0);
    w[2] = way(1, 1, 0, 0);
    w[2].priority = 200;
    ok(sms_rank(w, 3, SMS_LANE_OTP, 1) == 3 && w[0].route_id.b[15] == 2
       && w[1].route_id.b[15] == 3 && w[2].route_id.b[15] == 1,
       "equal ones by priority, then by id");
}


static void
exploring(void)
{
    size_t         i, n = 0, other = 0, codes = 0, one = 0;
    bool           same = true;
    pando_uuid_t   id = { { 0 } };

    for (i = 0; i < 100000; i++) {
        id.b[13] = (unsigned char) (i >> 16);
        id.b[14] = (unsigned char) (i >> 8);
        id.b[15] = (unsigned char) i;
        n = sms_explore(id, 3, SMS_LANE_MARKETING);
        same = same && n == sms_explore(id, 3, SMS_LANE_MARKETING) && n < 3;
        other += n > 0;
        codes += sms_explore(id, 3, SMS_LANE_OTP);
        one += sms_explore(id, 1, SMS_LANE_MARKETING);
    }

    ok(other > 1500 && other < 2500, "about one in fifty explores");
    ok(same, "always the same way");
    ok(codes == 0, "codes never do");
    ok(one == 0, "nor does what has one way");
}


int
main(void)
{
    numbers();
    choices();
    exploring();

    return done();
}
