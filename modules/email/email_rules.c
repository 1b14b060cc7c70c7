/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: what needs no request and no database.  Which headers a client may
 * set, what a server's answer means for an address, and HTML as plain text.
 */

#include "email.h"


typedef struct {
    char  *to;
    bool   blank;                   /* a space is owed */
    int    lines;                   /* line ends are owed */
    bool   any;
} plain_t;


static size_t tag(const char *s, plain_t *p, bool *hidden);
static size_t entity(const char *s, plain_t *p);
static void put(plain_t *p, const char *s, size_t len);


static bool
same(const char *s, const char *word, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if ((s[i] | 0x20) != word[i]) {
            return false;
        }
    }

    return true;
}


static bool
starts(const char *s, const char *word)
{
    size_t  i;

    for (i = 0; word[i]; i++) {
        if ((s[i] >= 'A' && s[i] <= 'Z' ? s[i] | 0x20 : s[i]) != word[i]) {
            return false;
        }
    }

    return true;
}


/* X-*, List-*, References, In-Reply-To, Auto-Submitted, and no other. */

bool
email_header_ok(const char *name)
{
    size_t  i;

    static const char *const  whole[] = {
        "references", "in-reply-to", "auto-submitted"
    };

    for (i = 0; name[i]; i++) {
        if (!((name[i] | 0x20) >= 'a' && (name[i] | 0x20) <= 'z')
            && !(name[i] >= '0' && name[i] <= '9') && name[i] != '-')
        {
            return false;
        }
    }

    if (i > 76) {
        return false;
    }

    if ((starts(name, "x-") && i > 2) || (starts(name, "list-") && i > 5)) {
        return !starts(name, "list-unsubscribe");
    }

    for (i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
        if (starts(name, whole[i]) && name[strlen(whole[i])] == '\0') {
            return true;
        }
    }

    return false;
}


/* The first 4.7.1 or 5.1.10 in an answer (RFC 3463). */

bool
email_enhanced(const char *text, char out[12])
{
    size_t       n;
    unsigned     dots;
    const char  *p, *q;

    for (p = text; *p; p++) {
        if ((*p != '2' && *p != '4' && *p != '5') || p[1] != '.'
            || (p > text && p[-1] != ' ' && p[-1] != '#' && p[-1] != '('
                && p[-1] != '-' && p[-1] != '\n' && p[-1] != ':'))
        {
            continue;
        }

        dots = 0;

        for (q = p; (*q >= '0' && *q <= '9') || (*q == '.' && q[-1] != '.');
             q++)
        {
            dots += *q == '.';
        }

        n = (size_t) (q - p);

        if (n > 0 && q[-1] == '.') {
            n--;
            dots--;
        }

        if (dots == 2 && n >= 5 && n < 10) {
            memcpy(out, p, n);
            out[n] = '\0';
            return true;
        }
    }

    return false;
}


/*
 * hard: nobody is there.  block: this mail or its sender is not wanted.  soft:
 * perhaps another time.  The enhanced code is believed before the words, and
 * words are only looked at where there is none.
 */

const char *
email_bounce_class(int code, const char *enhanced, const char *text)
{
    size_t  i;

    static const char *const  hard[] = {
        "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"
    };
    static const char *const  nobody[] = {
        "user unknown", "unknown user", "no such user", "does not exist",
        "no mailbox here", "invalid recipient", "recipient not found",
        "mailbox not found", "address rejected", "no such recipient",
        "account is disabled", "mailbox unavailable", "unrouteable address"
    };
    static const char *const  unwanted[] = {
        "spam", "blocked", "blacklist", "blocklist", "policy", "dmarc",
        "reputation", "denied", "spf", "dkim", "rejected due to"
    };

    if (enhanced && enhanced[0]) {
        if (enhanced[0] == '4' || strcmp(enhanced, "5.2.2") == 0) {
            return "soft";
        }

        for (i = 0; i < sizeof(hard) / sizeof(hard[0]); i++) {
            if (strcmp(enhanced, hard[i]) == 0) {
                return "hard";
            }
        }

        return strncmp(enhanced, "5.7.", 4) == 0 ? "block" : "soft";
    }

    if (code < 500) {
        return "soft";
    }

    for (; text && *text; text++) {
        for (i = 0; i < sizeof(unwanted) / sizeof(unwanted[0]); i++) {
            if (starts(text, unwanted[i])) {
                return "block";
            }
        }

        for (i = 0; i < sizeof(nobody) / sizeof(nobody[0]); i++) {
            if (starts(text, nobody[i])) {
                return "hard";
            }
        }
    }

    return "soft";
}


