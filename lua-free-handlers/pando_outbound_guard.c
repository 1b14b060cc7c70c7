/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What may be called: addresses, ports and URLs.
 *
 * Everything that is not known to be public is refused, unless the
 * configuration names it; an IPv4 address wrapped in an IPv6 one is refused
 * whatever it wraps.  URLs are read by libcurl's own parser and put together
 * again from its parts, so that what was checked and what is asked for cannot
 * be two readings of one text.
 */

#include "pando_outbound.h"

#include <ctype.h>


#define URL_MAX   4096
#define HOST_MAX  253


typedef struct {
    const char  *cidr;
    const char  *what;
} range_t;


static bool is_in(const struct sockaddr *sa, const range_t *ranges,
    const char **what);
static bool matches(const struct sockaddr *sa, const ngx_cidr_t *c);
static bool is_allowed(const struct sockaddr *sa);
static bool is_plain(const char *text);
static const char *read_parts(pando_req_t *rq, CURLU *u, pando_url_t *url);
static const char *read_host(pando_req_t *rq, CURLU *u, pando_url_t *url);
static const char *check_name(const char *host);
static char *part(pando_req_t *rq, CURLU *u, CURLUPart what,
    unsigned flags);


static const range_t  v4[] = {
    { "0.0.0.0/8", "this network" },
    { "10.0.0.0/8", "a private network" },
    { "100.64.0.0/10", "a carrier's private network" },
    { "127.0.0.0/8", "this host" },
    { "168.63.129.16/32", "a cloud's metadata" },
    { "169.254.0.0/16", "the local link, or a cloud's metadata" },
    { "172.16.0.0/12", "a private network" },
    { "192.0.0.0/24", "a special network" },
    { "192.0.2.0/24", "documentation" },
    { "192.31.196.0/24", "a special network" },
    { "192.52.193.0/24", "a special network" },
    { "192.88.99.0/24", "relays of IPv6" },
    { "192.168.0.0/16", "a private network" },
    { "192.175.48.0/24", "a special network" },
    { "198.18.0.0/15", "benchmarks" },
    { "198.51.100.0/24", "documentation" },
    { "203.0.113.0/24", "documentation" },
    { "224.0.0.0/4", "multicast" },
    { "240.0.0.0/4", "reserved" },
    { NULL, NULL }
};

/* Within 2000::/3, which alone is public. */
static const range_t  v6[] = {
    { "2001::/23", "a special network" },
    { "2001:db8::/32", "documentation" },
    { "2002::/16", "an IPv4 address within (6to4)" },
    { "2620:4f:8000::/48", "a special network" },
    { "3fff::/20", "documentation" },
    { NULL, NULL }
};

/* Outside of it: for the sentence only. */
static const range_t  v6_named[] = {
    { "::/128", "no host" },
    { "::1/128", "this host" },
    { "::ffff:0:0/96", "an IPv4 address within" },
    { "::ffff:0:0:0/96", "an IPv4 address within" },
    { "::/96", "an IPv4 address within" },
    { "64:ff9b::/16", "an IPv4 address within (NAT64)" },
    { "fc00::/7", "a private network" },
    { "fe80::/9", "the local link" },
    { "ff00::/8", "multicast" },
    { "::/0", "not public" },
    { NULL, NULL }
};

static const range_t  v6_public[] = {
    { "2000::/3", "public" },
    { NULL, NULL }
};


/* Addresses */

const char *
pando_guard_address(const struct sockaddr *sa)
{
    const char  *what = NULL;

    if (is_allowed(sa)) {
        return NULL;
    }

    switch (sa->sa_family) {

    case AF_INET:
        (void) is_in(sa, v4, &what);
        return what;

    case AF_INET6:
        (void) is_in(sa, is_in(sa, v6_public, &what) ? v6 : v6_named, &what);

        return strcmp(what, "public") == 0 ? NULL : what;

    default:
        return "no address of the internet";
    }
}


static bool
is_in(const struct sockaddr *sa, const range_t *ranges, const char **what)
{
    ngx_str_t   text;
    ngx_cidr_t  c;

    for (/* void */; ranges->cidr; ranges++) {
        text.data = (u_char *) ranges->cidr;
        text.len = ngx_strlen(ranges->cidr);

        /* what cannot be read refuses */

        if (ngx_ptocidr(&text, &c) == NGX_ERROR || matches(sa, &c)) {
            *what = ranges->what;
            return true;
        }
    }

    return false;
}


