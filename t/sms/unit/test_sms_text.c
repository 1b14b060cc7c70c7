/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Unit test of sms_text.c: encodings, parts and their octets, at each edge.
 */

#include "sms.h"
#include "tap.h"


static char  room[8000];


/* n times a, then the rest. */

static const char *
times(size_t n, const char *a, const char *rest)
{
    char  *o = room;

    while (n--) {
        o = stpcpy(o, a);
    }

    (void) stpcpy(o, rest);

    return room;
}


static void
counts(const char *text, sms_encoding_t encoding, const char *parts,
    const char *what)
{
    char         got[300], *o = got;
    size_t       i;
    sms_count_t  c;

    sms_count(text, strlen(text), &c);
    o += sprintf(o, "%s %zu:", sms_encoding_text(c.encoding), c.segments);

    for (i = 0; i < c.segments && i < SMS_PARTS; i++) {
        o += sprintf(o, " %zu/%zu", c.parts[i].units, c.parts[i].octets);
    }

    is_text(got, parts, what);
    ok(c.encoding == encoding, "%s: its encoding", what);
}


#define EURO   "\xe2\x82\xac"
#define EMOJI  "\xf0\x9f\x98\x80"
#define CYR    "\xd0\x96"

static void
parts(void)
{
    counts("a", SMS_GSM7, "gsm7 1: 1/1", "one letter");
    counts(times(160, "a", ""), SMS_GSM7, "gsm7 1: 160/140", "160 letters");
    counts(times(161, "a", ""), SMS_GSM7, "gsm7 2: 153/140 8/14",
           "161 letters");
    counts(times(306, "a", ""), SMS_GSM7, "gsm7 2: 153/140 153/140",
           "two full parts");
    counts(times(307, "a", ""), SMS_GSM7, "gsm7 3: 153/140 153/140 1/7",
           "and one more");
    counts(times(158, "a", EURO), SMS_GSM7, "gsm7 1: 160/140",
           "a euro takes two septets");
    counts(times(159, "a", EURO), SMS_GSM7, "gsm7 2: 153/140 8/14",
           "of which the second does not fit");
    counts(times(152, "a", EURO "0123456789"), SMS_GSM7,
           "gsm7 2: 152/140 12/17", "an escape pair at a seam goes over");
    counts(times(151, "a", EURO "0123456789"), SMS_GSM7,
           "gsm7 2: 153/140 10/15", "one before it does not");
    counts(times(153, EURO, ""), SMS_GSM7, "gsm7 3: 152/140 152/140 2/8",
           "pairs alone: more parts than 306 divided by 153");
    counts(times(70, CYR, ""), SMS_UCS2, "ucs2 1: 70/140", "70 units");
    counts(times(71, CYR, ""), SMS_UCS2, "ucs2 2: 67/140 4/14", "71 units");
    counts(times(66, CYR, EMOJI "12345"), SMS_UCS2,
           "ucs2 2: 66/138 7/20", "a surrogate pair at 67 goes over");
    counts(times(65, CYR, EMOJI "12345"), SMS_UCS2,
           "ucs2 2: 67/140 5/16", "one before it does not");
    counts(times(68, CYR, EMOJI), SMS_UCS2, "ucs2 1: 70/140",
           "an emoji is two units");
    counts(times(69, CYR, EMOJI), SMS_UCS2, "ucs2 2: 67/140 4/14",
           "of which the second does not fit");
    counts(times(35, EMOJI, ""), SMS_UCS2, "ucs2 1: 70/140", "35 emoji");
    counts(times(36, EMOJI, ""), SMS_UCS2, "ucs2 2: 66/138 6/18",
           "36 emoji");
    counts("\f^{}\\[~]|" EURO, SMS_GSM7, "gsm7 1: 20/18",
           "the extension table");
    counts("@\xc2\xa3$\xc2\xa5\xc3\xa8\xc3\xa9\xc3\xb9\xc3\xac\xc3\xb2"
           "\xc3\x87\n\xc3\x98\xc3\xb8\r\xc3\x85\xc3\xa5\xce\x94_\xce\xa6"
           "\xce\x93\xce\x9b\xce\xa9\xce\xa0\xce\xa8\xce\xa3\xce\x98\xce\x9e"
           "\xc3\x86\xc3\xa6\xc3\x9f\xc3\x89 !\"#\xc2\xa4%&'()*+,-./0123456789"
           ":;<=>?\xc2\xa1" "ABCDEFGHIJKLMNOPQRSTUVWXYZ\xc3\x84\xc3\x96\xc3\x91"
           "\xc3\x9c\xc2\xa7\xc2\xbf" "abcdefghijklmnopqrstuvwxyz\xc3\xa4"
           "\xc3\xb6\xc3\xb1\xc3\xbc\xc3\xa0", SMS_GSM7,
           "gsm7 1: 127/112", "all of the default alphabet");
    counts("`", SMS_UCS2, "ucs2 1: 1/2", "a backtick is not in it");
    counts("\xc3\xa7", SMS_UCS2, "ucs2 1: 1/2", "nor a small c cedilla");
}


static void
texts(void)
{
    char         out[100];
    size_t       n;
    sms_count_t  c;
    const char  *written = "\xe2\x80\x9cHi\xe2\x80\x9d \xe2\x80\x94 it\xe2"
                           "\x80\x99s\xe2\x80\xa6\xc2\xa0\xc3\xbc" EURO;

    sms_count("", 0, &c);
    ok(c.segments == 0, "nothing is no message");
    sms_count("a\xff" "b", 3, &c);
    ok(c.segments == 0, "no UTF-8 is no message");
    sms_count("\xe2\x82", 2, &c);
    ok(c.segments == 0, "nor is half a character");
    sms_count("\xc0\x80", 2, &c);
    ok(c.segments == 0, "nor an overlong one");
    sms_count(CYR "`" CYR EMOJI, 9, &c);
    ok(c.nforcing == 3 && c.forcing[0] == 0x416 && c.forcing[1] == '`'
       && c.forcing[2] == 0x1f600, "what forces UCS-2 is told, each once");
    ok(c.left == 65, "what is left of it is told");

    n = sms_smart(written, strlen(written), out);
    is_text(out, "\"Hi\" - it's... \xc3\xbc" EURO, "typography is made plain");
    ok(n == strlen(out), "and its length told");
    n = sms_smart(times(20, "\xe2\x80\xa6", ""), 60, out);
    ok(n == 60, "dots");
    n = sms_smart("a\xff" "b", 3, out);
    ok(n == 3, "what is no UTF-8 stays");
}


int
main(void)
{
    parts();
    texts();

    return done();
}
