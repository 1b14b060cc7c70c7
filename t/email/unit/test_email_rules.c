/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Unit test of email_rules.c: headers, classes of bounces, HTML as text.
 */

#include "email.h"
#include "tap.h"


static void
headers(void)
{
    size_t  i;

    static const char *const  good[] = {
        "X-A", "x-order-id", "List-Id", "LIST-HELP", "References",
        "in-reply-to", "Auto-Submitted"
    };
    static const char *const  bad[] = {
        "", "X-", "X", "List-", "From", "To", "Bcc", "Subject", "Received",
        "DKIM-Signature", "List-Unsubscribe", "list-unsubscribe-post",
        "X-A:", "X A", "X-\xc3\xa4", "X-A\r\nBcc", "References2",
        "X-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaa"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ok(email_header_ok(good[i]), "%s may be set", good[i]);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(!email_header_ok(bad[i]), "bad header %zu", i);
    }
}


static void
bounces(void)
{
    char    enhanced[12];
    size_t  i;

    static const struct { int code; const char *text, *enhanced, *class; }
    all[] = {
        { 550, "5.1.1 user unknown", "5.1.1", "hard" },
        { 550, "5.1.10 null mx", "5.1.10", "hard" },
        { 550, "5.2.1 disabled", "5.2.1", "hard" },
        { 552, "5.2.2 mailbox full", "5.2.2", "soft" },
        { 550, "5.7.1 spam, user unknown", "5.7.1", "block" },
        { 550, "5.7.26 unauthenticated", "5.7.26", "block" },
        { 450, "4.2.1 user unknown", "4.2.1", "soft" },
        { 451, "4.7.1 greylisted", "4.7.1", "soft" },
        { 550, "#5.1.1 bad address", "5.1.1", "hard" },
        { 554, "5.3.2 system down", "5.3.2", "soft" },
        { 550, "No such user here", "", "hard" },
        { 550, "User unknown in table", "", "hard" },
        { 554, "Message blocked: no such user", "", "block" },
        { 550, "rejected due to policy", "", "block" },
        { 450, "No such user here", "", "soft" },
        { 554, "try later", "", "soft" },
        { 554, "at 10.5.1.1 it failed", "", "soft" },
        { 554, "5.1 and 5.1.", "", "soft" },
        { 554, "5..1.1", "", "soft" },
        { 554, "", "", "soft" }
    };

    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        enhanced[0] = '\0';
        ok(email_enhanced(all[i].text, enhanced)
           == (all[i].enhanced[0] != '\0'), "%s: has a code", all[i].text);
        is_text(enhanced, all[i].enhanced, "and this one");
        is_text(email_bounce_class(all[i].code, enhanced, all[i].text),
                all[i].class, all[i].class);
    }
}


static void
texts(void)
{
    char    out[300];
    size_t  i;

    static const char *const  all[][2] = {
        { "hello", "hello\n" },
        { "<p>a</p><p>b</p>", "a\n\nb\n" },
        { "a<br>b<br/>c<BR />d", "a\nb\nc\nd\n" },
        { "  a \n\t b  ", "a b\n" },
        { "a &lt;b&gt; &amp;amp; &nbsp;&euro;", "a <b> &amp;  \xe2\x82\xac\n" },
        { "&unknown; & so on", "&unknown; & so on\n" },
        { "<style>p { }</style>a<script>b < c</script>d", "ad\n" },
        { "a<!-- b <p> -->c", "ac\n" },
        { "<ul><li>a</li><li>b</li></ul>", "a\nb\n" },
        { "<b>a</b><i>b</i>", "ab\n" },
        { "", "" }, { "<p></p>", "" }, { "<p", "" }, { "<!-- a", "" },
        { "a<", "a\n" }, { "<title>no</title>yes", "yes\n" },
        { "<pre>x</pre>", "x\n" }
    };

    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        is_text(email_text_of(all[i][0], out), all[i][1], all[i][0]);
    }
}


/* 10 and 15 of a hundred, 4,000 recipients, as chance has it. */

static void
known(void)
{
    int             i, j, right = 0, early = 0;
    uint64_t        x = 88172645463325252u;
    pando_uuid_t    id = { { 0 } };

    for (i = 0; i < 50; i++) {
        pando_odds_t  arms[2] = { { .tries = 2000 }, { .tries = 2000 } };

        for (j = 0; j < 4000; j++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            arms[j & 1].hits += x % 100 < (j & 1 ? 15 : 10);
        }

        memcpy(id.b, &i, sizeof(i));
        pando_odds(&id, arms, 2);
        early += email_winner(arms, 2, false) >= 0;
        right += email_winner(arms, 2, true) == 1;
    }

    ok(right == 50, "of 50 such tests %d pick the second", right);
    ok(early >= 48, "%d of them before the deadline", early);
}


static void
winner(void)
{
    pando_odds_t  arms[3] = {
        { .tries = 500, .hits = 5, .best = 0.2 },
        { .tries = 500, .hits = 9, .best = 0.8 },
        { .tries = 0, .hits = 0, .out = true }
    };

    ok(email_winner(arms, 3, false) == -1, "not sure");
    ok(email_winner(arms, 3, true) == 1, "at the deadline the higher");
    arms[0].hits = 9;
    ok(email_winner(arms, 3, true) == 0, "of equal ones the first");
    arms[0].tries = 250;
    arms[0].hits = 4;
    ok(email_winner(arms, 3, true) == 1, "of rates, not of counts");
    arms[1].best = 0.95;
    ok(email_winner(arms, 3, false) == 1, "sure");
    arms[0].tries = 99;
    ok(email_winner(arms, 3, false) == -1, "not of so few");
    arms[0] = (pando_odds_t) { 0 };
    arms[1] = arms[0];
    ok(email_winner(arms, 3, true) == -1, "nobody was written to");
    arms[1].tries = 1;
    ok(email_winner(arms, 3, true) == 0, "nobody clicked: the first");
}


int
main(void)
{
    headers();
    bounces();
    texts();
    known();
    winner();

    printf("1..%u\n", tap_count);

    return tap_failed != 0;
}
