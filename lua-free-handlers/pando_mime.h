/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Section 5c of pando.h, which includes it: what a mail looks like on its way.
 */

#ifndef PANDO_MIME_H
#define PANDO_MIME_H

typedef struct {
    const char  *name;              /* NULL: none */
    const char  *address;
} pando_mailbox_t;

typedef struct {
    const char  *name, *value;
} pando_mime_header_t;

typedef struct {
    const char  *name;              /* as a file */
    const char  *type;              /* "image/png" */
    const char  *cid;               /* the HTML shows it as cid:...; or NULL */
    const void  *data;
    size_t       len;
} pando_mime_file_t;

/*
 * One mail: text and html are UTF-8, one of them at least is there.  No value
 * may hold a line end or a zero; such a mail is not made.
 */
typedef struct {
    pando_mailbox_t             from, reply_to;     /* no address: none */
    const pando_mailbox_t      *to, *cc;
    size_t                      nto, ncc;
    const char                 *subject;
    const char                 *message_id;         /* without brackets */
    pando_time_t                date;
    const pando_mime_header_t  *headers;            /* others */
    size_t                      nheaders;
    const char                 *text, *html;
    const pando_mime_file_t    *files;
    size_t                      nfiles;
} pando_mime_t;

/* RFC 5322, its lines ending in CRLF; NULL: it may not be made. */
char *pando_mime(pando_req_t *rq, const pando_mime_t *mail, size_t *len);
/* Whether it may stand in a header: UTF-8, no line end, no control. */
bool pando_mime_line_ok(const char *s);

#endif
