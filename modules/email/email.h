/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: the domain's own vocabulary.  A message is one mail to one recipient
 * and perhaps copies; a lane is the way it waits in; what is taken is sent by
 * a provider, of which the embedded one only shows it.
 */

#ifndef EMAIL_H
#define EMAIL_H

#include "pando.h"
#include "email_sql.h"

#define EMAIL_CONTENT     "email.content"      /* what they are concealed for */
#define EMAIL_PROVIDER    "email.provider"
#define EMAIL_MOST_COPIES 20
#define EMAIL_MOST_BYTES  3145728
#define EMAIL_HEADERS     30

typedef enum { EMAIL_TRANSACTIONAL = 0, EMAIL_BULK } email_lane_t;

/* A message as it is asked for. */
typedef struct {
    pando_given_t  given;
    const char    *to, *to_name, *from, *from_name, *reply_to;
    pando_list_t   cc, bcc;
    const char    *subject, *html, *text, *dedup_key, *template, *locale;
    json_t        *headers, *data;
    int            lane;
    bool           mandatory, track;
    pando_uuid_t   list, of;        /* of: that is sent again; not asked */
    pando_time_t   send_at;
    int64_t        ttl_s;
} email_message_in_t;

typedef struct {
    pando_uuid_t   id;
    const char    *state;
} email_taken_t;

/* Why a message is not taken, or a template not filled. */
typedef struct {
    const pando_problem_t  *problem;
    const char             *pointer;
    const char             *reason;         /* of a suppression, or NULL */
    const char             *part, *detail;  /* of a template, where line */
    unsigned                line, column;
} email_fault_t;

typedef struct {
    pando_given_t  given;
    const char    *template, *from, *from_name, *reply_to, *locale;
    int            lane;
    pando_uuid_t   list;
    pando_time_t   send_at;
    int64_t        ttl_s;
    pando_list_t   items;           /* email_item_in_t */
} email_batch_in_t;

typedef struct {
    pando_given_t  given;
    const char    *to, *to_name, *locale, *dedup_key;
    json_t        *data;
} email_item_in_t;

typedef struct {
    pando_given_t  given;
    const char    *key, *locale, *subject, *preheader, *html, *text;
    int            kind;
} email_draft_in_t;

typedef struct {
    pando_given_t  given;
    const char    *to, *locale;
    json_t        *data;
} email_fill_in_t;

typedef struct {
    pando_given_t  given;
    const char    *locale;
} email_locale_in_t;

typedef struct {
    pando_given_t  given;
    const char    *to, *from;
    int            state;
    pando_uuid_t   campaign;
} email_messages_in_t;

typedef struct {
    pando_given_t  given;
    bool           force;
} email_resend_in_t;

typedef struct {
    pando_given_t  given;
    const char    *to, *q;
} email_outbox_in_t;

typedef struct {
    pando_given_t  given;
    pando_list_t   addresses;
    const char    *scope, *note;
    int            reason;
    pando_time_t   expires_at;
} email_suppress_in_t;

typedef struct {
    pando_given_t  given;
    const char    *scope;
    int            reason;
} email_suppressions_in_t;

typedef struct {
    pando_given_t  given;
    const char    *address, *scope;
} email_unsuppress_in_t;

typedef struct { int64_t  deleted; } email_emptied_t;

/* What a message says; its headers are those that were asked for. */
typedef struct {
    const char    *subject, *html, *text;
    json_t        *headers;
    bool           track;           /* opens and clicks */
} email_content_t;

typedef struct {
    pando_given_t  given;
    const char    *name, *description;
} email_list_in_t;

typedef struct {
    pando_given_t  given;
    int            state;
} email_members_in_t;

typedef struct {
    pando_given_t  given;
    const char    *address;
} email_member_named_t;

typedef struct {
    pando_given_t  given;
    const char    *address, *name, *locale;
    json_t        *data;
} email_member_in_t;

typedef struct {
    pando_given_t  given;
    const char    *source, *text;
    pando_time_t   at;
} email_proof_t;

typedef struct {
    pando_given_t  given;
    email_proof_t  proof;
    pando_list_t   members;         /* email_member_in_t */
} email_import_in_t;

typedef struct { int64_t  members; } email_imported_t;

typedef struct {
    pando_given_t  given;
    const char    *address, *name, *locale;
} email_subscribe_in_t;

typedef struct { const char  *state; } email_asked_t;

/* What a link in a mail says of itself; a nil list is none. */
typedef struct {
    pando_uuid_t   tenant, message, list;
    const char    *norm;
} email_link_t;

/* What came back: a mail as others wrote it, in what counts of it. */
#define EMAIL_REPORT_ROWS  8

typedef enum {
    EMAIL_IS_MAIL = 0, EMAIL_IS_REPORT, EMAIL_IS_COMPLAINT,
    EMAIL_IS_AUTOMATIC
} email_is_t;

typedef struct {
    char        action[16], status[12], address[320], diagnostic[300];
} email_report_row_t;

