/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Notifications: the domain's own vocabulary.  A category says what kind of
 * thing it is, a template what is written, a request that it be told to
 * somebody; a delivery is its way to one user over one channel to one target,
 * and what lies in a user's inbox is a notification.
 */

#ifndef NOTIFICATIONS_H
#define NOTIFICATIONS_H

#include "pando.h"
#include "notifications_sql.h"

#define NOTIFICATIONS_KEY         100   /* characters of a key */
#define NOTIFICATIONS_TITLE       200
#define NOTIFICATIONS_BODY        2000
#define NOTIFICATIONS_URL         2000
#define NOTIFICATIONS_USERS       500   /* of one request; of one chunk */
#define NOTIFICATIONS_CONTENTS    60    /* of one version of a template */
#define NOTIFICATIONS_DATA        "notifications.data"
#define NOTIFICATIONS_TOKEN       "notifications.token"
#define NOTIFICATIONS_EVENT       "notifications.event"
#define NOTIFICATIONS_JWT         2048
#define NOTIFICATIONS_WEBPUSH     1     /* of notifications_platforms */

typedef struct {
    pando_given_t  given;
    const char    *key, *title;         /* title: words */
    int            class;
    bool           mandatory, digestible, urgent;
    pando_list_t   channels;            /* int: of notifications_channels */
    int64_t        ttl_s, cap_push_day, cap_week, digest_window_s,
                   digest_max_s;
} notifications_category_in_t;

typedef struct {
    pando_given_t  given;
    int            channel;
    const char    *locale, *title, *body, *url, *image, *template;
    pando_list_t   actions;             /* notifications_action_t */
} notifications_content_in_t;

typedef struct {
    pando_given_t  given;
    const char    *id, *title, *url;
} notifications_action_t;

typedef struct {
    pando_given_t  given;
    const char    *name;
    bool           required;
    json_t        *example;
} notifications_variable_t;

typedef struct {
    pando_given_t  given;
    int            channel;
    int64_t        after_s;
    const char    *condition;
} notifications_step_t;

typedef struct {
    pando_given_t  given;
    const char    *event, *to, *group;
} notifications_rule_t;

typedef struct {
    pando_given_t  given;
    const char    *key, *category, *locale;
    pando_list_t   flow;                /* notifications_step_t */
    pando_list_t   events;              /* notifications_rule_t */
    pando_list_t   variables;           /* notifications_variable_t */
    pando_list_t   contents;            /* notifications_content_in_t */
} notifications_template_in_t;

typedef struct {
    pando_given_t  given;
    json_t        *data;
    const char    *locale;
} notifications_preview_in_t;

typedef struct {
    pando_given_t  given;
    int64_t        to;
} notifications_rollback_in_t;

typedef struct {
    pando_given_t  given;
    json_t        *data;
} notifications_test_in_t;

typedef struct {
    pando_given_t  given;
    const char    *email, *phone, *locale;
} notifications_address_t;

typedef struct {
    pando_given_t            given;
    pando_list_t             users;     /* pando_uuid_t */
    const char              *topic;
    notifications_address_t  address;
} notifications_to_t;

typedef struct {
    pando_given_t               given;
    const char                 *template, *category, *dedup_key;
    notifications_content_in_t  content;
    notifications_to_t          to;
    json_t                     *data;
    pando_list_t                channels;
    int64_t                     ttl_s;
    pando_time_t                send_at;
    const char                 *group_key, *object;
    pando_uuid_t                actor_id;
    json_t                     *written;    /* not of a body: contents that
                                               are written already */
} notifications_send_in_t;

typedef struct {
    pando_uuid_t  id;
    int64_t       planned;
} notifications_sent_t;

typedef struct {
    pando_given_t  given;
    bool           unread;
    const char    *category, *group;
} notifications_inbox_in_t;

typedef struct {
    pando_given_t  given;
    bool           read, seen, archived, pinned;
} notifications_mark_in_t;

typedef struct {
    pando_given_t  given;
    pando_time_t   before;
    const char    *category;
} notifications_read_all_in_t;

typedef struct {
    pando_given_t  given;
    int            of;
} notifications_whose_in_t;

typedef struct {
    pando_given_t  given;
    const char    *category;
    int            channel, value;
} notifications_preference_t;

typedef struct {
    pando_given_t  given;
    pando_list_t   data;                /* notifications_preference_t */
} notifications_preferences_in_t;

typedef struct {
    pando_given_t  given;
    const char    *email, *phone, *locale, *time_zone;
    bool           marketing;
} notifications_contact_in_t;

typedef struct {
    pando_given_t  given;
    const char    *quiet_from, *quiet_to, *digest_at;
    pando_list_t   days;                /* int64_t */
    pando_time_t   dnd_until;
} notifications_schedule_in_t;

typedef struct {
    pando_given_t  given;
    int            platform, environment;
    const char    *token, *p256dh, *auth, *device_id, *app_id;
} notifications_device_in_t;

typedef struct {
    pando_given_t  given;
    const char    *key, *title;         /* title: words */
    bool           open;
} notifications_topic_in_t;

typedef struct {
    pando_given_t  given;
    int            event;
    const char    *token;
} notifications_event_in_t;

typedef struct {
    pando_given_t  given;
    const char    *to, *to_name, *template, *locale, *subject, *html, *text;
    const char    *body, *dedup_key;
    json_t        *data;
} notifications_hand_in_t;

/* How an attempt went: sent, delivered, retry, failed, gone; later, where it
   was none. */
typedef struct {
    const char  *how, *provider, *ref, *error;
    int32_t      after_s;
} notifications_outcome_t;

extern const char *const    notifications_platforms[];
extern const char *const    notifications_environments[];
extern const char *const    notifications_tracked[];
extern const char *const    notifications_channels[];
extern const char *const    notifications_classes[];

