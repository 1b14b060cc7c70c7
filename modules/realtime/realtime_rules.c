/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Realtime: the pure part.  Names of channels, who may hear and say what in
 * them, positions and how messages travel: "epoch offset data".
 */

#include "realtime.h"


static bool is_own(const char *name, size_t prefix, const char *id);
static bool is_epoch(const char *s, size_t len);
static bool is_offset(const char *s, size_t len, int64_t *out);


bool
realtime_name_ok(const char *name, size_t len)
{
    size_t  i;

    if (len == 0 || len > REALTIME_NAME_MAX) {
        return false;
    }

    for (i = 0; i < len; i++) {
        if (!((name[i] >= 'a' && name[i] <= 'z')
              || (name[i] >= 'A' && name[i] <= 'Z')
              || (name[i] >= '0' && name[i] <= '9')
              || name[i] == ':' || name[i] == '_' || name[i] == '.'
              || name[i] == '-'))
        {
            return false;
        }
    }

    return true;
}


/* What is behind the prefix is that id, a colon and at least one character. */

static bool
is_own(const char *name, size_t prefix, const char *id)
{
    size_t  len = strlen(id);

    return strncmp(name + prefix, id, len) == 0 && len > 0
           && name[prefix + len] == ':' && name[prefix + len + 1] != '\0';
}


bool
realtime_may_hear(const char *name, const char *user, const char *tenant,
    const realtime_space_t *space, bool reads)
{
    if (strncmp(name, "user:", 5) == 0) {
        return is_own(name, 5, user);
    }

    if (strncmp(name, "tenant:", 7) == 0) {
        return is_own(name, 7, tenant);
    }

    return space->subscribes == REALTIME_BY_MEMBER
           || (space->subscribes == REALTIME_BY_SCOPE && reads);
}


bool
realtime_may_say(const char *name, const char *tenant,
    const realtime_space_t *space, bool writes)
{
    if (strncmp(name, "tenant:", 7) == 0) {
        return is_own(name, 7, tenant) && writes;
    }

    if (strncmp(name, "user:", 5) == 0) {
        return writes;
    }

    return space->publishes == REALTIME_BY_MEMBER
           || (space->publishes == REALTIME_BY_SCOPE && writes);
}


/* What is agreed for it; nothing is, where its beginning is in none. */

void
realtime_space_of(const char *name, const realtime_space_t *spaces, size_t n,
    realtime_space_t *out)
{
    size_t  i, len = strcspn(name, ":");

    *out = (realtime_space_t) { .max_size = 65536 };

    if (len == 3 && memcmp(name, "doc", 3) == 0) {
        out->publishes = REALTIME_BY_NOBODY;
        out->presence = out->join_leave = true;
        return;
    }

    for (i = 0; i < n; i++) {
        if (strlen(spaces[i].prefix) == len
            && memcmp(spaces[i].prefix, name, len) == 0)
        {
            *out = spaces[i];
            return;
        }
    }
}


static bool
is_epoch(const char *s, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f'))) {
            return false;
        }
    }

    return len == REALTIME_EPOCH - 1;
}


static bool
is_offset(const char *s, size_t len, int64_t *out)
{
    size_t   i;
    int64_t  n = 0;

    if (len == 0 || len > 15) {
        return false;
    }

    for (i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9') {
            return false;
        }

        n = n * 10 + (s[i] - '0');
    }

    *out = n;

    return true;
}


bool
realtime_spot_parse(const char *s, size_t len, realtime_spot_t *out)
{
    int64_t  offset;
    size_t   epoch = REALTIME_EPOCH - 1;

    if (len < epoch + 2 || s[epoch] != ':' || !is_epoch(s, epoch)
        || !is_offset(s + epoch + 1, len - epoch - 1, &offset))
    {
        return false;
    }

    memcpy(out->epoch, s, epoch);
    out->epoch[epoch] = '\0';
    out->offset = offset;

    return true;
}


void
realtime_spot_print(const realtime_spot_t *spot, char out[REALTIME_SPOT_TEXT])
{
    (void) snprintf(out, REALTIME_SPOT_TEXT, "%s:%lld", spot->epoch,
                    (long long) spot->offset);
}


bool
realtime_told_parse(const char *text, size_t len, realtime_spot_t *spot,
    const char **data, size_t *dlen)
{
    size_t       epoch = REALTIME_EPOCH - 1;
    int64_t      offset;
    const char  *end;

    if (len < epoch + 3 || text[epoch] != ' ' || !is_epoch(text, epoch)) {
        return false;
    }

    end = memchr(text + epoch + 1, ' ', len - epoch - 1);

    if (end == NULL
        || !is_offset(text + epoch + 1, (size_t) (end - text) - epoch - 1,
                      &offset))
    {
        return false;
    }

    memcpy(spot->epoch, text, epoch);
    spot->epoch[epoch] = '\0';
    spot->offset = offset;
    *data = end + 1;
    *dlen = len - (size_t) (end + 1 - text);

    return true;
}


/* "order.created", "order.*" or "*" */

bool
realtime_type_fits(const char *pattern, size_t len, const char *type)
{
    if (len > 0 && pattern[len - 1] == '*') {
        return strncmp(pattern, type, len - 1) == 0;
    }

    return strlen(type) == len && memcmp(pattern, type, len) == 0;
}