typedef struct {
    email_is_t          is;
    bool                machine, automatic;
    unsigned            depth;
    size_t              n;
    email_report_row_t  rows[EMAIL_REPORT_ROWS];
    char                from[320], subject[300], message_id[300],
                        original_to[320], feedback[40];
} email_report_t;

/* b, u or r, and the message whose tag it is, or of r the address; kind 0: no
   such address. */
typedef struct {
    char           kind;
    pando_uuid_t   message;
    char           hex[17];
} email_tag_t;

typedef struct {
    pando_given_t  given;
    const char    *to;
} email_inbound_in_t;

typedef struct { const char  *outcome; } email_received_t;

/* One of the variants that are tried on a part of who gets a campaign. */
#define EMAIL_ARMS  5
#define EMAIL_SURE  0.95
#define EMAIL_SURE_FROM  100   /* sent of each */

typedef struct {
    pando_given_t  given;
    const char    *key, *subject, *from_name, *template;
    int64_t        delay_s;
    bool           holdout;
} email_variant_in_t;

typedef struct {
    pando_given_t  given;
    int64_t        share, decide_after_s;
    int            metric;
    pando_list_t   variants;        /* email_variant_in_t */
} email_ab_in_t;

typedef struct {
    pando_given_t  given;
    const char    *name, *template, *from, *from_name, *reply_to,
                  *postal_address;
    pando_uuid_t   list_id;
    int64_t        rate;
    bool           local;
    email_ab_in_t  ab;
} email_campaign_in_t;

typedef struct {
    pando_given_t  given;
    const char    *variant;
} email_pick_in_t;

typedef struct {
    pando_given_t  given;
    int            state;
} email_campaigns_in_t;

typedef struct {
    pando_given_t  given;
    pando_time_t   send_at;
} email_schedule_in_t;

typedef struct {
    pando_given_t  given;
    pando_uuid_t   campaign_id;
} email_campaign_job_t;

typedef struct {
    bool           valid;
    const char    *code, *text;
} email_verdict_t;

typedef struct {
    pando_given_t  given;
    const char    *domain;
} email_domain_in_t;

typedef struct {
    pando_given_t  given;
    pando_uuid_t   domain_id;
} email_domain_job_t;

typedef struct {
    pando_given_t  given;
    int            by;
    pando_time_t   since, until;
    pando_uuid_t   campaign;
} email_analytics_in_t;

/* The address of a link, where it stands in HTML. */
typedef struct {
    const char    *s;
    size_t         len;
} email_href_t;

/* How an attempt went; neither outcome nor away: it is noted already. */
typedef struct {
    const char    *outcome;         /* NULL: it was not tried */
    int32_t        code;            /* 0: none */
    const char    *enhanced, *diagnostic, *class, *ref;
    const char    *away;            /* what is wrong with the provider */
    int64_t        after_ms;        /* 0: by the plan */
} email_outcome_t;

/* A mail as it goes out. */
typedef struct {
    char               *bytes;
    size_t              len;
    const char *const  *rcpts;      /* ends in NULL */
    size_t              nrcpts;
    const pando_mime_t *parts;
} email_mail_t;

typedef enum {
    EMAIL_CAPTURE = 0, EMAIL_SMTP, EMAIL_SENDGRID, EMAIL_SES
} email_kind_t;

typedef struct {
    pando_given_t  given;
    const char    *name, *host, *user, *secret, *base_url, *region,
                  *events_key, *topic_arn, *configuration_set;
    int            kind, tls;
    int64_t        port, weight;
    pando_list_t   lanes;
    bool           enabled;
} email_provider_in_t;

typedef struct {
    bool           good;
    int64_t        code;
    const char    *text;
} email_probe_t;

extern const pando_shape_t  email_message_in, email_taken_view,
                            email_message_view, email_message_detail,
                            email_messages_in, email_resend_in,
                            email_outbox_in, email_outbox_view,
                            email_captured_view, email_emptied_view,
                            email_suppression_view, email_suppress_in,
                            email_suppressions_in, email_unsuppress_in,
                            email_batch_in, email_batch_view,
                            email_template_in, email_template_view,
                            email_template_detail, email_draft_in,
                            email_fill_in, email_test_in, email_locale_in,
                            email_content_view, email_provider_in,
                            email_provider_patch, email_provider_view,
                            email_probe_view, email_list_in,
                            email_list_patch, email_list_view,
                            email_member_view, email_members_in,
                            email_import_in, email_imported_view,
                            email_member_named, email_subscribe_in,
                            email_asked_view, email_inbound_in,
                            email_received_view, email_inbound_view,
                            email_campaign_in, email_campaign_patch,
                            email_campaign_view, email_campaign_detail,
                            email_campaigns_in, email_schedule_in,
                            email_verdict_view, email_campaign_job,
                            email_pick_in, email_ab_shape,
                            email_told_view,
                            email_domain_in, email_domain_view,
                            email_domain_job, email_analytics_in,
                            email_analytics_view;
