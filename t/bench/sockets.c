/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A client of many WebSockets, for the benchmark: it opens them, says
 * something on each, and then, for each line of its input, sends a request of
 * its own and counts the time until every socket has heard what came of it.
 *
 *   sockets <port> <how many> <handshake> <hello>     files
 *   fan <file> <mark>        -> "fan <first> <median> <last>" in ms
 *
 * It reads no frames: what the mark stands in has been heard.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>


#define AT_ONCE   128               /* below any backlog */
#define WAIT_MS   20000
#define TAIL      128               /* a mark may lie across two reads */


typedef enum { CLOSED = 0, SHAKES, GREETS, OPEN } state_t;

typedef struct {
    int      fd;
    state_t  state;
    bool     heard;
    size_t   ntail;
    char     tail[TAIL];
} client_t;


static client_t  *clients;
static int        nclients, poller, port;
static char      *handshake, *hello;
static size_t     handshake_len, hello_len;
static double    *took;


static void
give_up(const char *what)
{
    fprintf(stderr, "sockets: %s: %s\n", what, strerror(errno));
    exit(1);
}


static double
now(void)
{
    struct timespec  t;

    (void) clock_gettime(CLOCK_MONOTONIC, &t);

    return (double) t.tv_sec * 1000 + (double) t.tv_nsec / 1e6;
}


static char *
text_of(const char *path, size_t *len)
{
    FILE    *in = fopen(path, "r");
    char    *text = calloc(1, 65536);

    if (in == NULL || text == NULL) {
        give_up(path);
    }

    *len = fread(text, 1, 65535, in);
    (void) fclose(in);

    return text;
}


static int
dial(void)
{
    int                 on = 1, fd;
    struct sockaddr_in  to = { .sin_family = AF_INET,
                               .sin_port = htons((uint16_t) port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

    fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd == -1 || connect(fd, (struct sockaddr *) &to, sizeof(to)) == -1) {
        give_up("connect");
    }

    (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));

    return fd;
}


static void
send_all(int fd, const char *text, size_t len)
{
    if (send(fd, text, len, MSG_NOSIGNAL) != (ssize_t) len) {
        give_up("send");
    }
}


/* A text frame of a client's, masked by zeros: up to 64 KiB. */

static size_t
frame(const char *text, size_t len, char *out)
{
    size_t  n = 0;

    out[n++] = (char) 0x81;

    if (len < 126) {
        out[n++] = (char) (0x80 | len);

    } else {
        out[n++] = (char) (0x80 | 126);
        out[n++] = (char) (len >> 8);
        out[n++] = (char) len;
    }

    memset(out + n, 0, 4);
    memcpy(out + n + 4, text, len);

    return n + 4 + len;
}


static void
open_one(int i)
{
    client_t            *c = &clients[i];
    struct epoll_event   ev = { .events = EPOLLIN, .data.u32 = (uint32_t) i };

    c->fd = dial();
    c->state = SHAKES;
    send_all(c->fd, handshake, handshake_len);

    if (fcntl(c->fd, F_SETFL, O_NONBLOCK) == -1
        || epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &ev) == -1)
    {
        give_up("epoll");
    }
}


/* Whether what it waits for came. */

static bool
hears(client_t *c, const char *mark)
{
    char     room[TAIL + 65536], said[65600];
    bool     came;
    ssize_t  n;

    memcpy(room, c->tail, c->ntail);
    n = recv(c->fd, room + c->ntail, 65536, 0);

    if (n == 0 || (n == -1 && errno != EAGAIN)) {
        give_up("a socket was closed");
    }

    if (n == -1) {
        return false;
    }

    n += (ssize_t) c->ntail;

    if (c->state == SHAKES) {
        came = memmem(room, (size_t) n, "\r\n\r\n", 4) != NULL;

        if (came && memmem(room, (size_t) n, " 101 ", 5) == NULL) {
            room[n] = '\0';
            fprintf(stderr, "sockets: %s\n", room);
            exit(1);
        }

        c->ntail = 0;

        if (came && hello_len) {
            send_all(c->fd, said, frame(hello, hello_len, said));
            c->state = GREETS;
            return false;
        }

        c->state = came ? OPEN : c->state;
        return came;
    }

    came = c->state == GREETS || memmem(room, (size_t) n, mark, strlen(mark));
    c->state = OPEN;
    c->ntail = came ? 0 : (size_t) n < TAIL ? (size_t) n : TAIL;
    memcpy(c->tail, room + n - c->ntail, c->ntail);

    return came;
}


static int
by_time(const void *a, const void *b)
{
    double  x = *(const double *) a, y = *(const double *) b;

    return (x > y) - (x < y);
}


/* So many more of them come to what they wait for. */

static void
wait_for(int more, const char *mark, double since)
{
    int                 i, n, came = 0;
    client_t           *c;
    struct epoll_event  ev[1024];

    while (came < more) {
        n = epoll_wait(poller, ev, 1024, WAIT_MS);

        if (n <= 0) {
            fprintf(stderr, "sockets: %d of %d\n", came, more);
            exit(1);
        }

        for (i = 0; i < n; i++) {
            c = &clients[ev[i].data.u32];

            if (hears(c, mark) && !c->heard) {
                c->heard = true;
                took[came++] = now() - since;
            }
        }
    }
}


static void
open_all(void)
{
    int  i, n, k;

    for (i = 0; i < nclients; i += n) {
        n = nclients - i < AT_ONCE ? nclients - i : AT_ONCE;

        for (k = 0; k < n; k++) {
            open_one(i + k);
        }

        wait_for(n, "", 0);
    }

    printf("open %d\n", nclients);
    fflush(stdout);
}


static void
fan(const char *path, const char *mark)
{
    int      i, fd = dial();
    char    *request, answer[4096];
    size_t   len;
    double   since;

    for (i = 0; i < nclients; i++) {
        clients[i].heard = false;
    }

    request = text_of(path, &len);
    since = now();
    send_all(fd, request, len);
    wait_for(nclients, mark, since);
    len = (size_t) recv(fd, answer, sizeof(answer) - 1, 0);
    answer[len < sizeof(answer) ? len : 0] = '\0';

    if (strncmp(answer, "HTTP/1.1 2", 10) != 0) {
        fprintf(stderr, "sockets: %s\n", answer);
        exit(1);
    }

    (void) close(fd);
    free(request);
    qsort(took, (size_t) nclients, sizeof(double), by_time);
    printf("fan %.3f %.3f %.3f\n", took[0], took[nclients / 2],
           took[nclients - 1]);
    fflush(stdout);
}


int
main(int argc, char **argv)
{
    char           line[4096], path[2048], mark[256];
    struct rlimit  files;

    if (argc != 5) {
        fprintf(stderr, "usage: sockets port n handshake hello\n");
        return 1;
    }

    port = atoi(argv[1]);
    nclients = atoi(argv[2]);
    handshake = text_of(argv[3], &handshake_len);
    hello = text_of(argv[4], &hello_len);
    clients = calloc((size_t) nclients, sizeof(client_t));
    took = calloc((size_t) nclients, sizeof(double));
    poller = epoll_create1(0);

    (void) getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    (void) setrlimit(RLIMIT_NOFILE, &files);
    open_all();

    while (fgets(line, sizeof(line), stdin)) {
        if (sscanf(line, "fan %2047s %255s", path, mark) == 2) {
            fan(path, mark);
        }
    }

    return 0;
}