static bool
matches(const struct sockaddr *sa, const ngx_cidr_t *c)
{
    ngx_uint_t                  i;
    const struct sockaddr_in   *sin = (const struct sockaddr_in *) sa;
    const struct sockaddr_in6  *sin6 = (const struct sockaddr_in6 *) sa;

    if (c->family != (ngx_uint_t) sa->sa_family) {
        return false;
    }

    if (sa->sa_family == AF_INET) {
        return (sin->sin_addr.s_addr & c->u.in.mask) == c->u.in.addr;
    }

    for (i = 0; i < 16; i++) {
        if ((sin6->sin6_addr.s6_addr[i] & c->u.in6.mask.s6_addr[i])
            != c->u.in6.addr.s6_addr[i])
        {
            return false;
        }
    }

    return true;
}


static bool
is_allowed(const struct sockaddr *sa)
{
    ngx_uint_t   i;
    ngx_cidr_t  *c = pando_conf->outbound->allow.elts;

    for (i = 0; i < pando_conf->outbound->allow.nelts; i++) {
        if (matches(sa, &c[i])) {
            return true;
        }
    }

    return false;
}


bool
pando_guard_port(in_port_t port, bool mail)
{
    ngx_uint_t  i;
    in_port_t  *p = pando_conf->outbound->ports.elts;

    if (mail && (port == 25 || port == 465 || port == 587 || port == 2525)) {
        return true;
    }

    for (i = 0; i < pando_conf->outbound->ports.nelts; i++) {
        if (p[i] == port) {
            return true;
        }
    }

    return false;
}


void
pando_dest_set(pando_dest_t *p, const struct sockaddr *sa, socklen_t len,
    in_port_t port)
{
    size_t  n;

    ngx_memzero(p, sizeof(pando_dest_t));
    ngx_memcpy(&p->addr, sa, len);
    p->len = len;

    if (port) {
        ngx_inet_set_port(&p->addr.sockaddr, port);
    }

    n = ngx_sock_ntop(&p->addr.sockaddr, len, (u_char *) p->text,
                      sizeof(p->text) - 1, 0);
    p->text[n] = '\0';
}


/* URLs */

const char *
pando_url_read(pando_req_t *rq, const char *text, const char *base,
    pando_url_t *url)
{
    CURLU       *u;
    const char  *why = "is not understood";

    if (text == NULL || strnlen(text, URL_MAX) == URL_MAX) {
        return "is too long";
    }

    if (base == NULL && !is_plain(text)) {
        return why;
    }

    u = curl_url();

    if (u == NULL) {
        return "cannot be read now";
    }

    if ((base == NULL || curl_url_set(u, CURLUPART_URL, base, 0) == CURLUE_OK)
        && curl_url_set(u, CURLUPART_URL, text, CURLU_URLENCODE)
           == CURLUE_OK)
    {
        why = read_parts(rq, u, url);
    }

    curl_url_cleanup(u);

    return why;
}


/* What parsers differ about: three slashes, backslashes, blanks. */

static bool
is_plain(const char *text)
{
    size_t       n = strcspn(text, ":");
    const char  *p;

    if (strncmp(text + n, "://", 3) != 0 || text[n + 3] == '/') {
        return false;
    }

    for (p = text; *p; p++) {
        if ((unsigned char) *p <= ' ' || *p == 0x7f || *p == '\\') {
            return false;
        }
    }

    return true;
}


