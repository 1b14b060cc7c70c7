/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: links in HTML, and who follows them.  Pure.
 */

#include "email.h"


static char
low(char c)
{
    return c >= 'A' && c <= 'Z' ? (char) (c | 0x20) : c;
}


static bool
begins(const char *s, const char *word)
{
    for (; *word; s++, word++) {
        if (low(*s) != *word) {
            return false;
        }
    }

    return true;
}


/* Those of anchors that lead to http or https, but for the one to leave. */

size_t
email_hrefs(const char *html, const char *leave, email_href_t *out,
    size_t most)
{
    char         quote;
    size_t       n = 0, len, own = strlen(leave);
    const char  *p, *end;

    for (p = strchr(html, '<'); p && n < most; p = strchr(p, '<')) {
        if (low(p[1]) != 'a' || (p[2] != ' ' && p[2] != '\n'
                                 && p[2] != '\t' && p[2] != '\r'))
        {
            p++;
            continue;
        }

        end = strchr(p, '>');

        for (p += 2; end && p < end && !(begins(p, "href=")
                                         && (p[-1] == ' ' || p[-1] == '\n'
                                             || p[-1] == '\t')); p++)
        {
            /* void */
        }

        if (end == NULL || p >= end) {
            continue;
        }

        p += 5;
        quote = *p;

        if (quote != '"' && quote != '\'') {
            continue;
        }

        len = strcspn(++p, quote == '"' ? "\"" : "'");

        if (p[len] == '\0' || len > 4000
            || !(begins(p, "http://") || begins(p, "https://"))
            || (len == own && memcmp(p, leave, own) == 0))
        {
            continue;
        }

        out[n++] = (email_href_t) { p, len };
        p += len;
    }

    return n;
}


/* In place: the few entities that stand in addresses. */

char *
email_unescape(char *s)
{
    char    *from, *to = s;
    size_t   i;

    static const struct { const char *name; char is; } known[] = {
        { "&amp;", '&' }, { "&#38;", '&' }, { "&quot;", '"' },
        { "&#39;", '\'' }, { "&lt;", '<' }, { "&gt;", '>' }
    };

    for (from = s; *from; ) {
        for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
            if (strncmp(from, known[i].name, strlen(known[i].name)) == 0) {
                break;
            }
        }

        if (i < sizeof(known) / sizeof(known[0])) {
            *to++ = known[i].is;
            from += strlen(known[i].name);

        } else {
            *to++ = *from++;
        }
    }

    *to = '\0';

    return s;
}


/* Those that say so, and those that say nothing. */

bool
email_agent_is_machine(const char *agent)
{
    size_t       i;
    const char  *p;

    static const char *const  words[] = {
        "bot", "crawl", "spider", "preview", "imageproxy", "scan", "curl/",
        "wget/", "python", "java/", "headless", "barracuda", "proofpoint",
        "mimecast"
    };

    if (agent == NULL || agent[0] == '\0'
        || strcmp(agent, "Mozilla/5.0") == 0)
    {
        return true;
    }

    for (p = agent; *p; p++) {
        for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
            if (begins(p, words[i])) {
                return true;
            }
        }
    }

    return false;
}
