/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Unit test of email_hrefs.c: which links of HTML are found, and who is a
 * machine.
 */

#include "email.h"
#include "tap.h"


static const char *
found(const char *html)
{
    static char   all[400];
    size_t        i, n;
    email_href_t  out[4];

    all[0] = '\0';
    n = email_hrefs(html, "https://me/e/u/1", out, 4);

    for (i = 0; i < n; i++) {
        snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%.*s",
                 i ? " " : "", (int) out[i].len, out[i].s);
    }

    return all;
}


int
main(void)
{
    char    text[200];
    size_t  i;

    static const char *const  links[][2] = {
        { "<a href=\"https://a.test/\">x</a>", "https://a.test/" },
        { "<A class='b' HREF='http://a.test/?a=1&amp;b'>x</A>",
          "http://a.test/?a=1&amp;b" },
        { "<a\nhref=\"https://a/\"><a href=\"https://b/\">",
          "https://a/ https://b/" },
        { "<a href=\"mailto:a@b.test\"><a href=\"tel:1\"><a href=\"#x\">",
          "" },
        { "<a href=\"javascript:x\"><a href=https://bare/>", "" },
        { "<a href=\"https://me/e/u/1\"><a href=\"https://me/e/u/12\">",
          "https://me/e/u/12" },
        { "<link href=\"https://a/\"><img src=\"https://a/\">", "" },
        { "<a data-href=\"https://a/\">", "" }, { "<a href=\"https://a/", "" },
        { "<a href=", "" }, { "<a ", "" }, { "<a", "" }, { "<", "" },
        { "", "" }, { "text https://a/", "" },
        { "<a href=\"https://1/\"><a href=\"https://2/\"><a href=\"https://3/"
          "\"><a href=\"https://4/\"><a href=\"https://5/\">",
          "https://1/ https://2/ https://3/ https://4/" }
    };
    static const char *const  people[] = {
        "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128",
        "Apple Mail (2.3445)"
    };
    static const char *const  machines[] = {
        "", "Mozilla/5.0", "GoogleImageProxy", "curl/8", "SomeBot/1",
        "Mozilla/5.0 (compatible; BingPreview/1)", "python-requests/2"
    };

    for (i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
        is_text(found(links[i][0]), links[i][1], "links");
    }

    for (i = 0; i < sizeof(people) / sizeof(people[0]); i++) {
        ok(!email_agent_is_machine(people[i]), "someone: %s", people[i]);
    }

    for (i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
        ok(email_agent_is_machine(machines[i]), "no one: %s", machines[i]);
    }

    ok(email_agent_is_machine(NULL), "who says nothing");
    strcpy(text, "a?b=1&amp;c=&quot;&#39;&lt;&gt;&x;&");
    is_text(email_unescape(text), "a?b=1&c=\"'<>&x;&", "entities");

    printf("1..%u\n", tap_count);

    return tap_failed != 0;
}
