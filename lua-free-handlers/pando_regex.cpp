/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Regular expressions matched in linear time, by RE2.
 *
 * No exception leaves this file.  Each takes so much memory and no more, for
 * its program and while it is matched; one that would take more is refused.
 */

#include "pando_regex.h"

#include <re2/re2.h>

#include <cstdio>
#include <new>


static const int64_t  memory = 256 * 1024;


void *
pando_regex(const char *pattern, size_t len, char *why, size_t size)
{
    if (size) {
        why[0] = '\0';
    }

    if (len > PANDO_REGEX_MAX) {
        (void) snprintf(why, size, "it is longer than %d characters",
                        PANDO_REGEX_MAX);
        return nullptr;
    }

    try {
        re2::RE2::Options  options;

        options.set_log_errors(false);
        options.set_max_mem(memory);

        re2::RE2  *made = new re2::RE2(re2::StringPiece(pattern, len),
                                       options);
        if (made->ok()) {
            return made;
        }

        (void) snprintf(why, size, "%s", made->error().c_str());
        delete made;

    } catch (...) {
        (void) snprintf(why, size, "there is no memory for it");
    }

    return nullptr;
}


bool
pando_regex_finds(const void *regex, const char *s, size_t len)
{
    try {
        return re2::RE2::PartialMatch(re2::StringPiece(s, len),
                                      *static_cast<const re2::RE2 *>(regex));
    } catch (...) {
        return false;
    }
}


void
pando_regex_free(void *regex)
{
    delete static_cast<re2::RE2 *>(regex);
}
