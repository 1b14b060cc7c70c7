/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Realtime: events of all domains, told to the channels that the setting
 * names.  An event is told once however often this runs: its id is the
 * message's.  While Redis is away it is tried again, later each time.
 */

#include "realtime.h"


static void follow(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told);
static void rights(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told);
static const char *whom(pando_req_t *rq, const pando_told_t *told,
    const char *member);
static const char *channel_of(pando_req_t *rq, const pando_told_t *told,
    const char *text, size_t len);
static const char *value_of(pando_req_t *rq, const pando_told_t *told,
    const char *name, size_t len);


const pando_hear_t  realtime_hears[] = {

    { "realtime.follow", "*", follow, .attempts = 12, .anew = true,
      .note = "tells events to the channels they are mapped to" },

    { "realtime.rights", "realtime.namespace_changed session.revoked "
      "permission.revoked membership.removed tenant.suspended "
      "user.erasure_requested", rights, .attempts = 12,
      .note = "has what is open looked at again" },

    PANDO_END
};


static void
follow(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told)
{
    bool              repeated;
    size_t            type, rest;
    const char       *rule, *name, *tenant, *event = NULL;
    realtime_spot_t   spot;
    realtime_space_t  space;

    if (!told->has_tenant || !pando_has_redis()) {
        return;
    }

    for (rule = pando_setting(rq, "events"); *rule;
         rule += rest + (rule[rest] == ';'))
    {
        rule += strspn(rule, " ");
        rest = strcspn(rule, ";");
        type = strcspn(rule, " ;");

        if (type == rest || !realtime_type_fits(rule, type, told->type)) {
            continue;
        }

        name = channel_of(rq, told, rule + type + 1, rest - type - 1);

        if (name == NULL) {
            continue;
        }

        event = event ? event : pando_cloudevent(rq, told);
        tenant = pando_uuid_text(rq, told->tenant);

        if (!realtime_space(rq, tenant, name, &space)
            || !realtime_append(rq, tenant, name, &space, event, strlen(event),
                                pando_uuid_text(rq, told->id), &spot,
                                &repeated))
        {
            pando_leave(rq, &realtime_away);
        }
    }
}


/*
 * What somebody may not any more ends where it is open, in every worker of
 * every node.  Whose permission was taken loses what he heard by his scope,
 * and may ask for it again with what he then has.
 */

static void
rights(pando_req_t *rq, pando_tx_t *tx, const pando_told_t *told)
{
    json_t      *what;
    const char  *type = told->type, *verb = "close", *who = "user";
    const char  *id = NULL;

    if (strcmp(type, "user.erasure_requested") == 0 && told->has_subject) {
        realtime_sql_forget_user(tx, told->subject);
    }

    if (!told->has_tenant || !pando_has_redis()) {
        return;
    }

    if (strcmp(type, "realtime.namespace_changed") == 0) {
        verb = "spaces";

    } else if (strcmp(type, "session.revoked") == 0) {
        who = "session";
        id = whom(rq, told, "sid");

    } else if (strcmp(type, "tenant.suspended") != 0) {
        verb = strcmp(type, "permission.revoked") == 0 ? "narrow" : "close";
        id = whom(rq, told, "user_id");
    }

    what = json_pack("{s:s, s:s, s:i}", "do", verb, "tenant",
                     pando_uuid_text(rq, told->tenant), "code",
                     REALTIME_CLOSE_REVOKED);

    if (id) {
        json_object_set_new(what, who, json_string(id));
    }

    if (!realtime_control(what)) {
        pando_leave(rq, &realtime_away);
    }
}


/* The one in its data, or else its subject; nobody, where neither is there. */

static const char *
whom(pando_req_t *rq, const pando_told_t *told, const char *member)
{
    json_t      *value = json_object_get(pando_told_tree(rq, told), member);
    const char  *text = json_string_value(value);

    if (text && *text) {
        return text;
    }

    return told->has_subject ? pando_uuid_text(rq, told->subject) : "-";
}


/* NULL: the event lacks what the name asks for. */

static const char *
channel_of(pando_req_t *rq, const pando_told_t *told, const char *text,
    size_t len)
{
    size_t       plain, name;
    const char  *out = "", *end = text + len, *value;

    while (end > text && end[-1] == ' ') {
        end--;
    }

    while (text < end) {
        plain = strcspn(text, "{;");
        plain = plain < (size_t) (end - text) ? plain : (size_t) (end - text);
        out = pando_text(rq, "%s%.*s", out, (int) plain, text);
        text += plain;

        if (text >= end) {
            break;
        }

        name = strcspn(++text, "};");
        value = text[name] == '}' ? value_of(rq, told, text, name) : NULL;

        if (value == NULL) {
            return NULL;
        }

        out = pando_text(rq, "%s%s", out, value);
        text += name + 1;
    }

    return realtime_name_ok(out, strlen(out)) ? out : NULL;
}


static const char *
value_of(pando_req_t *rq, const pando_told_t *told, const char *name,
    size_t len)
{
    const char  *key;

    if (len == 6 && memcmp(name, "tenant", 6) == 0) {
        return pando_uuid_text(rq, told->tenant);
    }

    if (len == 7 && memcmp(name, "subject", 7) == 0) {
        return told->has_subject ? pando_uuid_text(rq, told->subject) : NULL;
    }

    if (len > 5 && memcmp(name, "data.", 5) == 0) {
        key = pando_copy(rq, name + 5, len - 5);
        return json_string_value(json_object_get(pando_told_tree(rq, told),
                                                 key));
    }

    return NULL;
}