/* out has room for as many bytes as html, and a zero. */

char *
email_text_of(const char *html, char *out)
{
    bool         hidden = false;
    size_t       n;
    plain_t      p = { .to = out };
    const char  *s = html;

    while (*s) {
        if (*s == '<' && (!hidden || s[1] == '/')) {
            s += tag(s, &p, &hidden);

        } else if (hidden) {
            s++;

        } else if (*s == '&') {
            s += entity(s, &p);

        } else if (*s == ' ' || *s == '\t' || *s == '\n' || *s == '\r') {
            p.blank = true;
            s++;

        } else {
            n = strcspn(s, "<& \t\n\r");
            put(&p, s, n);
            s += n;
        }
    }

    if (p.any) {
        *p.to++ = '\n';
    }

    *p.to = '\0';

    return out;
}


/* What was owed before it takes no more room than the tag it came from. */

static void
put(plain_t *p, const char *s, size_t len)
{
    if (p->any) {
        for (; p->lines > 0; p->lines--) {
            *p->to++ = '\n';
            p->blank = false;
        }

        if (p->blank) {
            *p->to++ = ' ';
        }
    }

    p->lines = 0;
    p->blank = false;
    p->any = true;
    memcpy(p->to, s, len);
    p->to += len;
}


static size_t
tag(const char *s, plain_t *p, bool *hidden)
{
    int          lines = 0;
    size_t       i, n;
    const char  *name = s + 1 + (s[1] == '/'), *end;

    static const struct { const char *name; int lines; } blocks[] = {
        { "p", 2 }, { "h1", 2 }, { "h2", 2 }, { "h3", 2 }, { "br", 1 },
        { "div", 1 }, { "tr", 1 }, { "li", 1 }, { "ul", 1 }, { "table", 1 }
    };

    if (strncmp(s, "<!--", 4) == 0) {
        end = strstr(s, "-->");
        return end ? (size_t) (end - s) + 3 : strlen(s);
    }

    end = strchr(s, '>');

    if (end == NULL) {
        return strlen(s);
    }

    n = strcspn(name, " \t\r\n/>");

    for (i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        if (n == strlen(blocks[i].name) && same(name, blocks[i].name, n)) {
            lines = blocks[i].lines;
        }
    }

    p->lines = p->lines > lines ? p->lines : lines;

    if ((n == 5 && (same(name, "style", 5) || same(name, "title", 5)))
        || (n == 6 && same(name, "script", 6)))
    {
        *hidden = s[1] != '/';
    }

    return (size_t) (end - s) + 1;
}


static size_t
entity(const char *s, plain_t *p)
{
    size_t  i;

    static const struct { const char *name, *is; } known[] = {
        { "&amp;", "&" }, { "&lt;", "<" }, { "&gt;", ">" },
        { "&quot;", "\"" }, { "&#39;", "'" }, { "&apos;", "'" },
        { "&nbsp;", " " }, { "&euro;", "\xe2\x82\xac" },
        { "&copy;", "\xc2\xa9" }, { "&mdash;", "\xe2\x80\x94" }
    };

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strncmp(s, known[i].name, strlen(known[i].name)) == 0) {
            put(p, known[i].is, strlen(known[i].is));
            return strlen(known[i].name);
        }
    }

    put(p, s, 1);

    return 1;
}


/*
 * -1: not yet.  over: the deadline has come, when the highest rate wins, and
 * of equal ones the first; where nobody was written to it waits all the same.
 */

int
email_winner(const pando_odds_t *arms, size_t n, bool over)
{
    int      first = -1;
    bool     enough = true;
    size_t   i;
    int64_t  sent = 0;

    for (i = 0; i < n; i++) {
        if (arms[i].out) {
            continue;
        }

        sent += arms[i].tries;
        enough = enough && arms[i].tries >= EMAIL_SURE_FROM;

        if (first < 0 || arms[i].hits * (arms[first].tries ? arms[first].tries
                                                          : 1)
            > arms[first].hits * (arms[i].tries ? arms[i].tries : 1))
        {
            first = (int) i;
        }
    }

    for (i = 0; enough && i < n; i++) {
        if (!arms[i].out && arms[i].best >= EMAIL_SURE) {
            return (int) i;
        }
    }

    return over && sent ? first : -1;
}
