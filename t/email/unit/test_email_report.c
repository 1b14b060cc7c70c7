/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Unit test of email_report.c: a corpus of what servers send back, as they
 * write it and as they should not, and that nothing in it can be cut anywhere
 * to do harm.
 */

#include "email.h"
#include "tap.h"


#define HEAD  "From: Mail Delivery System <MAILER-DAEMON@mx.test>\r\n"        \
              "To: b+x@bounce.test\r\nSubject: Undelivered Mail\r\n"          \
              "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
#define TYPE  "Content-Type: multipart/report; report-type=delivery-status;"  \
              "\r\n\tboundary=\"=_b/1\"\r\n\r\nnot for machines\r\n"
#define TEXT  "--=_b/1\r\nContent-Type: text/plain\r\n\r\nIt failed: 5.9.9\r\n"
#define STATUS(s)  "--=_b/1\r\nContent-Type: message/delivery-status\r\n\r\n" \
              "Reporting-MTA: dns; mx.test\r\nArrival-Date: today\r\n\r\n" s
#define ORIG  "\r\n--=_b/1\r\nContent-Type: message/rfc822\r\n\r\n"           \
              "Message-ID: <m1@pando.test>\r\nTo: Ada <ada@x.test>\r\n"       \
              "Subject: hi\r\n\r\nFinal-Recipient: rfc822; no@one.test\r\n"   \
              "--=_b/1--\r\n"
#define ROW(action, status, more)                                             \
    "Final-Recipient: rfc822; ada@x.test\r\nAction: " action "\r\n"           \
    "Status: " status "\r\n" more
#define DSN(row)  HEAD TYPE TEXT STATUS(row) ORIG
#define ARF(fields)                                                           \
    "From: <abuse@isp.test>\r\nSubject: complaint\r\n"                        \
    "Content-Type: multipart/report; report-type=feedback-report; "           \
    "boundary=xx\r\n\r\n--xx\r\nContent-Type: text/plain\r\n\r\nsorry\r\n"    \
    "--xx\r\nContent-Type: message/feedback-report\r\n\r\n" fields            \
    "\r\n--xx\r\nContent-Type: message/rfc822\r\n\r\nTo: ada@x.test\r\n"      \
    "Message-ID: <m1@pando.test>\r\n\r\nhi\r\n--xx--\r\n"


