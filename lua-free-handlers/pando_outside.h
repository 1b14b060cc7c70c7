/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Section 8b of pando.h, which includes it: requests, mails and probes to
 * hosts that are not this one.
 */

#ifndef PANDO_OUTSIDE_H
#define PANDO_OUTSIDE_H


/*
 * 8b. Outbound: HTTP, mail and probes, to hosts that are not this one.
 *
 *     What goes wrong out there is a value; the flow goes on.  Only public
 *     addresses are called, and those that pando_outbound_allow names: each
 *     is checked when its name was resolved, again when it is connected to,
 *     and so at every redirect.  `upstream` is the name of a provider: where
 *     pando_outbound_upstream says how this deployment reaches it, that way
 *     is taken instead.  What is asked with lives until the call returns.
 */
typedef enum {
    PANDO_FETCH_OK = 0,             /* an answer came, of whatever status */
    PANDO_FETCH_BAD_URL,            /* or another part of what was asked */
    PANDO_FETCH_REFUSED_ADDRESS,    /* or a port that is not to be called */
    PANDO_FETCH_RESOLVE,            /* its name has no address */
    PANDO_FETCH_CONNECT,
    PANDO_FETCH_TLS,
    PANDO_FETCH_TIMEOUT,
    PANDO_FETCH_BROKEN,             /* closed or reset mid-way, or nonsense */
    PANDO_FETCH_TOO_LARGE,          /* cut: what came first is in body */
    PANDO_FETCH_REDIRECT,           /* to nowhere, or once more than asked */
    PANDO_FETCH_BREAKER_OPEN,       /* it failed of late: not tried */
    PANDO_FETCH_BUSY,               /* too many transfers at once */
    PANDO_FETCH_DENIED              /* mail: the server said no, see code */
} pando_fetch_error_t;

const char *pando_fetch_error_text(pando_fetch_error_t error); /* "tls" */

typedef struct {
    const char  *key_id, *secret;
    const char  *region;            /* NULL: us-east-1 */
    const char  *service;           /* NULL: s3 */
    const char  *token;             /* of a session, or NULL */
} pando_s3_t;

typedef struct {
    const char         *method;     /* NULL: GET, with a body POST */
    const char         *url;        /* http:// or https:// */
    const char *const  *headers;    /* name, value, ..., NULL */
    const void         *body;
    size_t              len;
    int                 timeout_ms; /* for all of it; 0: 10 s */
    size_t              max_body;   /* of the answer; 0: 1 MiB */
    int                 redirects;  /* followed at most; 0: none */
    const char         *upstream;
    const pando_s3_t   *s3;         /* signs it (AWS signature 4) */
    bool                once;       /* on a connection of its own, and never
                                       a second time */
    bool                http2;      /* without asking first, as gRPC does */
} pando_fetch_t;

typedef struct {
    pando_fetch_error_t  error;
    const char          *why;       /* of an error: without secrets */
    int                  status;    /* 0: no answer */
    const char          *body;      /* ends in a zero that len leaves out */
    size_t               len;
    const char          *url;       /* whose answer it is */
    const char          *ip;        /* that was connected to, or NULL */
    int                  attempts;
    int                  redirects;
    int64_t              ms;
    int64_t              retry_after_ms;    /* of an open breaker */
    const char          *headers;   /* for pando_fetched_header() */
} pando_fetched_t;

/*
 * Tried again, at most twice and within a budget per host, where that cannot
 * do harm: before anything was sent, or by GET, HEAD, OPTIONS, PUT, DELETE.
 * A kept connection that turns out to be closed is replaced with any method,
 * so a POST that must not come twice has a key of its own or says .once.
 */
PANDO_WAITS const pando_fetched_t *pando_fetch(pando_req_t *rq,
    const pando_fetch_t *ask);
const char *pando_fetched_header(const pando_fetched_t *got,
    const char *name);              /* the last of that name, or NULL */

/* May that URL be stored?  Without resolving its name; why: for its owner. */
bool pando_fetch_allowed(pando_req_t *rq, const char *url, const char **why);

/*
 * Mail: one message to one server, which answers for each recipient.  Who
 * signs in does so over TLS.  Not tried twice: that is a job's to decide, and
 * `unsure` says that the server may have taken it all the same.
 */
typedef enum {
    PANDO_MAIL_STARTTLS = 0, PANDO_MAIL_TLS, PANDO_MAIL_PLAIN
} pando_mail_tls_t;

typedef struct {
    const char         *host;
    int                 port;       /* 0: 587, 465 or 25, as .tls says */
    pando_mail_tls_t    tls;
    const char         *user, *password;    /* or NULL */
    const char         *upstream;
    const char         *helo;       /* NULL: this host's name */
    const char         *from;       /* "": nobody, as bounces are sent */
    const char *const  *rcpts;      /* ends in NULL */
    const void         *message;    /* header and body; its lines are sent
                                       with CRLF however they end here */
    size_t              len;
    int                 timeout_ms; /* 0: 30 s */
} pando_mail_t;

typedef struct {
    const char  *address;
    int          code;              /* 250; 0: nothing was said */
    const char  *text;
} pando_mail_rcpt_t;

typedef struct {
    pando_fetch_error_t       error;    /* OK: taken, for one at least */
    const char               *why;
    int                       code;     /* what the server said last */
    const char               *text;
    size_t                    n;
    const pando_mail_rcpt_t  *rcpts;
    bool                      unsure;
    const char               *ip;
    int64_t                   ms;
    int64_t                   retry_after_ms;
} pando_mailed_t;

PANDO_WAITS const pando_mailed_t *pando_mail(pando_req_t *rq,
    const pando_mail_t *mail);

/*
 * Probes: whether a port answers, what a certificate is worth, what a mail
 * server says first.  Nothing is sent but what TLS and SMTP begin with.
 */
typedef enum {
    PANDO_PROBE_TCP = 0, PANDO_PROBE_TLS, PANDO_PROBE_SMTP
} pando_probe_is_t;

typedef struct {
    pando_probe_is_t   is;
    const char        *host;
    int                port;
    int                timeout_ms;  /* 0: 5 s */
    const char        *upstream;
} pando_probe_t;

typedef struct {
    pando_fetch_error_t   error;
    const char           *why;
    const char           *ip;
    int64_t               ms;
    bool                  chain_ok, name_ok;    /* TLS: also where bad */
    const char           *flaw;     /* of the chain */
    int                   days_left;
    int                   code;     /* SMTP: 220 */
    const char           *text;
} pando_probed_t;

PANDO_WAITS const pando_probed_t *pando_probe(pando_req_t *rq,
    const pando_probe_t *probe);

/* The addresses of a name, as texts, no more than so many; 0: error. */
PANDO_WAITS unsigned pando_lookup(pando_req_t *rq, const char *host,
    int timeout_ms, const char **addresses, unsigned most,
    pando_fetch_error_t *error);

#endif
