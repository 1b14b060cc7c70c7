/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Unit test of pando_address.c and pando_mime.c, built by mail_parts.t.
 */

#include "shape_kit.h"
#include "pando_mime_write.h"


static const char *
normal(const char *s)
{
    static pando_address_t  a;

    return pando_address_parse(s, strlen(s), &a) ? a.norm : "none";
}


static void
addresses(void)
{
    size_t           i;
    char             out[PANDO_DOMAIN_SIZE];
    pando_address_t  a;

    static const char *const  good[][2] = {
        { "a@b.test", "a@b.test" },
        { "Anna.Karenina+x@Mail.Example", "anna.karenina+x@mail.example" },
        { "x@m\xc3\xbcnchen.example", "x@xn--mnchen-3ya.example" },
        { "x@M\xc3\x9cNCHEN.example", "x@xn--mnchen-3ya.example" },
        { "x@XN--MNCHEN-3YA.example", "x@xn--mnchen-3ya.example" },
        { "o'neil=9@a-b.c1.example", "o'neil=9@a-b.c1.example" },
        { "j\xc3\xb6rg@a.test", "j\xc3\xb6rg@a.test" },
        { "\xd0\xb0@\xd0\xbf\xd1\x80.\xd1\x80\xd1\x84",
          "\xd0\xb0@xn--o1ac.xn--p1ai" }
    };
    static const char *const  bad[] = {
        "", "@", "a@", "@b.test", "a", "a@b", "a b@c.test", "a@b c.test",
        ".a@b.test", "a.@b.test", "a..b@c.test", "a@b..test", "a@.b.test",
        "a@b.test.", "a@-b.test", "a@b-.test", "a@b_c.test", "a@1.2.3.4",
        "a@[1.2.3.4]", "\"a\"@b.test", "a,b@c.test", "<a@b.test>",
        "a@b.test\r\nBcc: c@d.test", "a\r\n@b.test", "a\n@b.test",
        "a@b.te\nst", "a@b.test\t", "a(x)@b.test", "\xff@b.test",
        "\xc0\x80@b.test", "\xe2\x80\xae@b.test", "a@\xff.test",
        "a@xn--.test", "a@xn--zzzzzzzzz999.test",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "@b.test",
        "a@bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
        ".test"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        is_text(normal(good[i][0]), good[i][1], good[i][1]);
        is_text(normal(good[i][1]), good[i][1], "what is normal stays so");
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        is_text(normal(bad[i]), "none", "no address");
    }

    ok(!pando_address_parse("a@b.test\0x", 10, &a), "a zero within is none");
    ok(pando_address_parse("A@M\xc3\xbc.test", 10, &a) && !a.utf8,
       "a domain of other letters is ASCII on its way");
    is_text(a.address, "A@xn--m-eha.test", "the local part stays as it was");
    is_text(a.domain, "xn--m-eha.test", "its domain");
    ok(pando_address_parse("\xc3\xa9@m.test", 9, &a) && a.utf8,
       "a local part of other letters needs more");

    ok(pando_domain_registrable("a.b.example.co.uk", out), "one of co.uk");
    is_text(out, "example.co.uk", "is registered under it");
    ok(pando_domain_registrable("mail.example.com", out), "one of com");
    is_text(out, "example.com", "likewise");
    ok(!pando_domain_registrable("co.uk", out), "a suffix is nobody's");
    is_text(out, "example.com", "and nothing was touched");
}


static void
show(const pando_mime_t *mail)
{
    size_t  len;
    char   *text = pando_mime_write(&mem, mail, &len);

    printf("#%zu\n", text ? len : 0);

    if (text) {
        fwrite(text, 1, len, stdout);
    }

    printf("#\n");
}


static pando_mime_t
plain(const pando_mailbox_t *to)
{
    return (pando_mime_t) {
        .from = { "Pando", "from@mail.test" }, .to = to, .nto = 1,
        .subject = "hi", .message_id = "1@mail.test",
        .date = INT64_C(1700000000) * 1000000, .text = "hello\n"
    };
}


