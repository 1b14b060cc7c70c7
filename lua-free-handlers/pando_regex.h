/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Regular expressions that are matched in linear time (RE2), for the rules.
 * What pando_regex() gives is freed by who asked, before a flow waits.
 */

#ifndef PANDO_REGEX_H
#define PANDO_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PANDO_REGEX_MAX  1000

/* NULL, and why: a sentence for who wrote it. */
void *pando_regex(const char *pattern, size_t len, char *why, size_t size);
/* Somewhere in the text. */
bool pando_regex_finds(const void *regex, const char *s, size_t len);
void pando_regex_free(void *regex);

#ifdef __cplusplus
}
#endif

#endif