static const struct {
    const char  *mail;
    email_is_t   is;
    const char  *action, *status, *class;
} corpus[] = {
    { DSN(ROW("failed", "5.1.1", "")), EMAIL_IS_REPORT, "failed", "5.1.1",
      "hard" },
    { DSN(ROW("failed", "5.1.1", "Diagnostic-Code: smtp; 550 5.1.1 <ada@x"
              ".test>:\r\n    Recipient address rejected: User unknown\r\n")),
      EMAIL_IS_REPORT, "failed", "5.1.1", "hard" },
    { DSN(ROW("Failed", "5.1.2 (bad host)", "")), EMAIL_IS_REPORT, "failed",
      "5.1.2", "hard" },
    { DSN(ROW("failed", "5.1.10", "")), EMAIL_IS_REPORT, "failed", "5.1.10",
      "hard" },
    { DSN(ROW("failed", "5.2.1", "")), EMAIL_IS_REPORT, "failed", "5.2.1",
      "hard" },
    { DSN(ROW("failed", "5.2.2", "Diagnostic-Code: smtp; 552 full\r\n")),
      EMAIL_IS_REPORT, "failed", "5.2.2", "soft" },
    { DSN(ROW("failed", "5.7.1", "Diagnostic-Code: smtp; 550 5.7.1 user "
              "unknown to our policy\r\n")), EMAIL_IS_REPORT, "failed",
      "5.7.1", "block" },
    { DSN(ROW("failed", "5.7.26", "")), EMAIL_IS_REPORT, "failed", "5.7.26",
      "block" },
    { DSN(ROW("failed", "5.0.0", "Diagnostic-Code: smtp; 550 #5.1.1 no such "
              "user\r\n")), EMAIL_IS_REPORT, "failed", "5.1.1", "hard" },
    { DSN(ROW("failed", "4.4.7", "Diagnostic-Code: smtp; 550 user unknown "
              "4.4.7 (delivery time expired)\r\n")), EMAIL_IS_REPORT,
      "failed", "4.4.7", "soft" },
    { DSN(ROW("delayed", "4.2.2", "Will-Retry-Until: tomorrow\r\n")),
      EMAIL_IS_REPORT, "delayed", "4.2.2", "soft" },
    { DSN(ROW("delivered", "2.0.0", "")), EMAIL_IS_REPORT, "delivered",
      "2.0.0", NULL },
    { DSN(ROW("relayed", "2.1.9", "")), EMAIL_IS_REPORT, "relayed", "2.1.9",
      NULL },
    { DSN("Original-Recipient: rfc822;ada@x.test\r\n"
          "Final-Recipient: rfc822;ada@inside.test\r\nAction: failed\r\n"
          "Status: 5.1.1\r\n"), EMAIL_IS_REPORT, "failed", "5.1.1", "hard" },
    { DSN("FINAL-RECIPIENT:  RFC822;<ada@x.test>\r\nACTION:failed\r\n"
          "STATUS:5.1.6\r\n"), EMAIL_IS_REPORT, "failed", "5.1.6", "hard" },
    { HEAD "Content-Type: multipart/report;\n boundary=b2\n\n--b2\n"
      "Content-Type: message/delivery-status\n\nReporting-MTA: dns; a\n\n"
      "Final-Recipient: rfc822; ada@x.test\nAction: failed\nStatus: 5.1.3\n"
      "\n--b2--\n", EMAIL_IS_REPORT, "failed", "5.1.3", "hard" },
    { HEAD "Content-Type: multipart/mixed; boundary=out\r\n\r\n--out\r\n"
      "Content-Type: multipart/report; boundary=in\r\n\r\n--in\r\n"
      "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; a"
      "\r\n\r\nFinal-Recipient: rfc822; ada@x.test\r\nAction: failed\r\n"
      "Status: 5.1.1\r\n--in--\r\n--out--\r\n", EMAIL_IS_REPORT, "failed",
      "5.1.1", "hard" },
    { HEAD "Content-Type: multipart/report; boundary=cut\r\n\r\n--cut\r\n"
      "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; a"
      "\r\n\r\nFinal-Recipient: rfc822; ada@x.test\r\nAction: failed\r\n"
      "Status: 5.1.1", EMAIL_IS_REPORT, "failed", "5.1.1", "hard" },
    { "From: MAILER-DAEMON@qmail.test\r\nSubject: failure notice\r\n\r\n"
      "Hi. This is the qmail-send program.\r\n\r\n<ada@x.test>:\r\n"
      "Remote host said: 550 5.1.1 no mailbox here\r\n", EMAIL_IS_REPORT,
      "failed", "5.1.1", "hard" },
    { "Return-Path: <>\r\nFrom: <system@old.test>\r\nSubject: Returned\r\n"
      "\r\nYour message to <ada@x.test> was not delivered:\r\n"
      "452 4.2.2 mailbox full\r\n", EMAIL_IS_REPORT, "delayed", "4.2.2",
      "soft" },
    { "From: postmaster@x.test\r\nSubject: blocked\r\n\r\n"
      "<ada@x.test> 554 5.7.1 rejected, user unknown\r\n", EMAIL_IS_REPORT,
      "failed", "5.7.1", "block" },
    { ARF("Feedback-Type: abuse\r\nUser-Agent: isp/1\r\nVersion: 1\r\n"
          "Original-Rcpt-To: <ada@x.test>\r\n"), EMAIL_IS_COMPLAINT, NULL,
      NULL, NULL },
    { ARF("Version: 1\r\nFeedback-type: fraud\r\n"), EMAIL_IS_COMPLAINT,
      NULL, NULL, NULL },
    { "From: ada@x.test\r\nSubject: I am away\r\n"
      "Auto-Submitted: auto-replied\r\n\r\n5.1.1\r\n", EMAIL_IS_AUTOMATIC,
      NULL, NULL, NULL },
    { "From: ada@x.test\r\nSubject: news\r\nPrecedence: bulk\r\n\r\nx\r\n",
      EMAIL_IS_AUTOMATIC, NULL, NULL, NULL },
    { "From: ada@x.test\r\nSubject: what is 5.1.1?\r\n\r\n550 5.1.1\r\n",
      EMAIL_IS_MAIL, NULL, NULL, NULL },
    { "From: ada@x.test\r\nAuto-Submitted: no\r\n\r\nhello\r\n",
      EMAIL_IS_MAIL, NULL, NULL, NULL },
    { "", EMAIL_IS_MAIL, NULL, NULL, NULL },
    { "\r\n\r\n", EMAIL_IS_MAIL, NULL, NULL, NULL },
    { HEAD "Content-Type: multipart/report; boundary=\r\n\r\n--\r\n",
      EMAIL_IS_AUTOMATIC, NULL, NULL, NULL },
    { HEAD "Content-Type: multipart/report; boundary=a\r\n\r\n--a\r\n"
      "Content-Type: message/delivery-status\r\n\r\n\r\n\r\n--a--\r\n",
      EMAIL_IS_AUTOMATIC, NULL, NULL, NULL }
};