static void
refused(void)
{
    size_t               len;
    pando_mailbox_t      to = { NULL, "to@mail.test" };
    pando_mime_t         mail = plain(&to);
    pando_mime_header_t  head = { "X-A", "b" };

    ok(pando_mime_write(&mem, &mail, &len) != NULL, "a mail is made");
    arena.fail_at = arena.calls + 1;
    ok(pando_mime_write(&mem, &mail, &len) == NULL, "not without memory");
    arena.fail_at = 0;

    mail.subject = "hi\r\nBcc: x@y.test";
    ok(pando_mime_write(&mem, &mail, &len) == NULL, "a line end in a subject");
    mail = plain(&to);
    mail.from.name = "a\nb";
    ok(pando_mime_write(&mem, &mail, &len) == NULL, "and in a name");
    mail = plain(&to);
    mail.headers = &head;
    mail.nheaders = 1;
    ok(pando_mime_write(&mem, &mail, &len) != NULL, "a header of its own");
    head.value = "b\r\nBcc: x@y.test";
    ok(pando_mime_write(&mem, &mail, &len) == NULL, "but no line end there");
    head.value = "b\x01";
    ok(pando_mime_write(&mem, &mail, &len) == NULL, "and no control");
    head.value = "b";
    head.name = "X: Y";
    ok(pando_mime_write(&mem, &mail, &len) == NULL, "nor in its name");
    mail = plain(&to);
    to.address = "a@b.test\r\nRCPT TO:<c@d.test>";
    ok(pando_mime_write(&mem, &mail, &len) == NULL, "nor in an address");
    to.address = "a@b.test";
    mail.text = "\xff";
    ok(pando_mime_write(&mem, &mail, &len) == NULL, "a text is UTF-8");
    mail.text = NULL;
    ok(pando_mime_write(&mem, &mail, &len) == NULL, "and there is one");
}


static void
mails(void)
{
    char                 wide[3000];
    pando_mailbox_t      to[] = {
        { "Zo\xc3\xab, the \"first\"", "zoe@mail.test" },
        { NULL, "you@mail.test" }
    };
    pando_mime_header_t  head[] = {
        { "List-Unsubscribe", "<https://mail.test/e/u/aaaaaaaaaaaaaaaaaaaaaaa"
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa>, "
          "<mailto:u@mail.test?subject=u>" },
        { "List-Unsubscribe-Post", "List-Unsubscribe=One-Click" },
        { "X-Note", "\xc3\xa4 and more" }
    };
    pando_mime_file_t    files[] = {
        { "dot.png", "image/png", "dot", "\x89PNG\r\n\0\x01", 8 },
        { "r\xc3\xa9sum\xc3\xa9.txt", "text/plain", NULL, "a\nb\n", 4 }
    };
    pando_mime_t         mail = plain(to);

    show(&mail);

    memset(wide, 'w', sizeof(wide) - 1);
    wide[sizeof(wide) - 1] = '\0';
    mail.text = wide;
    show(&mail);

    mail.nto = 2;
    mail.cc = to;
    mail.ncc = 1;
    mail.reply_to = (pando_mailbox_t) { NULL, "reply@mail.test" };
    mail.subject = "Gr\xc3\xbc\xc3\x9f" "e an alle, die hier mitlesen, und "
                   "noch viel mehr Worte, als in eine Zeile passen";
    mail.text = "one\r\ntwo\rthree\n.\nFrom here\n\xc3\xa4\n";
    mail.html = "<p>\xe4\xbd\xa0\xe5\xa5\xbd <img src=\"cid:dot\"></p>";
    mail.headers = head;
    mail.nheaders = 3;
    mail.files = files;
    mail.nfiles = 2;
    show(&mail);
}


int
main(int argc, char **argv)
{
    (void) argv;

    if (argc > 1) {
        mails();
        return 0;
    }

    addresses();
    refused();
    arena_reset();

    return done();
}
