/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Mails, written by GMime 3.
 *
 * GMime's objects are GLib's and know no pool of ours: a mail is made in one
 * call that waits for nothing, frees all of them, and leaves only bytes in the
 * caller's memory.  Texts become quoted-printable or base64 where they are
 * not plain already, so that no server has a reason to change them.
 */

#include "pando_mime_write.h"

#include <gmime/gmime.h>


#define LINE_MAX_BYTES  990


static bool sound(const pando_mime_t *m);
static GMimeObject *body(const pando_mime_t *m);
static GMimeObject *with_files(GMimeObject *whole, const pando_mime_t *m,
    bool shown);
static GMimeObject *text_part(const char *subtype, const char *text);
static GMimeObject *file_part(const pando_mime_file_t *file);
static GMimeObject *around(GMimeObject *first, const char *subtype);
static void content(GMimePart *part, const void *data, size_t len);
static void heads(GMimeMessage *msg, const pando_mime_t *m);
static void raw_header(GMimeMessage *msg, const char *name,
    const char *value);
static char *written(pando_mem_t *mem, GMimeMessage *msg, size_t *len);


char *
pando_mime_write(pando_mem_t *mem, const pando_mime_t *m, size_t *len)
{
    char          *out;
    GMimeObject   *part;
    GMimeMessage  *msg;

    static bool  ready;

    if (!sound(m)) {
        return NULL;
    }

    if (!ready) {
        g_mime_init();
        ready = true;
    }

    msg = g_mime_message_new(FALSE);
    part = body(m);

    heads(msg, m);
    g_mime_message_set_mime_part(msg, part);
    g_object_unref(part);

    out = written(mem, msg, len);
    g_object_unref(msg);

    return out;
}


bool
pando_mime_line_ok(const char *s)
{
    const unsigned char  *p;

    for (p = (const unsigned char *) s; *p; p++) {
        if ((*p < ' ' && *p != '\t') || *p == 0x7f) {
            return false;
        }
    }

    return g_utf8_validate(s, -1, NULL);
}


static bool
all_ok(const pando_mailbox_t *boxes, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (!pando_mime_line_ok(boxes[i].address)
            || (boxes[i].name && !pando_mime_line_ok(boxes[i].name)))
        {
            return false;
        }
    }

    return true;
}


static bool
sound(const pando_mime_t *m)
{
    size_t  i;

    if ((m->text == NULL && m->html == NULL)
        || (m->text && !g_utf8_validate(m->text, -1, NULL))
        || (m->html && !g_utf8_validate(m->html, -1, NULL))
        || !pando_mime_line_ok(m->subject)
        || !pando_mime_line_ok(m->message_id)
        || !all_ok(&m->from, 1) || !all_ok(m->to, m->nto)
        || !all_ok(m->cc, m->ncc)
        || (m->reply_to.address && !all_ok(&m->reply_to, 1)))
    {
        return false;
    }

    for (i = 0; i < m->nheaders; i++) {
        if (!pando_mime_line_ok(m->headers[i].name)
            || strchr(m->headers[i].name, ':')
            || !pando_mime_line_ok(m->headers[i].value))
        {
            return false;
        }
    }

    for (i = 0; i < m->nfiles; i++) {
        if (!pando_mime_line_ok(m->files[i].name)
            || !pando_mime_line_ok(m->files[i].type)
            || (m->files[i].cid && !pando_mime_line_ok(m->files[i].cid)))
        {
            return false;
        }
    }

    return true;
}


/* mixed(related(alternative(text, html), what it shows), files) */

static GMimeObject *
body(const pando_mime_t *m)
{
    GMimeObject  *whole = m->text ? text_part("plain", m->text) : NULL, *html;

    if (m->html) {
        html = text_part("html", m->html);

        if (whole) {
            whole = around(whole, "alternative");
            g_mime_multipart_add(GMIME_MULTIPART(whole), html);
            g_object_unref(html);

        } else {
            whole = html;
        }
    }

    return with_files(with_files(whole, m, true), m, false);
}


static GMimeObject *
with_files(GMimeObject *whole, const pando_mime_t *m, bool shown)
{
    bool          within = false;
    size_t        i;
    GMimeObject  *part;

    for (i = 0; i < m->nfiles; i++) {
        if ((m->files[i].cid != NULL) != shown) {
            continue;
        }

        if (!within) {
            whole = around(whole, shown ? "related" : "mixed");
            within = true;
        }

        part = file_part(&m->files[i]);
        g_mime_multipart_add(GMIME_MULTIPART(whole), part);
        g_object_unref(part);
    }

    return whole;
}


static GMimeObject *
around(GMimeObject *first, const char *subtype)
{
    GMimeMultipart  *multi = g_mime_multipart_new_with_subtype(subtype);

    g_mime_multipart_add(multi, first);
    g_object_unref(first);

    return GMIME_OBJECT(multi);
}


/* Its lines end in LF here, whatever they ended in; CRLF is written. */