#define N  (sizeof(corpus) / sizeof(corpus[0]))


static email_report_t  r;


static void
each(size_t i)
{
    const char  *class;

    email_report_read(corpus[i].mail, strlen(corpus[i].mail), &r);
    ok(r.is == corpus[i].is, "mail %zu is what it is", i);

    if (corpus[i].action == NULL) {
        return;
    }

    ok(r.n == 1, "mail %zu is about one", i);
    is_text(r.rows[0].action, corpus[i].action, "what was done");
    is_text(r.rows[0].status, corpus[i].status, "with this code");
    is_text(r.rows[0].address, "ada@x.test", "for this address");

    if (corpus[i].class) {
        class = email_bounce_class(corpus[i].status[0] == '4' ? 450 : 550,
                                   r.rows[0].status, r.rows[0].diagnostic);
        is_text(class, corpus[i].class, "of this class");
    }
}


/* Cut anywhere, in memory that ends there. */

static void
cuts(void)
{
    char    *copy;
    size_t   i, n, len;

    for (i = 0; i < N; i++) {
        len = strlen(corpus[i].mail);

        for (n = 0; n <= len; n++) {
            copy = malloc(n + 1);
            memcpy(copy, corpus[i].mail, n);
            copy[n] = 'x';
            email_report_read(copy, n, &r);
            free(copy);
        }
    }

    ok(true, "whatever is cut does no harm");
}


static void
tags(void)
{
    email_tag_t  tag;

    email_tag_read("b+AZ8AAAAAcACAAAAAAAAAAQECAwQFBgcI@bounce.test", &tag);
    ok(tag.kind == 'b', "a tag");
    is_text(tag.hex, "0102030405060708", "is read");
    ok(tag.message.b[0] == 0x01 && tag.message.b[15] == 0x01, "with its id");
    email_tag_read("u+AZ8AAAAAcACAAAAAAAAAAQECAwQFBgcI@bounce.test", &tag);
    ok(tag.kind == 'u', "of either kind");
    email_tag_read("x+AZ8AAAAAcACAAAAAAAAAAQECAwQFBgcI@bounce.test", &tag);
    ok(tag.kind == 0, "but no other");
    email_tag_read("b+AZ8AAAAAcACAAAAAAAAAAQECAwQFBgc@bounce.test", &tag);
    ok(tag.kind == 0, "a short one is none");
    email_tag_read("b+AZ8AAAAAcACAAAAAAAAAAQECAwQFBg!I@bounce.test", &tag);
    ok(tag.kind == 0, "nor is another text");
    email_tag_read("", &tag);
    ok(tag.kind == 0, "or nothing");
}


int
main(void)
{
    size_t  i;

    for (i = 0; i < N; i++) {
        each(i);
    }

    email_report_read(corpus[0].mail, strlen(corpus[0].mail), &r);
    is_text(r.message_id, "m1@pando.test", "the mail it is about");
    is_text(r.from, "MAILER-DAEMON@mx.test", "who says so");
    is_text(r.subject, "Undelivered Mail", "in which words");
    email_report_read(corpus[21].mail, strlen(corpus[21].mail), &r);
    is_text(r.feedback, "abuse", "what is complained of");
    is_text(r.original_to, "ada@x.test", "by whom");

    cuts();
    tags();

    printf("1..%u\n", tap_count);

    return tap_failed != 0;
}
