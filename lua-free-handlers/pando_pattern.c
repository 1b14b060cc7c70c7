/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Patterns: regular expressions that stand in data and not in the code.
 *
 * Whoever writes one may mean harm, so each is bounded: in its length and
 * nesting when it is compiled, in steps and memory when it is matched.  No
 * code is generated: the interpreter keeps its backtracking in the heap and
 * takes little of a flow's small stack.  Nothing is kept between calls.
 */

#define PCRE2_CODE_UNIT_WIDTH  8

#include <pcre2.h>

#include "pando_base.h"


#define NESTING   20
#define STEPS     20000
#define HEAP_KIB  256


static pcre2_code *compile(const char *pattern, size_t len, char *why,
    size_t size);


bool
pando_pattern_ok(const char *pattern, size_t len, char *why, size_t size)
{
    pcre2_code  *code = compile(pattern, len, why, size);

    pcre2_code_free(code);

    return code != NULL;
}


pando_match_t
pando_pattern_match(const char *pattern, size_t len, const char *s,
    size_t slen)
{
    int                   rc = PCRE2_ERROR_NOMEMORY;
    pcre2_code           *code = compile(pattern, len, NULL, 0);
    pcre2_match_data     *data = pcre2_match_data_create(1, NULL);
    pcre2_match_context  *limits = pcre2_match_context_create(NULL);

    if (code && data && limits) {
        pcre2_set_match_limit(limits, STEPS);
        pcre2_set_heap_limit(limits, HEAP_KIB);

        rc = pcre2_match(code, (PCRE2_SPTR) s, slen, 0,
                         PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_NO_JIT,
                         data, limits);
    }

    pcre2_match_context_free(limits);
    pcre2_match_data_free(data);
    pcre2_code_free(code);

    return rc >= 0 ? PANDO_MATCHES
         : rc == PCRE2_ERROR_NOMATCH ? PANDO_MATCHES_NOT
         : PANDO_MATCH_GAVE_UP;
}


static pcre2_code *
compile(const char *pattern, size_t len, char *why, size_t size)
{
    int                     error = PCRE2_ERROR_NOMEMORY;
    size_t                  at;
    pcre2_code             *code = NULL;
    pcre2_compile_context  *limits = pcre2_compile_context_create(NULL);

    if (limits) {
        pcre2_set_max_pattern_length(limits, PANDO_PATTERN_MAX);
        pcre2_set_parens_nest_limit(limits, NESTING);

        code = pcre2_compile((PCRE2_SPTR) pattern, len,
                             PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C,
                             &error, &at, limits);
    }

    pcre2_compile_context_free(limits);

    if (code == NULL && size
        && pcre2_get_error_message(error, (PCRE2_UCHAR *) why, size) < 0)
    {
        why[0] = '\0';
    }

    return code;
}
