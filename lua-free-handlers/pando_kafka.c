/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * `pando_stream kafka brokers=host:9092 topic=pando.events;`: all events to a
 * topic of Kafka, as CloudEvents, each under its subject as the key, so that
 * one partition has those of a subject in order.
 *
 * librdkafka has threads of its own: a worker hears of them over a descriptor
 * and never waits.  A batch is handed over when all of it is acknowledged by
 * the brokers; else it is told again from its first event, so at least once,
 * under the same ids.  A batch whose flow has ended is the producer's alone,
 * until its last report came.
 */

#include "pando_relay.h"
#include "pando_conf.h"

#if (PANDO_KAFKA)

#include <pthread.h>
#include <sys/eventfd.h>
#include <librdkafka/rdkafka.h>


#define MESSAGE_MS  "8000"          /* below the deadline of the reader */


typedef struct {
    pando_req_t  *rq;               /* NULL: nobody waits any more */
    size_t        waits;
    size_t        failed;
    const char   *why;
    bool          done;
} batch_t;


static rd_kafka_conf_t *settings(const pando_events_conf_t *conf, char *error,
    size_t size);
static ngx_uint_t open_producer(void);
static ngx_uint_t watch(void);
static void close_producer(void);
static void *destroy(void *data);
static bool produce(pando_req_t *rq, const pando_told_t *told,
    batch_t *batch);
static void abandon(void *data);
static void release(batch_t *batch);
static void on_report(ngx_event_t *ev);
static ngx_uint_t drain(int ms);
static void reported(rd_kafka_event_t *event);
static void happened(rd_kafka_event_t *event);


static rd_kafka_t        *producer;
static rd_kafka_queue_t  *queue;
static ngx_connection_t  *bell;
static size_t             batches;  /* that wait for reports */
static ngx_uint_t         broken;   /* for good: another one is needed */


bool
pando_kafka_take(pando_req_t *rq, const pando_told_t *told, size_t n)
{
    bool      taken;
    size_t    i;
    batch_t  *batch;

    if (!open_producer()) {
        return false;
    }

    batch = ngx_calloc(sizeof(batch_t), rq->log);

    if (batch == NULL) {
        return false;
    }

    batch->rq = rq;
    batches++;

    for (i = 0; i < n; i++) {
        if (!produce(rq, &told[i], batch)) {
            batch->failed++;
            break;
        }
    }

    batch->done = batch->waits == 0;
    pando_flow_await(rq, abandon, batch, &batch->done);
    taken = batch->failed == 0;

    if (!taken) {
        ngx_log_error(NGX_LOG_ERR, rq->log, 0,
                      "pando: Kafka does not take events: %s",
                      batch->why ? batch->why : "the producer is full");
    }

    release(batch);

    return taken;
}


static bool
produce(pando_req_t *rq, const pando_told_t *told, batch_t *batch)
{
    const char          *event = pando_cloudevent(rq, told);
    pando_uuid_t         key = told->has_subject ? told->subject : told->id;
    const char          *id = pando_uuid_text(rq, key);
    rd_kafka_resp_err_t  rc;

    rc = rd_kafka_producev(producer,
             RD_KAFKA_V_TOPIC((char *) pando_events_conf()->topic.data),
             RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
             RD_KAFKA_V_KEY(id, strlen(id)),
             RD_KAFKA_V_VALUE((void *) event, strlen(event)),
             RD_KAFKA_V_HEADER("content-type",
                               "application/cloudevents+json", -1),
             RD_KAFKA_V_OPAQUE(batch), RD_KAFKA_V_END);

    if (rc != RD_KAFKA_RESP_ERR_NO_ERROR) {
        batch->why = rd_kafka_err2str(rc);
        return false;
    }

    batch->waits++;

    return true;
}


static void
abandon(void *data)
{
    batch_t  *batch = data;

    batch->rq = NULL;
}


static void
release(batch_t *batch)
{
    ngx_free(batch);
    batches--;
}


/* The producer: of this worker, made when it is first needed */

static ngx_uint_t
open_producer(void)
{
    char              error[256];
    rd_kafka_conf_t  *conf;

    if (broken && batches == 0) {
        close_producer();
    }

    if (producer) {
        return !broken;
    }

    conf = settings(pando_events_conf(), error, sizeof(error));
    producer = conf ? rd_kafka_new(RD_KAFKA_PRODUCER, conf, error,
                                   sizeof(error))
                    : NULL;

    if (producer == NULL) {
        if (conf) {
            rd_kafka_conf_destroy(conf);
        }

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "pando: no producer for Kafka: %s", error);
        return 0;
    }

    if (!watch()) {
        close_producer();
        return 0;
    }

    return 1;
}


static ngx_uint_t
watch(void)
{
    int       fd;
    uint64_t  one = 1;

    fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    bell = fd == -1 ? NULL : ngx_get_connection(fd, ngx_cycle->log);

    if (bell == NULL) {
        if (fd != -1) {
            (void) close(fd);
        }

        return 0;
    }

    bell->read->handler = on_report;
    bell->read->log = ngx_cycle->log;
    bell->write->log = ngx_cycle->log;
    bell->read->cancelable = 1;

    (void) rd_kafka_set_log_queue(producer, NULL);
    queue = rd_kafka_queue_get_main(producer);
    rd_kafka_queue_io_event_enable(queue, fd, &one, sizeof(one));

    return ngx_add_event(bell->read, NGX_READ_EVENT, 0) == NGX_OK;
}


/*
 * To end it takes a moment of waiting for its threads: not here, unless the
 * worker ends as well.
 */

