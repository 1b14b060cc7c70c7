/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Signs mails for dkim.t, which asks another one what they are worth.
 */

#include "shape_kit.h"
#include "pando_dkim_sign.h"


/* RFC 8463, appendix A: its key, its mail. */

static const unsigned char  seed[] = {
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70,
    0x04, 0x22, 0x04, 0x20,
    0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4,
    0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19,
    0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60
};

static const char *const  mails[] = {
    "From: Joe SixPack <joe@football.example.com>\r\n"
    "To: Suzie Q <suzie@shopping.example.net>\r\n"
    "Subject: Is dinner ready?\r\n"
    "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
    "Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"
    "\r\n"
    "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n",

    "From: a@football.example.com\r\nTo:  b@c.test ,\r\n\t d@e.test\r\n"
    "SUBJECT:  folded\r\n  over  two \r\n lines \r\nX-Other: 1\r\n"
    "To: f@g.test\r\n\r\n"
    "a  b\t\tc  \r\n \r\n\xc3\xa4\xff\r\n.\r\n\r\n\r\n",

    "From: a@football.example.com\r\n\r\n",
    "From: a@football.example.com\r\n\r\n\r\n \r\n",
    "From: a@football.example.com\r\n\r\nno end",
};


static void
shown(const pando_dkim_key_t *key, const char *public)
{
    size_t  i;
    char   *head;

    for (i = 0; i < sizeof(mails) / sizeof(mails[0]); i++) {
        head = pando_dkim_sign(&mem, key, mails[i], strlen(mails[i]),
                               INT64_C(1700000000) * 1000000);
        printf("#%zu %s %s\n", head ? strlen(head) + strlen(mails[i]) : 0,
               key->ed25519 ? "ed25519" : "rsa", public);
        printf("%s%s", head ? head : "", head ? mails[i] : "");
        printf("#\n");
    }
}


int
main(void)
{
    unsigned                  i;
    pando_dkim_key_t          key = {
        .domain = "football.example.com", .selector = "s1"
    };
    static pando_dkim_pair_t  pair;

    for (i = 0; i < 2; i++) {
        pair.ed25519 = i == 1;
        pando_dkim_make(&pair);
        key.ed25519 = pair.ed25519;
        key.key = pair.key;
        key.len = pair.len;
        shown(&key, pair.public);
    }

    key.key = seed;
    key.len = sizeof(seed);
    shown(&key, "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");

    key.ed25519 = false;
    shown(&key, "none");
    key.len = 5;
    shown(&key, "none");
    arena_reset();

    return 0;
}
