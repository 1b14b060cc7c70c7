/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Functions of rules about the world: clocks, networks, versions.
 *
 * What is given at a run and is none of these is null; what stands in the
 * rule itself has been looked at when it was read.
 */

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pando_civil.h"
#include "pando_rule.h"


static bool read_address(const char *s, size_t len, unsigned char out[16],
    unsigned *bits);
static bool read_version(const pando_rule_value_t *arg, const char **at,
    uint64_t *number);
static int compare_pre(const char *a, const char *a_end, const char *b,
    const char *b_end);


/* Times: as the clocks of a place show them, UTC's where none is named */

PANDO_RULE_OWN(pando_rule_part_of_time)
{
    char                 name[64] = "UTC";
    pando_civil_t        civil;
    const char          *what = node->own->name;
    const pando_zone_t  *zone = NULL;

    if (!pando_rule_given(run, node, args, n)) {
        return false;
    }

    if (n < 2 || args[1].len < sizeof(name)) {
        if (n == 2) {
            memcpy(name, args[1].s, args[1].len);
            name[args[1].len] = '\0';
        }

        zone = pando_zone(name);
    }

    if (zone == NULL) {
        return pando_rule_fail(run, node, "rule_value",
                               "there is no such time zone");
    }

    civil = pando_civil_of(zone, args[0].n);
    out->is = PANDO_FACT_INT;
    out->n = what[0] == 'h' ? civil.hour
           : what[0] == 'w' ? pando_date_weekday(civil.date)
           : what[0] == 'd' ? civil.date.day
           : what[0] == 'm' ? civil.date.month : civil.date.year;

    return true;
}


bool
pando_rule_is_zone(const pando_rule_value_t *arg, char *why, size_t len)
{
    (void) snprintf(why, len, "there is no such time zone: write "
                    "\"Europe/Berlin\"");

    return strlen(arg->s) == arg->len && pando_zone(arg->s) != NULL;
}


/* Whole days from the first to the second */

PANDO_RULE_OWN(pando_rule_days)
{
    if (!pando_rule_given(run, node, args, n)) {
        return false;
    }

    out->is = PANDO_FACT_INT;
    out->n = (args[1].n - args[0].n) / PANDO_TIME_DAY;

    return true;
}


/* Networks: cidr("10.1.2.3", "10.0.0.0/8") */

PANDO_RULE_OWN(pando_rule_cidr)
{
    bool           inside;
    unsigned       i, bits, net_bits;
    unsigned char  ip[16], net[16];

    if (!pando_rule_given(run, node, args, n)) {
        return false;
    }

    if (!read_address(args[1].s, args[1].len, net, &net_bits)) {
        return pando_rule_fail(run, node, "rule_value",
                               "this is no network");
    }

    if (!read_address(args[0].s, args[0].len, ip, &bits) || bits != 128) {
        return true;
    }

    inside = memcmp(ip, net, net_bits / 8) == 0;
    i = net_bits / 8;

    if (net_bits % 8) {
        inside = inside
                 && (ip[i] ^ net[i]) >> (8 - net_bits % 8) == 0;
    }

    *out = (pando_rule_value_t) { .is = PANDO_FACT_BOOL, .n = inside };

    return true;
}


bool
pando_rule_is_network(const pando_rule_value_t *arg, char *why, size_t len)
{
    unsigned       bits;
    unsigned char  net[16];

    (void) snprintf(why, len, "this is no network: write \"10.0.0.0/8\" or "
                    "\"2001:db8::/32\"");

    return read_address(arg->s, arg->len, net, &bits);
}


/* IPv4 as it is mapped into IPv6, so that both are one kind. */

static bool
read_address(const char *s, size_t len, unsigned char out[16],
    unsigned *bits)
{
    char         text[64], *slash, *end;
    long         n = -1;
    unsigned     most = 128;

    if (len == 0 || len >= sizeof(text) || memchr(s, '\0', len)) {
        return false;
    }

    memcpy(text, s, len);
    text[len] = '\0';
    slash = strchr(text, '/');

    if (slash) {
        *slash++ = '\0';
        n = strtol(slash, &end, 10);

        if (!isdigit((unsigned char) *slash) || *end || n > 128) {
            return false;
        }
    }

    if (strchr(text, ':') == NULL) {
        most = 32;
        memset(out, 0, 10);
        memset(out + 10, 0xff, 2);
    }

    if (inet_pton(most == 32 ? AF_INET : AF_INET6, text,
                  most == 32 ? out + 12 : out)
        != 1)
    {
        return false;
    }

    *bits = 128 - most + (n < 0 ? most : (unsigned) n);

    return n <= (long) most;
}


/* Versions by the precedence of Semantic Versioning 2.0: -1, 0, 1 */

PANDO_RULE_OWN(pando_rule_semver)
{
    int          order = 0;
    unsigned     i;
    uint64_t     a[3], b[3];
    const char  *pa, *pb;

    if (!pando_rule_given(run, node, args, n)) {
        return false;
    }

    if (!read_version(&args[0], &pa, a) || !read_version(&args[1], &pb, b)) {
        return true;
    }

    for (i = 0; i < 3 && order == 0; i++) {
        order = (a[i] > b[i]) - (a[i] < b[i]);
    }

    if (order == 0) {
        order = compare_pre(pa, pa + strcspn(pa, "+"), pb,
                            pb + strcspn(pb, "+"));
    }

    *out = (pando_rule_value_t) { .is = PANDO_FACT_INT, .n = order };

    return true;
}


bool
pando_rule_is_version(const pando_rule_value_t *arg, char *why, size_t len)
{
    uint64_t     n[3];
    const char  *rest;

    (void) snprintf(why, len, "this is no version: write \"1.2.3\"");

    return read_version(arg, &rest, n);
}


static bool
read_version(const pando_rule_value_t *arg, const char **at,
    uint64_t *number)
{
    unsigned     i, k;
    const char  *p = arg->s;

    if (strlen(arg->s) != arg->len || arg->len > 200) {
        return false;
    }

    for (i = 0; i < 3; i++) {
        number[i] = 0;

        for (k = 0; isdigit((unsigned char) p[k]) && k < 18; k++) {
            number[i] = number[i] * 10 + (uint64_t) (p[k] - '0');
        }

        if (k == 0 || (k > 1 && p[0] == '0')) {
            return false;
        }

        p += k;

        if (i < 2 && *p++ != '.') {
            return false;
        }
    }

    *at = p;

    return (*p == '\0' || *p == '+' || (*p == '-' && p[1]))
           && strspn(p, "0123456789abcdefghijklmnopqrstuvwxyz"
                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ-.+") == strlen(p);
}


/* One before its release; part by part, numbers before words. */

static int
compare_pre(const char *a, const char *a_end, const char *b,
    const char *b_end)
{
    int     rc;
    bool    na, nb;
    size_t  la, lb;

    if (a == a_end || b == b_end) {
        return (a == a_end) - (b == b_end);
    }

    for ( ;; ) {
        a++;
        b++;
        la = strcspn(a, ".+");
        lb = strcspn(b, ".+");
        na = strspn(a, "0123456789") >= la;
        nb = strspn(b, "0123456789") >= lb;

        if (na != nb) {
            return na ? -1 : 1;
        }

        if (na && la != lb) {
            return la > lb ? 1 : -1;
        }

        rc = strncmp(a, b, la < lb ? la : lb);

        if (rc || la != lb) {
            return rc ? (rc > 0) - (rc < 0) : la > lb ? 1 : -1;
        }

        a += la;
        b += lb;

        if (a >= a_end || b >= b_end) {
            return (a < a_end) - (b < b_end);
        }
    }
}
