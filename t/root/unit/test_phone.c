/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Telephone numbers: how they are read, what they are, what is shown of them.
 */

#include "pando_phone.h"
#include "tap.h"


static const struct {
    const char        *text, *country, *e164, *in;
    pando_phone_is_t   is;
} numbers[] = {
    { "+49 151 23456789", NULL, "+4915123456789", "DE", PANDO_PHONE_MOBILE },
    { "0151/234 567 89", "DE", "+4915123456789", "DE", PANDO_PHONE_MOBILE },
    { "0049 151 23456789", "FR", "+4915123456789", "DE",
      PANDO_PHONE_MOBILE },
    { "8 (912) 345-67-89", "RU", "+79123456789", "RU", PANDO_PHONE_MOBILE },
    { "030 123456", "DE", "+4930123456", "DE", PANDO_PHONE_FIXED },
    { "(201) 555-0123", "US", "+12015550123", "US",
      PANDO_PHONE_FIXED_OR_MOBILE },
    { "+1 900 234 5678", NULL, "+19002345678", "US", PANDO_PHONE_PREMIUM },
    { "+1 800 234 5678", NULL, "+18002345678", "US", PANDO_PHONE_TOLL_FREE },
    { "1300 655 506", "AU", "+611300655506", "AU",
      PANDO_PHONE_SHARED_COST },
    { "+800 1234 5678", NULL, "+80012345678", "", PANDO_PHONE_TOLL_FREE },
};

static const struct { const char  *text, *country; } wrong[] = {
    { "", NULL }, { "abc", "DE" }, { "0151 23456789", NULL },
    { "+49", NULL }, { "+49 1", NULL }, { "0151 23456789", "XX" },
    { "+999 123456789", NULL }, { "+49 151 23456789 ext. 5", NULL },
    { "+49151234567890123456", NULL }, { "\xff\xfe+49", "DE" },
};


int
main(void)
{
    char           masked[PANDO_PHONE_MASKED], many[101];
    size_t         i;
    pando_phone_t  p;

    for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        memset(&p, 0xff, sizeof(p));

        if (!ok(pando_phone(numbers[i].text, strlen(numbers[i].text),
                            numbers[i].country, &p),
                "%s is a number", numbers[i].text))
        {
            continue;
        }

        is_text(p.e164, numbers[i].e164, "in one form");
        is_text(p.country, numbers[i].in, "of its country");
        is_text(pando_phone_is_text(p.is),
                pando_phone_is_text(numbers[i].is), "of its kind");
    }

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ok(!pando_phone(wrong[i].text, strlen(wrong[i].text),
                        wrong[i].country, &p),
           "no number: %s from %s", wrong[i].text,
           wrong[i].country ? wrong[i].country : "anywhere");
    }

    memset(many, '1', sizeof(many));
    ok(!pando_phone(many, sizeof(many), "DE", &p), "101 bytes");
    ok(pando_phone("+4915123456789999", 14, NULL, &p), "its length counts");
    pando_phone_mask(&p, masked);
    is_text(masked, "+49*********89", "the middle is not shown");
    ok(pando_phone("+1 201 555 0123", 15, NULL, &p), "a short code");
    pando_phone_mask(&p, masked);
    is_text(masked, "+1********23", "likewise");

    return done();
}
