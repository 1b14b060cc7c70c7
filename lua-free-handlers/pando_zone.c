/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Zones from the system's tzdata (TZif, RFC 8536).
 *
 * What must stay true: a name cannot lead out of the folder; a file is
 * believed in nothing that it says of its own size; a zone that was given out
 * is never changed or freed, since a flow may hold it.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pando_zone.h"


#define FOLDER    "/usr/share/zoneinfo/"
#define LARGEST   65536                 /* bytes of a file */
#define HEAD      44


typedef struct { const unsigned char *p, *end; } part_t;

typedef struct {
    uint32_t  isut, isstd, leap, times, types, chars;
} counts_t;


static bool name_ok(const char *name);
static pando_zone_t *load(const char *name);
static unsigned char *slurp(const char *path, size_t *len);
static bool parse(pando_zone_t *zone, const unsigned char *data, size_t len);
static bool head(part_t *in, counts_t *n);
static size_t block(const counts_t *n, size_t width);
static bool changes(pando_zone_t *zone, const part_t *in,
    const counts_t *n);
static uint32_t be32(const unsigned char *p);


static pando_zone_t  *zones;


const pando_zone_t *
pando_zone(const char *name)
{
    pando_zone_t  *zone;

    for (zone = zones; zone; zone = zone->next) {
        if (!zone->stale && strcmp(zone->name, name) == 0) {
            return zone;
        }
    }

    if (!name_ok(name)) {
        return NULL;
    }

    zone = load(name);

    if (zone) {
        zone->next = zones;
        zones = zone;
    }

    return zone;
}


const char *
pando_zone_name(const pando_zone_t *zone)
{
    return zone->name;
}


void
pando_zones_forget(void)
{
    pando_zone_t  *zone;

    for (zone = zones; zone; zone = zone->next) {
        zone->stale = 1;
    }
}


const char *
pando_zones_version(void)
{
    static char  version[16];

    int      fd = open(FOLDER "tzdata.zi", O_RDONLY|O_CLOEXEC);
    char     line[40];
    ssize_t  n = fd < 0 ? 0 : read(fd, line, sizeof(line) - 1);

    if (fd >= 0) {
        close(fd);
    }

    line[n > 0 ? n : 0] = '\0';
    version[0] = '\0';
    (void) sscanf(line, "# version %15[0-9a-z]", version);

    return version;
}


/* "Area/City": not those of tzdata that count leap seconds, nor a path. */

static bool
name_ok(const char *name)
{
    size_t  n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                             "abcdefghijklmnopqrstuvwxyz0123456789_+-/");

    return n > 0 && name[n] == '\0' && n < sizeof(((pando_zone_t *) 0)->name)
           && name[0] >= 'A' && name[0] <= 'Z';
}


static pando_zone_t *
load(const char *name)
{
    char            path[sizeof(FOLDER) + sizeof(((pando_zone_t *) 0)->name)];
    size_t          len;
    pando_zone_t   *zone;
    unsigned char  *data;

    snprintf(path, sizeof(path), FOLDER "%s", name);
    data = slurp(path, &len);

    if (data == NULL) {
        return NULL;
    }

    zone = calloc(1, sizeof(pando_zone_t));

    if (zone) {
        memcpy(zone->name, name, strlen(name) + 1);

        if (!parse(zone, data, len)) {
            free(zone->at);
            free(zone->after);
            free(zone);
            zone = NULL;
        }
    }

    free(data);

    return zone;
}


static unsigned char *
slurp(const char *path, size_t *len)
{
    int             fd = open(path, O_RDONLY|O_CLOEXEC);
    ssize_t         n = -1;
    struct stat     st;
    unsigned char  *data = NULL;

    if (fd < 0) {
        return NULL;
    }

    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > HEAD
        && st.st_size <= LARGEST)
    {
        data = malloc((size_t) st.st_size);
        n = data ? read(fd, data, (size_t) st.st_size) : -1;
    }

    close(fd);

    if (n != st.st_size) {
        free(data);
        return NULL;
    }

    *len = (size_t) n;

    return data;
}


/* The second part, with times of 64 bits, and the rule behind it. */

static bool
parse(pando_zone_t *zone, const unsigned char *data, size_t len)
{
    part_t                in = { data, data + len };
    size_t                size;
    counts_t              n;
    const unsigned char  *end;

    if (!head(&in, &n) || data[4] < '2') {
        return false;
    }

    size = block(&n, 4);

    if (size > (size_t) (in.end - in.p)) {
        return false;
    }

    in.p += size;

    if (!head(&in, &n)) {
        return false;
    }

    size = block(&n, 8);

    if (n.types == 0 || n.leap != 0 || size > (size_t) (in.end - in.p)
        || !changes(zone, &in, &n))
    {
        return false;
    }

    in.p += size;

    if (in.p == in.end || *in.p++ != '\n') {
        return false;
    }

    end = memchr(in.p, '\n', (size_t) (in.end - in.p));

    return end && pando_zone_footer(zone, (const char *) in.p,
                                    (size_t) (end - in.p));
}


static bool
head(part_t *in, counts_t *n)
{
    const unsigned char  *p = in->p;

    if (in->end - p < HEAD || memcmp(p, "TZif", 4) != 0) {
        return false;
    }

    *n = (counts_t) {
        .isut = be32(p + 20), .isstd = be32(p + 24), .leap = be32(p + 28),
        .times = be32(p + 32), .types = be32(p + 36), .chars = be32(p + 40)
    };

    in->p += HEAD;

    return n->isut <= 256 && n->isstd <= 256 && n->leap <= 1000
           && n->times <= 5000 && n->types <= 256 && n->chars <= 1000;
}


static size_t
block(const counts_t *n, size_t width)
{
    return n->times * (width + 1) + n->types * 6 + n->chars
           + n->leap * (width + 4) + n->isstd + n->isut;
}


static bool
changes(pando_zone_t *zone, const part_t *in, const counts_t *n)
{
    uint32_t              i, type;
    const unsigned char  *at = in->p, *which = at + n->times * 8,
                         *types = which + n->times;

    zone->n = n->times;
    zone->at = malloc((n->times + 1) * sizeof(int64_t));
    zone->after = malloc((n->times + 1) * sizeof(int32_t));

    if (zone->at == NULL || zone->after == NULL) {
        return false;
    }

    zone->first = (int32_t) be32(types);

    for (i = 0; i < n->times; i++) {
        type = which[i];
        zone->at[i] = (int64_t) ((uint64_t) be32(at + i * 8) << 32
                                 | be32(at + i * 8 + 4));

        if (type >= n->types || (i && zone->at[i] <= zone->at[i - 1])) {
            return false;
        }

        zone->after[i] = (int32_t) be32(types + type * 6);

        if (zone->after[i] < -86399 || zone->after[i] > 86399) {
            return false;
        }
    }

    return zone->first > -86400 && zone->first < 86400;
}


static uint32_t
be32(const unsigned char *p)
{
    return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16
           | (uint32_t) p[2] << 8 | p[3];
}
