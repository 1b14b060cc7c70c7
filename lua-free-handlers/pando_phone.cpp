/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Telephone numbers, by libphonenumber.
 *
 * C++, so no exception leaves this file, and what it allocates is freed
 * before it returns: a flow may be ended before or after, but never within.
 * The library's own tables are read once, by the first call in each worker,
 * and stay.
 */

#include "pando_phone.h"

#include <phonenumbers/phonenumberutil.h>

#include <cstdio>
#include <cstring>
#include <string>


using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberUtil;


static const size_t  longest = 100;


static pando_phone_is_t
kind(PhoneNumberUtil::PhoneNumberType type)
{
    switch (type) {

    case PhoneNumberUtil::MOBILE:                return PANDO_PHONE_MOBILE;
    case PhoneNumberUtil::FIXED_LINE_OR_MOBILE:
        return PANDO_PHONE_FIXED_OR_MOBILE;
    case PhoneNumberUtil::FIXED_LINE:            return PANDO_PHONE_FIXED;
    case PhoneNumberUtil::TOLL_FREE:             return PANDO_PHONE_TOLL_FREE;
    case PhoneNumberUtil::PREMIUM_RATE:          return PANDO_PHONE_PREMIUM;
    case PhoneNumberUtil::SHARED_COST:
        return PANDO_PHONE_SHARED_COST;
    case PhoneNumberUtil::VOIP:                  return PANDO_PHONE_VOIP;
    case PhoneNumberUtil::PERSONAL_NUMBER:       return PANDO_PHONE_PERSONAL;
    case PhoneNumberUtil::PAGER:                 return PANDO_PHONE_PAGER;
    case PhoneNumberUtil::UAN:                   return PANDO_PHONE_UAN;
    case PhoneNumberUtil::VOICEMAIL:             return PANDO_PHONE_VOICEMAIL;
    default:                                     return PANDO_PHONE_OTHER;
    }
}


static bool
read_number(const std::string &text, const std::string &country,
    pando_phone_t *out)
{
    PhoneNumber             number;
    std::string             e164, region;
    const PhoneNumberUtil  &util = *PhoneNumberUtil::GetInstance();

    if (util.Parse(text, country, &number) != PhoneNumberUtil::NO_PARSING_ERROR
        || number.has_extension() || !util.IsValidNumber(number))
    {
        return false;
    }

    util.Format(number, PhoneNumberUtil::E164, &e164);
    util.GetRegionCodeForNumber(number, &region);

    if (e164.size() >= PANDO_PHONE_TEXT) {
        return false;
    }

    *out = pando_phone_t();
    std::memcpy(out->e164, e164.data(), e164.size());
    out->code = number.country_code();
    out->is = kind(util.GetNumberType(number));

    if (region.size() == 2 && region != "ZZ") {
        std::memcpy(out->country, region.data(), 2);
    }

    return true;
}


bool
pando_phone(const char *s, size_t len, const char *country,
    pando_phone_t *out)
{
    if (len > longest) {
        return false;
    }

    try {
        return read_number(std::string(s, len), country ? country : "ZZ",
                           out);

    } catch (...) {
        return false;
    }
}


const char *
pando_phone_is_text(pando_phone_is_t is)
{
    static const char *const  texts[] = {
        "unknown", "mobile", "fixed_or_mobile", "fixed", "toll_free",
        "premium", "shared_cost", "voip", "personal", "pager", "uan",
        "voicemail"
    };

    return texts[is];
}


void
pando_phone_mask(const pando_phone_t *phone, char out[PANDO_PHONE_MASKED])
{
    size_t  i, len = std::strlen(phone->e164);
    size_t  n = (size_t) std::snprintf(out, PANDO_PHONE_MASKED, "+%d",
                                       phone->code);

    for (i = n; i < len; i++) {
        out[i] = i + 2 < len ? '*' : phone->e164[i];
    }

    out[i] = '\0';
}