extern const pando_shape_t  notifications_category_in,
                            notifications_category_patch,
                            notifications_category_view,
                            notifications_action_shape,
                            notifications_template_in,
                            notifications_template_patch,
                            notifications_template_view,
                            notifications_preview_in,
                            notifications_preview_view,
                            notifications_rollback_in,
                            notifications_test_in,
                            notifications_send_in, notifications_sent_view,
                            notifications_request_view,
                            notifications_inbox_in, notifications_view,
                            notifications_count_view, notifications_mark_in,
                            notifications_read_all_in,
                            notifications_whose_in,
                            notifications_preferences_in,
                            notifications_preferences_view,
                            notifications_contact_in,
                            notifications_contact_view,
                            notifications_schedule_in,
                            notifications_schedule_view,
                            notifications_device_in,
                            notifications_device_view,
                            notifications_vapid_view,
                            notifications_outbox_view,
                            notifications_topic_in,
                            notifications_topic_patch,
                            notifications_topic_view,
                            notifications_event_in,
                            notifications_token_in,
                            notifications_texts_view,
                            notifications_leave_view,
                            notifications_email_in, notifications_sms_in,
                            notifications_handed_view;

extern const pando_event_t  notifications_created, notifications_read,
                            notifications_delivered, notifications_failed,
                            notifications_clicked,
                            notifications_token_disabled;
extern const pando_job_t    notifications_dispatch,
                            notifications_dispatch_bulk,
                            notifications_step, notifications_fan_out,
                            notifications_release, notifications_forget,
                            notifications_count_up, notifications_heal;

extern const pando_problem_t  notifications_unknown_category,
                              notifications_unknown_template,
                              notifications_missing_variable,
                              notifications_bad_template,
                              notifications_unpublished,
                              notifications_bad_condition,
                              notifications_bad_zone;

extern const pando_route_t  notifications_categories[],
                            notifications_templates[],
                            notifications_publishing[],
                            notifications_sending[],
                            notifications_inbox[],
                            notifications_preferences[],
                            notifications_schedules[],
                            notifications_devices[],
                            notifications_topics[], notifications_tracking[],
                            notifications_leaving[],
                            notifications_communications[],
                            notifications_figures[],
                            notifications_broadcasts[];
extern const pando_call_t   notifications_calls[];
extern const pando_hear_t   notifications_hears[];


/* notifications_rules.c: need nobody */
bool notifications_joins(unsigned code);
size_t notifications_cut(const char *s, size_t len, size_t most);
int64_t notifications_seconds(const char *text, pando_time_t now);
bool notifications_clock(const char *text);

/* notifications_render.c */
json_t *notifications_contents_tree(pando_req_t *rq,
    const pando_list_t *contents);
json_t *notifications_content_tree(const notifications_content_in_t *in);
void notifications_contents_check(pando_req_t *rq, json_t *contents,
    const char *at);
const char *notifications_lacks(json_t *variables, json_t *data);
void notifications_data_check(pando_req_t *rq, json_t *variables,
    json_t *data);
json_t *notifications_written(pando_req_t *rq, json_t *content,
    json_t *data, bool lenient);

/* notifications_send.c */
bool notifications_ask(pando_tx_t *tx, const notifications_send_in_t *in,
    const pando_uuid_t *event, bool lenient, bool alone,
    notifications_sent_t *out);

/* notifications_templates.c: the contents of a version as {channel: {locale:
   ...}} */
json_t *notifications_version(pando_tx_t *tx, pando_uuid_t template,
    int64_t no);

/* notifications_preferences.c */
void notifications_match(pando_req_t *rq, const int64_t *version);

/* notifications_devices.c */
unsigned char *notifications_bytes(pando_req_t *rq, const char *text,
    size_t size);
notifications_vapid_t *notifications_vapid(pando_req_t *rq,
    const char **pem);

/* notifications_dispatch.c */
void notifications_deliver(pando_req_t *rq,
    const notifications_claim_t *row);

/* notifications_push.c, notifications_vendors.c */
void notifications_push(pando_req_t *rq, const notifications_claim_t *row,
    notifications_outcome_t *out);
bool notifications_answered(const pando_fetched_t *got,
    notifications_outcome_t *out);
json_t *notifications_payload(pando_req_t *rq,
    const notifications_claim_t *row, size_t most);
void notifications_fcm(pando_req_t *rq, const notifications_claim_t *row,
    const char *token, notifications_outcome_t *out);
void notifications_apns(pando_req_t *rq, const notifications_claim_t *row,
    const char *token, notifications_outcome_t *out);

/* notifications_channels.c */
void notifications_email(pando_req_t *rq, const notifications_claim_t *row,
    notifications_outcome_t *out);
void notifications_sms(pando_req_t *rq, const notifications_claim_t *row,
    notifications_outcome_t *out);

void notifications_webhook(pando_req_t *rq,
    const notifications_claim_t *row, notifications_outcome_t *out);

/* notifications_steps.c: a step's condition, when it is saved and when it is
   its turn */
void notifications_condition_check(pando_req_t *rq, const char *text,
    size_t step);
PANDO_WAITS bool notifications_condition_holds(pando_req_t *rq,
    pando_tx_t *tx, pando_uuid_t request, pando_uuid_t user, int32_t no);

/* notifications_leave.c */
const char *notifications_leave_token(pando_req_t *rq,
    const notifications_claim_t *row);

/* notifications_track.c */
const char *notifications_event_token(pando_req_t *rq,
    const notifications_claim_t *row);

/* notifications_shapes.c */
const char **notifications_names(pando_req_t *rq, const pando_list_t *list,
    const char *const *among);
const char *notifications_json(pando_req_t *rq, json_t *tree);

#endif
