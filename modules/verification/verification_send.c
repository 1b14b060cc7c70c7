/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Verification: where a code goes, and how it is put.
 *
 * It ends in a line that browsers read (WebOTP) where a host is set.  Only
 * numbers that messages reach are taken, so that nobody earns by codes that
 * are sent to numbers of another kind.
 */

#include "verification.h"
#include "email_api.h"
#include "sms_api.h"


static const struct { const char  *locale, *text, *subject; } texts[] = {
    { "en", "%s is your code for %s. Do not give it to anyone.",
      "Your code for %s" },
    { "de", "%s ist Ihr Code f\xc3\xbcr %s. Geben Sie ihn niemandem weiter.",
      "Ihr Code f\xc3\xbcr %s" },
    { "es", "%s es su c\xc3\xb3" "digo de %s. No lo comparta.",
      "Su c\xc3\xb3" "digo de %s" },
    { "fr", "%s est votre code pour %s. Ne le donnez \xc3\xa0 personne.",
      "Votre code pour %s" },
    { "ru", "%s \xe2\x80\x94 \xd0\xb2\xd0\xb0\xd1\x88 \xd0\xba\xd0\xbe\xd0"
      "\xb4 %s. \xd0\x9d\xd0\xb5 \xd1\x81\xd0\xbe\xd0\xbe\xd0\xb1\xd1\x89\xd0"
      "\xb0\xd0\xb9\xd1\x82\xd0\xb5 \xd0\xb5\xd0\xb3\xd0\xbe \xd0\xbd\xd0\xb8"
      "\xd0\xba\xd0\xbe\xd0\xbc\xd1\x83.",
      "\xd0\x92\xd0\xb0\xd1\x88 \xd0\xba\xd0\xbe\xd0\xb4 %s" },
};


static size_t
language(const char *locale)
{
    size_t  i;

    for (i = sizeof(texts) / sizeof(texts[0]) - 1; i > 0; i--) {
        if (strncmp(texts[i].locale, locale, 2) == 0
            && (locale[2] == '\0' || locale[2] == '-'))
        {
            return i;
        }
    }

    return 0;
}


/* A text with one %s, or with two, in place of which these stand. */

static const char *
put(pando_req_t *rq, const char *text, const char *first, const char *second)
{
    const char  *at = strstr(text, "%s"), *next;

    next = second ? strstr(at + 2, "%s") : NULL;

    return next ? pando_text(rq, "%.*s%s%.*s%s%s", (int) (at - text), text,
                             first, (int) (next - at - 2), at + 2, second,
                             next + 2)
                : pando_text(rq, "%.*s%s%s", (int) (at - text), text, first,
                             at + 2);
}


static bool
listed(const char *list, const char *country)
{
    const char  *at = *list ? strstr(list, country) : list;

    return at != NULL;
}


static int
number(pando_req_t *rq, const char *to, verification_to_t *out)
{
    char           masked[PANDO_PHONE_MASKED];
    const char    *from = pando_setting(rq, "default_country");
    pando_phone_t  phone;

    if (!pando_phone(to, strlen(to), *from ? from : NULL, &phone)
        || (phone.is != PANDO_PHONE_MOBILE
            && phone.is != PANDO_PHONE_FIXED_OR_MOBILE))
    {
        return VERIFICATION_BAD_NUMBER;
    }

    if (!listed(pando_setting(rq, "countries"), phone.country)) {
        return VERIFICATION_NO_COUNTRY;
    }

    pando_phone_mask(&phone, masked);
    *out = (verification_to_t) {
        .channel = "sms", .to = pando_copy(rq, phone.e164,
                                           strlen(phone.e164)),
        .masked = pando_copy(rq, masked, strlen(masked)),
        .country = pando_copy(rq, phone.country, 2)
    };

    return 0;
}


static int
address(pando_req_t *rq, const char *to, verification_to_t *out)
{
    const char       *at;
    pando_address_t  *a = pando_alloc(rq, sizeof(pando_address_t));

    if (!pando_address_parse(to, strlen(to), a)) {
        return VERIFICATION_BAD_NUMBER;
    }

    at = strrchr(a->norm, '@');
    *out = (verification_to_t) {
        .channel = "email", .to = a->norm,
        .masked = pando_text(rq, "%.1s***%s", a->norm, at)
    };

    return 0;
}


int
verification_read_to(pando_req_t *rq, const char *to, const char *channel,
    verification_to_t *out)
{
    bool  mail = strchr(to, '@') != NULL;

    if (channel && strcmp(channel, mail ? "email" : "sms") != 0) {
        return VERIFICATION_NO_CHANNEL;
    }

    return mail ? address(rq, to, out) : number(rq, to, out);
}


static int
by_sms(pando_req_t *rq, const verification_code_t *row, const char *body,
    const char *key)
{
    int             said;
    sms_send_in_t   in = { .to = row->destination, .body = body,
                           .lane = SMS_OTP, .ttl_s = 600, .dedup_key = key };
    sms_send_out_t  out;

    said = sms_send(rq, &in, &out);

    return said == 0 ? 0
           : said == SMS_BAD_NUMBER ? VERIFICATION_BAD_NUMBER
           : said == SMS_NO_ROUTE ? VERIFICATION_NO_COUNTRY
           : VERIFICATION_NO_CHANNEL;
}


static int
by_email(pando_req_t *rq, const verification_code_t *row, const char *body,
    const char *subject, const char *key)
{
    int               said;
    email_send_in_t   in = { .to = row->destination, .subject = subject,
                             .text = body, .mandatory = true,
                             .dedup_key = key };
    email_send_out_t  out;

    said = email_send_call(rq, &in, &out);

    return said == 0 ? 0
           : said == EMAIL_BAD_ADDRESS ? VERIFICATION_BAD_NUMBER
           : VERIFICATION_NO_CHANNEL;
}


int
verification_deliver(pando_req_t *rq, const verification_code_t *row,
    const char *code)
{
    size_t       i = language(row->locale);
    const char  *body, *key, *host = pando_setting(rq, "host");
    const char  *brand = pando_setting(rq, "brand");

    body = put(rq, texts[i].text, code, brand);
    key = pando_text(rq, "verification %s %lld",
                     pando_uuid_text(rq, row->id), (long long) row->sends);

    if (row->destination == NULL) {
        return VERIFICATION_NO_CHANNEL;
    }

    if (*host) {
        body = pando_text(rq, "%s\n\n@%s #%s", body, host, code);
    }

    return strcmp(row->channel, "sms") == 0
           ? by_sms(rq, row, body, key)
           : by_email(rq, row, body,
                      put(rq, texts[i].subject, brand, NULL), key);
}