static const char *
read_parts(pando_req_t *rq, CURLU *u, pando_url_t *url)
{
    char        *port, *query;
    const char  *why;

    ngx_memzero(url, sizeof(pando_url_t));
    url->scheme = part(rq, u, CURLUPART_SCHEME, 0);

    if (url->scheme == NULL || (strcmp(url->scheme, "http") != 0
                                && strcmp(url->scheme, "https") != 0))
    {
        return "must begin with http:// or https://";
    }

    url->tls = url->scheme[4] == 's';

    if (part(rq, u, CURLUPART_USER, 0) || part(rq, u, CURLUPART_PASSWORD, 0)) {
        return "must not hold a user's name or password";
    }

    why = read_host(rq, u, url);

    if (why) {
        return why;
    }

    port = part(rq, u, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    url->port = (in_port_t) (port ? atoi(port) : 0);
    url->path = part(rq, u, CURLUPART_PATH, 0);
    query = part(rq, u, CURLUPART_QUERY, 0);

    if (url->port == 0 || url->path == NULL) {
        return "is not understood";
    }

    if (query) {
        url->path = pando_text(rq, "%s?%s", url->path, query);
    }

    if (url->literal) {
        ngx_inet_set_port(&url->place.addr.sockaddr, url->port);
    }

    url->text = pando_text(rq, strchr(url->host, ':') ? "%s://[%s]:%d%s"
                                                      : "%s://%s:%d%s",
                           url->scheme, url->host, (int) url->port,
                           url->path);

    return NULL;
}


static const char *
read_host(pando_req_t *rq, CURLU *u, pando_url_t *url)
{
    char                 *host = part(rq, u, CURLUPART_HOST, 0), *p;
    size_t                len = host ? strlen(host) : 0;
    struct sockaddr_in    sin = { .sin_family = AF_INET };
    struct sockaddr_in6   sin6 = { .sin6_family = AF_INET6 };

    if (len == 0 || part(rq, u, CURLUPART_ZONEID, 0)) {
        return "names no host";
    }

    if (host[0] == '[' && host[len - 1] == ']') {
        host[len - 1] = '\0';
        host++;

        if (inet_pton(AF_INET6, host, &sin6.sin6_addr) != 1) {
            return "names no host";
        }

        pando_dest_set(&url->place, (struct sockaddr *) &sin6, sizeof(sin6),
                        0);
        url->literal = true;
        url->host = host;

        return NULL;
    }

    for (p = host; *p; p++) {
        *p = (char) tolower((unsigned char) *p);
    }

    if (p[-1] == '.') {
        p[-1] = '\0';
    }

    url->host = host;

    if (inet_pton(AF_INET, host, &sin.sin_addr) == 1) {
        pando_dest_set(&url->place, (struct sockaddr *) &sin, sizeof(sin),
                        0);
        url->literal = true;

        return NULL;
    }

    return check_name(host);
}


/*
 * Letters, digits and dashes; and not what some resolver would take for an
 * address: a name whose last label is a number is none.
 */

static const char *
check_name(const char *host)
{
    size_t       n, len = strlen(host);
    const char  *p, *last = host;

    if (len == 0 || len > HOST_MAX || host[0] == '.') {
        return "names no host";
    }

    for (p = host; *p; p++) {

        if (*p == '.') {
            last = p + 1;

            if (p[1] == '.' || p[1] == '\0') {
                return "names no host";
            }

        } else if (!isalnum((unsigned char) *p) && *p != '-' && *p != '_') {
            return "names a host by other than a-z, 0-9 and - (write others "
                   "in punycode)";
        }
    }

    n = strlen(last);

    if (strspn(last, "0123456789") == n
        || (n > 1 && last[0] == '0' && last[1] == 'x'
            && strspn(last + 2, "0123456789abcdef") == n - 2))
    {
        return "names no host";
    }

    return NULL;
}


static char *
part(pando_req_t *rq, CURLU *u, CURLUPart what, unsigned flags)
{
    char  *text = NULL, *copy;

    if (curl_url_get(u, what, &text, flags) != CURLUE_OK || text == NULL) {
        return NULL;
    }

    copy = pando_copy(rq, text, strlen(text));
    curl_free(text);

    return copy;
}


bool
pando_fetch_allowed(pando_req_t *rq, const char *text, const char **why)
{
    size_t                len;
    pando_url_t           url;
    const char           *what;
    struct sockaddr_in    here = { .sin_family = AF_INET };

    *why = pando_url_read(rq, text, NULL, &url);

    if (*why) {
        return false;
    }

    if (!pando_guard_port(url.port, false)) {
        *why = pando_text(rq, "port %d is not to be called", (int) url.port);
        return false;
    }

    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    len = strlen(url.host);
    what = url.literal ? pando_guard_address(&url.place.addr.sockaddr)
           : strcmp(url.host, "localhost") == 0
             || (len > 10 && strcmp(url.host + len - 10, ".localhost") == 0)
             ? pando_guard_address((struct sockaddr *) &here) : NULL;

    if (what) {
        *why = pando_text(rq, "%s is not to be called: %s", url.host, what);
        return false;
    }

    return true;
}
