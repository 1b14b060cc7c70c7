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

typedef struct {
    pando_given_t  given;
    const char    *key, *title;         /* title: words */
    int            class;
    bool           mandatory, digestible, urgent;
    pando_list_t   channels;            /* int: of notifications_channels */
    int64_t        ttl_s;
} notifications_category_in_t;

typedef struct {
    pando_given_t  given;
    int            channel;
    const char    *locale, *title, *body, *url, *image;
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
    const char    *key, *category, *locale;
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
    pando_list_t   users;               /* pando_uuid_t */
} notifications_to_t;

typedef struct {
    pando_given_t               given;
    const char                 *template, *category, *dedup_key;
    notifications_content_in_t  content;
    notifications_to_t          to;
    json_t                     *data;
    pando_list_t                channels;
    int64_t                     ttl_s;
    const char                 *group_key, *object;
    pando_uuid_t                actor_id;
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
                            notifications_send_in, notifications_sent_view,
                            notifications_request_view,
                            notifications_inbox_in, notifications_view,
                            notifications_count_view, notifications_mark_in,
                            notifications_read_all_in,
                            notifications_whose_in,
                            notifications_preferences_in,
                            notifications_preferences_view,
                            notifications_contact_in,
                            notifications_contact_view;

extern const pando_event_t  notifications_created, notifications_read;

extern const pando_problem_t  notifications_unknown_category,
                              notifications_unknown_template,
                              notifications_missing_variable,
                              notifications_bad_template,
                              notifications_unpublished,
                              notifications_bad_zone;

extern const pando_route_t  notifications_categories[],
                            notifications_templates[],
                            notifications_publishing[],
                            notifications_sending[],
                            notifications_inbox[],
                            notifications_preferences[];


/* notifications_rules.c: need nobody */
bool notifications_joins(unsigned code);
size_t notifications_cut(const char *s, size_t len, size_t most);

/* notifications_render.c */
json_t *notifications_contents_tree(pando_req_t *rq,
    const pando_list_t *contents);
json_t *notifications_content_tree(const notifications_content_in_t *in);
void notifications_contents_check(pando_req_t *rq, json_t *contents,
    const char *at);
void notifications_data_check(pando_req_t *rq, json_t *variables,
    json_t *data);
json_t *notifications_written(pando_req_t *rq, json_t *content,
    json_t *data);

/* notifications_send.c */
bool notifications_ask(pando_tx_t *tx, const notifications_send_in_t *in,
    const pando_uuid_t *event, notifications_sent_t *out);

/* notifications_templates.c: the contents of a version as {channel: {locale:
   ...}} */
json_t *notifications_version(pando_tx_t *tx, pando_uuid_t template,
    int64_t no);

/* notifications_shapes.c */
const char **notifications_names(pando_req_t *rq, const pando_list_t *list,
    const char *const *among);
const char *notifications_json(pando_req_t *rq, json_t *tree);

#endif
