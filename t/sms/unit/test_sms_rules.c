/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Unit test of sms_rules.c: forms as providers send them, and names.
 */

#include "sms.h"
#include "tap.h"


int
main(void)
{
    char        body[200], text[40];
    size_t      n;
    sms_pair_t  p[5];

    (void) strcpy(body, "To=%2B49+15&b=&a=1%262&%zz=%4&novalue&c=3");
    n = sms_unform(body, p, 5);
    ok(n == 5, "no more than there is room for");
    is_text(sms_pair(p, n, "To"), "+49 15", "an escaped value");
    is_text(sms_pair(p, n, "a"), "1&2", "an escaped separator");
    is_text(sms_pair(p, n, "b"), "", "an empty one");
    is_text(sms_pair(p, n, "%zz"), "%4", "what is no escape stays");
    ok(sms_pair(p, n, "c") == NULL && sms_pair(p, n, "none") == NULL,
       "what is not there");
    sms_pairs_sort(p, n);
    ok(strcmp(p[0].name, "%zz") == 0 && strcmp(p[1].name, "To") == 0
       && strcmp(p[4].name, "novalue") == 0, "sorted as bytes");
    body[0] = '\0';
    ok(sms_unform(body, p, 5) == 0, "an empty form");

    n = sms_base64("\xff\xfe\xfd\xfc", 4, text);
    is_text(text, "//79/A==", "base64");
    ok(n == 8, "with its length");

    is_text(sms_normal("absent"), "absent", "a reason of ours");
    is_text(sms_normal("no idea"), "unknown", "another one");
    is_text(sms_normal(NULL), "unknown", "none");
    ok(sms_same("abc", "abc") && !sms_same("abc", "abd")
       && !sms_same("abc", "ab") && !sms_same("", ""), "compared");

    return done();
}