static GMimeObject *
text_part(const char *subtype, const char *text)
{
    char        *to, *lines = g_malloc(strlen(text) + 1);
    GMimePart   *part = g_mime_part_new_with_type("text", subtype);
    const char  *p;

    for (p = text, to = lines; *p; p++) {
        if (*p != '\r') {
            *to++ = *p;

        } else if (p[1] != '\n') {
            *to++ = '\n';
        }
    }

    content(part, lines, (size_t) (to - lines));
    g_free(lines);
    g_mime_object_set_content_type_parameter(GMIME_OBJECT(part), "charset",
                                             "utf-8");
    g_mime_part_set_content_encoding(part,
        g_mime_part_get_best_content_encoding(part,
                                              GMIME_ENCODING_CONSTRAINT_7BIT));

    return GMIME_OBJECT(part);
}


static GMimeObject *
file_part(const pando_mime_file_t *file)
{
    GMimePart         *part;
    GMimeContentType  *type = g_mime_content_type_parse(NULL, file->type);

    part = g_mime_part_new_with_type(
               g_mime_content_type_get_media_type(type),
               g_mime_content_type_get_media_subtype(type));
    g_object_unref(type);

    content(part, file->data, file->len);
    g_mime_part_set_content_encoding(part, GMIME_CONTENT_ENCODING_BASE64);
    g_mime_object_set_disposition(GMIME_OBJECT(part),
                                  file->cid ? "inline" : "attachment");
    g_mime_part_set_filename(part, file->name);

    if (file->cid) {
        g_mime_object_set_content_id(GMIME_OBJECT(part), file->cid);
    }

    return GMIME_OBJECT(part);
}


static void
content(GMimePart *part, const void *data, size_t len)
{
    GMimeStream       *stream = g_mime_stream_mem_new_with_buffer(data, len);
    GMimeDataWrapper  *wrapper;

    wrapper = g_mime_data_wrapper_new_with_stream(stream,
                  GMIME_CONTENT_ENCODING_DEFAULT);
    g_mime_part_set_content(part, wrapper);
    g_object_unref(wrapper);
    g_object_unref(stream);
}


static void
heads(GMimeMessage *msg, const pando_mime_t *m)
{
    size_t      i;
    GDateTime  *date;

    date = g_date_time_new_from_unix_utc(m->date / PANDO_TIME_SECOND);

    g_mime_message_add_mailbox(msg, GMIME_ADDRESS_TYPE_FROM, m->from.name,
                               m->from.address);

    for (i = 0; i < m->nto; i++) {
        g_mime_message_add_mailbox(msg, GMIME_ADDRESS_TYPE_TO,
                                   m->to[i].name, m->to[i].address);
    }

    for (i = 0; i < m->ncc; i++) {
        g_mime_message_add_mailbox(msg, GMIME_ADDRESS_TYPE_CC,
                                   m->cc[i].name, m->cc[i].address);
    }

    if (m->reply_to.address) {
        g_mime_message_add_mailbox(msg, GMIME_ADDRESS_TYPE_REPLY_TO,
                                   m->reply_to.name, m->reply_to.address);
    }

    g_mime_message_set_subject(msg, m->subject, "utf-8");
    g_mime_message_set_date(msg, date);
    g_mime_message_set_message_id(msg, m->message_id);
    g_date_time_unref(date);

    for (i = 0; i < m->nheaders; i++) {
        raw_header(msg, m->headers[i].name, m->headers[i].value);
    }
}


/*
 * ASCII is kept as it is, and folded where a comma and a blank are; what is
 * beyond becomes encoded words.
 */

static void
raw_header(GMimeMessage *msg, const char *name, const char *value)
{
    int               last;
    char             *raw, *p;
    GMimeHeaderList  *list = g_mime_object_get_header_list(
                                 GMIME_OBJECT(msg));

    g_mime_object_append_header(GMIME_OBJECT(msg), name, value, "utf-8");

    if (!g_str_is_ascii(value) || strlen(value) > LINE_MAX_BYTES) {
        return;
    }

    raw = g_strconcat(" ", value, "\n", NULL);

    for (p = strstr(raw, ", "); p; p = strstr(p + 2, ", ")) {
        if (p > raw && p[-1] == '>') {
            char  *folded = g_strdup_printf("%.*s,\n %s",
                                            (int) (p - raw), raw, p + 2);

            p = folded + (p - raw);
            g_free(raw);
            raw = folded;
        }
    }

    last = g_mime_header_list_get_count(list) - 1;
    g_mime_header_set_raw_value(g_mime_header_list_get_header_at(list, last),
                                raw);
    g_free(raw);
}


static char *
written(pando_mem_t *mem, GMimeMessage *msg, size_t *len)
{
    char                *out;
    GByteArray          *bytes;
    GMimeStream         *stream = g_mime_stream_mem_new();
    GMimeFormatOptions  *options = g_mime_format_options_new();

    g_mime_format_options_set_newline_format(options,
                                             GMIME_NEWLINE_FORMAT_DOS);
    g_mime_object_write_to_stream(GMIME_OBJECT(msg), options, stream);
    g_mime_format_options_free(options);

    bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
    out = pando_mem_alloc(mem, bytes->len + 1);

    if (out) {
        memcpy(out, bytes->data, bytes->len);
        *len = bytes->len;
    }

    g_object_unref(stream);

    return out;
}