extern const pando_event_t  email_sent, email_bounced, email_unsubscribed,
                            email_complained, email_delivered,
                            email_received, email_started, email_finished,
                            email_failing, email_opened, email_clicked;
extern const pando_route_t  email_messages[], email_outbox[],
                            email_suppressions[], email_templates[],
                            email_providers[], email_lists[],
                            email_links[], email_inbound[],
                            email_campaigns[], email_domains[],
                            email_tracking[], email_variants[],
                            email_notices[];
extern const pando_call_t   email_calls[];
extern const pando_hear_t   email_hears[];
extern const pando_job_t    email_transactional, email_bulk, email_sweep,
                            email_forget, email_campaign,
                            email_campaign_start, email_decide,
                            email_recheck,
                            email_recheck_one;
extern const pando_setting_t  email_settings[];
extern const pando_problem_t  email_bad_address, email_is_suppressed,
                              email_bad_header, email_no_content,
                              email_too_large, email_unknown_template,
                              email_missing_variable, email_bad_template,
                              email_template_syntax, email_bad_variants;
extern const char *const    email_lanes[], *const  email_states[],
                            *const  email_reasons[],
                            *const  email_template_kinds[],
                            *const  email_kinds[], *const  email_tls[],
                            *const  email_member_states[],
                            *const  email_campaign_states[],
                            *const  email_by[], *const  email_metrics[];


/* email_rules.c */
char *email_text_of(const char *html, char *out);
bool email_header_ok(const char *name);
const char *email_bounce_class(int code, const char *enhanced,
    const char *text);
bool email_enhanced(const char *text, char out[12]);
int email_winner(const pando_odds_t *arms, size_t n, bool over);

/* email_variants.c */
const char *email_ab_text(pando_req_t *rq, const email_campaign_in_t *in,
    const char *was);

/* email_report.c */
void email_report_read(const char *mail, size_t len, email_report_t *out);
void email_tag_read(const char *address, email_tag_t *tag);

/* email_content.c */
const char *email_content_conceal(pando_req_t *rq,
    const email_content_t *content);
const char *email_hex(pando_req_t *rq, const void *data, size_t len);
const char *email_words(pando_req_t *rq, const char *text);
bool email_content_reveal(pando_req_t *rq, const char *concealed,
    email_content_t *content);
json_t *email_content_tree(const email_content_t *content);

/* email_take.c: false: *fault says why it is not taken */
PANDO_WAITS bool email_take(pando_req_t *rq, pando_tx_t *tx,
    const email_message_in_t *in, const char *at, email_taken_t *out,
    email_fault_t *fault);
pando_address_t *email_address(pando_req_t *rq, const char *text);
pando_address_t *email_address_or_422(pando_req_t *rq, const char *text,
    const char *pointer);

/* email_render.c */
bool email_render(pando_req_t *rq, const email_source_t *rows, size_t n,
    json_t *data, email_content_t *out, email_fault_t *fault);
bool email_check(pando_req_t *rq, const email_source_t *rows, size_t n,
    email_fault_t *fault);
void email_fault_leave(pando_req_t *rq, const email_fault_t *fault)
    PANDO_NORETURN;

/* email_links.c: of kind u to leave a list, s to be on it */
const char *email_link(pando_req_t *rq, char kind, pando_uuid_t tenant,
    pando_uuid_t message, const pando_uuid_t *list, const char *norm);

/*
 * email_compose.c: false: no mail can be made of it.  Where a text has
 * public_url and EMAIL_LEAVE, the mail has its own link to unsubscribe.
 */
#define EMAIL_LEAVE  "/e/u/~"

bool email_compose(pando_req_t *rq, const email_claim_t *m, bool bulk,
    const email_content_t *content, email_mail_t *mail);

/* email_hrefs.c */
size_t email_hrefs(const char *html, const char *leave, email_href_t *out,
    size_t most);
char *email_unescape(char *s);
bool email_agent_is_machine(const char *agent);

/* email_tracking.c */
PANDO_WAITS const char *email_tracked(pando_req_t *rq,
    const email_claim_t *m, const char *html, const char *leave);

/* email_domains.c: false: nobody may sign for this sender */
PANDO_WAITS bool email_may_send(pando_req_t *rq, const char *sender);
PANDO_WAITS bool email_sign(pando_req_t *rq, const char *sender,
    email_mail_t *mail);

/* email_http.c */
PANDO_WAITS email_outcome_t email_by_sendgrid(pando_req_t *rq,
    const email_claim_t *m, const email_mail_t *mail, json_t *config,
    const char *secret);
PANDO_WAITS email_outcome_t email_by_ses(pando_req_t *rq,
    const email_claim_t *m, const email_mail_t *mail, json_t *config,
    const char *secret);
PANDO_WAITS void email_http_test(pando_req_t *rq, json_t *config,
    const char *secret, bool ses, email_probe_t *out);

/* email_send.c */
PANDO_WAITS email_outcome_t email_send(pando_req_t *rq,
    const email_claim_t *m, bool bulk);

#endif