static void
close_producer(void)
{
    sigset_t     all, was;
    pthread_t    thread;
    rd_kafka_t  *old = producer;
    ngx_uint_t   ends = ngx_exiting || ngx_terminate || ngx_quit;

    if (old == NULL) {
        return;
    }

    (void) rd_kafka_purge(old, RD_KAFKA_PURGE_F_QUEUE
                               | RD_KAFKA_PURGE_F_INFLIGHT);
    while (ends && batches && drain(500)) {
        /* their last reports */
    }

    producer = NULL;
    broken = 0;

    if (queue) {
        rd_kafka_queue_io_event_enable(queue, -1, NULL, 0);
        rd_kafka_queue_destroy(queue);
        queue = NULL;
    }

    if (bell) {
        ngx_close_connection(bell);
        bell = NULL;
    }

    (void) sigfillset(&all);
    (void) pthread_sigmask(SIG_SETMASK, &all, &was);

    if (ends || pthread_create(&thread, NULL, destroy, old) != 0) {
        (void) destroy(old);

    } else {
        (void) pthread_detach(thread);
    }

    (void) pthread_sigmask(SIG_SETMASK, &was, NULL);
}


static void *
destroy(void *data)
{
    rd_kafka_destroy(data);

    return NULL;
}


void
pando_kafka_exit_worker(void)
{
    close_producer();
}


/* What its threads report */

static void
on_report(ngx_event_t *ev)
{
    uint64_t           rung;
    ngx_connection_t  *c = ev->data;

    if (read(c->fd, &rung, sizeof(rung)) == -1 && ngx_errno != NGX_EAGAIN) {
        ngx_log_error(NGX_LOG_ALERT, ev->log, ngx_errno,
                      "pando: Kafka's descriptor cannot be read");
    }

    while (drain(0)) {
        /* all of it */
    }
}


static ngx_uint_t
drain(int ms)
{
    rd_kafka_event_t  *event = queue ? rd_kafka_queue_poll(queue, ms) : NULL;

    if (event == NULL) {
        return 0;
    }

    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR) {
        reported(event);

    } else {
        happened(event);
    }

    rd_kafka_event_destroy(event);

    return 1;
}


static void
reported(rd_kafka_event_t *event)
{
    batch_t                    *batch;
    const rd_kafka_message_t   *message;

    while ((message = rd_kafka_event_message_next(event)) != NULL) {
        batch = message->_private;
        batch->waits--;

        if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            batch->failed++;
            batch->why = rd_kafka_err2str(message->err);
        }

        if (batch->waits) {
            continue;
        }

        if (batch->rq == NULL) {
            release(batch);
            continue;
        }

        batch->done = true;
        pando_flow_wake(batch->rq);
    }
}


static void
happened(rd_kafka_event_t *event)
{
    int          level;
    ngx_uint_t   as;
    const char  *facility, *text;

    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_LOG) {
        if (rd_kafka_event_log(event, &facility, &text, &level) == 0) {
            as = level <= 4 ? NGX_LOG_WARN : NGX_LOG_INFO;
            ngx_log_error(as, ngx_cycle->log, 0, "pando: Kafka: %s", text);
        }

        return;
    }

    if (rd_kafka_event_type(event) != RD_KAFKA_EVENT_ERROR) {
        return;
    }

    broken |= rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__FATAL;
    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0, "pando: Kafka: %s",
                  rd_kafka_event_error_string(event));
}


/* Settings */

static rd_kafka_conf_t *
settings(const pando_events_conf_t *conf, char *error, size_t size)
{
    static const char *const  ours[] = {
        "client.id", "pando", "enable.idempotence", "true",
        "linger.ms", "5", "compression.codec", "gzip",
        "partitioner", "murmur2_random", "log.queue", "true",
        "message.timeout.ms", MESSAGE_MS, "socket.timeout.ms", "5000",
        "queue.buffering.max.messages", "100000", NULL
    };

    size_t             i;
    rd_kafka_conf_t   *to = rd_kafka_conf_new();
    const ngx_str_t   *s = conf->kafka->elts;

    for (i = 0; ours[i]; i += 2) {
        if (rd_kafka_conf_set(to, ours[i], ours[i + 1], error, size)
            != RD_KAFKA_CONF_OK)
        {
            goto failed;
        }
    }

    for (i = 0; i < conf->kafka->nelts; i += 2) {
        if (rd_kafka_conf_set(to, (char *) s[i].data, (char *) s[i + 1].data,
                              error, size)
            != RD_KAFKA_CONF_OK)
        {
            goto failed;
        }
    }

    rd_kafka_conf_set_events(to, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR
                                 | RD_KAFKA_EVENT_LOG);
    return to;

failed:

    rd_kafka_conf_destroy(to);

    return NULL;
}


const char *
pando_kafka_check(ngx_conf_t *cf, const pando_events_conf_t *conf)
{
    char             *error = ngx_pcalloc(cf->pool, 256);
    rd_kafka_conf_t  *made = error ? settings(conf, error, 256) : NULL;

    if (made == NULL) {
        return error ? error : "no memory";
    }

    rd_kafka_conf_destroy(made);

    return NULL;
}

#else

bool
pando_kafka_take(pando_req_t *rq, const pando_told_t *told, size_t n)
{
    return false;
}


void
pando_kafka_exit_worker(void)
{
}


const char *
pando_kafka_check(ngx_conf_t *cf, const pando_events_conf_t *conf)
{
    return "this Pando was built without librdkafka";
}

#endif
