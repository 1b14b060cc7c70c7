/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * `pando_stream redis key=pando:events maxlen=1000000;` and `pando_stream
 * kafka ...;`: all events to the outside, as CloudEvents.
 *
 * Each has one reader of the whole outbox, as a consumer has; of Redis a batch
 * is one script, so that it is there whole and in order, or not at all.  At
 * least once: after trouble an event may come again, under the id it had.
 */

#include "pando_relay.h"
#include "pando_conf.h"


static bool to_redis(pando_req_t *rq, const pando_told_t *told, size_t n);
static char *conf_redis(ngx_conf_t *cf, pando_events_conf_t *conf);
static char *conf_kafka(ngx_conf_t *cf, pando_events_conf_t *conf);
static char *kafka_set(ngx_conf_t *cf, pando_events_conf_t *conf,
    ngx_str_t *name, ngx_str_t *value);


static const char  script[] =
    "for i = 4, #ARGV, 3 do redis.call('XADD', KEYS[1], 'MAXLEN', '~', "
    "ARGV[1], '*', 'id', ARGV[i], 'type', ARGV[i + 1], 'event', ARGV[i + 2]) "
    "end return #ARGV";

static const pando_hear_t  redis_hear = {
    .name = "stream.redis", .types = "*", .batch = to_redis,
    .note = "all events, to a stream of Redis"
};

static const pando_hear_t  kafka_hear = {
    .name = "stream.kafka", .types = "*", .batch = pando_kafka_take,
    .note = "all events, to a topic of Kafka"
};

const pando_domain_t  pando_stream_domain = {
    .name = "stream", .note = "events to the outside"
};


const pando_hear_t *
pando_stream_hears(ngx_uint_t n)
{
    const pando_events_conf_t  *conf = pando_events_conf();

    if (conf->stream_key.len && n-- == 0) {
        return &redis_hear;
    }

    return conf->kafka && n == 0 ? &kafka_hear : NULL;
}


static bool
to_redis(pando_req_t *rq, const pando_told_t *told, size_t n)
{
    size_t                i;
    const char          **argv;
    pando_events_conf_t  *conf = pando_events_conf();
    const pando_redis_t  *reply;

    argv = pando_alloc(rq, (n * 3 + 7) * sizeof(char *));
    argv[0] = "EVAL";
    argv[1] = script;
    argv[2] = "1";
    argv[3] = (char *) conf->stream_key.data;
    argv[4] = pando_text(rq, "%lld", (long long) conf->stream_length);
    argv[5] = argv[6] = "";

    for (i = 0; i < n; i++) {
        argv[7 + i * 3] = pando_uuid_text(rq, told[i].id);
        argv[8 + i * 3] = told[i].type;
        argv[9 + i * 3] = pando_cloudevent(rq, &told[i]);
    }

    reply = pando_redis(rq, (int) (n * 3 + 7), argv, NULL);

    if (reply && reply->is == PANDO_REDIS_ERROR) {
        ngx_log_error(NGX_LOG_ERR, rq->log, 0,
                      "pando: Redis does not take events: %s", reply->text);
    }

    return reply && reply->is == PANDO_REDIS_INT;
}


/* pando_stream redis [key=pando:events] [maxlen=1000000]; or kafka ...; */

char *
pando_conf_stream(ngx_conf_t *cf, ngx_command_t *cmd, void *data)
{
    ngx_str_t            *value = cf->args->elts;
    pando_events_conf_t  *conf = pando_events_conf_of(cf, data);

    if (conf == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_strcmp(value[1].data, "redis") == 0) {
        return conf_redis(cf, conf);
    }

    if (ngx_strcmp(value[1].data, "kafka") == 0) {
        return conf_kafka(cf, conf);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" is no stream that is known here: write "
                       "pando_stream redis or pando_stream kafka", &value[1]);
    return NGX_CONF_ERROR;
}


static char *
conf_redis(ngx_conf_t *cf, pando_events_conf_t *conf)
{
    ngx_int_t    n;
    ngx_str_t    v, *value = cf->args->elts;
    ngx_uint_t   i;

    if (conf->stream_key.len) {
        return "is duplicate";
    }

    ngx_str_set(&conf->stream_key, "pando:events");
    conf->stream_length = 1000000;

    for (i = 2; i < cf->args->nelts; i++) {

        if (pando_conf_option(&value[i], "key", &v) && v.len) {
            conf->stream_key = v;
            continue;
        }

        if (pando_conf_option(&value[i], "maxlen", &v)) {
            n = ngx_atoi(v.data, v.len);

            if (n > 0) {
                conf->stream_length = n;
                continue;
            }
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is no option of pando_stream: it takes "
                           "key=, maxlen= of 1 or more", &value[i]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/*
 * What is no option of ours is a property of librdkafka's, which says whether
 * there is one and takes this value.
 */

static char *
conf_kafka(ngx_conf_t *cf, pando_events_conf_t *conf)
{
    char        *failed, *at;
    ngx_str_t    name, v, *value = cf->args->elts;
    ngx_uint_t   i, brokers = 0;
    const char  *why;

    if (conf->kafka) {
        return "is duplicate";
    }

    conf->kafka = ngx_array_create(cf->pool, 8, sizeof(ngx_str_t));
    ngx_str_set(&conf->topic, "pando.events");

    if (conf->kafka == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (pando_conf_option(&value[i], "topic", &v) && v.len) {
            conf->topic = v;
            continue;
        }

        at = strchr((char *) value[i].data, '=');
        name.data = value[i].data;
        name.len = at ? (size_t) (at - (char *) value[i].data) : 0;
        v.data = name.data + name.len + 1;
        v.len = at ? value[i].len - name.len - 1 : 0;

        if (name.len == 0 || v.len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" is no option of pando_stream kafka: "
                               "they are written name=value", &value[i]);
            return NGX_CONF_ERROR;
        }

        *at = '\0';

        if (ngx_strcmp(name.data, "brokers") == 0) {
            ngx_str_set(&name, "bootstrap.servers");
            brokers = 1;
        }

        failed = kafka_set(cf, conf, &name, &v);

        if (failed) {
            return failed;
        }
    }

    why = brokers ? pando_kafka_check(cf, conf)
                  : "it needs brokers=host:port,...";

    if (why) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "pando_stream kafka: %s",
                           why);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
kafka_set(ngx_conf_t *cf, pando_events_conf_t *conf, ngx_str_t *name,
    ngx_str_t *value)
{
    size_t      len;
    ngx_str_t   path, *set = ngx_array_push_n(conf->kafka, 2);

    if (set == NULL) {
        return NGX_CONF_ERROR;
    }

    set[0] = *name;
    set[1] = *value;

    if (value->len > 5 && ngx_strncmp(value->data, "file:", 5) == 0) {
        path.data = value->data + 5;
        path.len = value->len - 5;
        set[1].data = (u_char *) pando_conf_read_file(cf, &path, &len);

        if (set[1].data == NULL) {
            return NGX_CONF_ERROR;
        }

        set[1].len = len;
    }

    return NGX_CONF_OK;
}


/* pando_keep_events <days>; */

char *
pando_conf_keep_events(ngx_conf_t *cf, ngx_command_t *cmd, void *data)
{
    ngx_str_t            *value = cf->args->elts;
    ngx_int_t             n = ngx_parse_time(&value[1], 1);
    pando_events_conf_t  *conf = pando_events_conf_of(cf, data);

    if (conf == NULL) {
        return NGX_CONF_ERROR;
    }

    if (n == NGX_ERROR || n < 86400) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is no time to keep events for: it is a "
                           "day or more, such as 7d", &value[1]);
        return NGX_CONF_ERROR;
    }

    conf->keep_days = n / 86400;

    return NGX_CONF_OK;
}


pando_events_conf_t *
pando_events_conf_of(ngx_conf_t *cf, pando_main_conf_t *pmcf)
{
    if (pmcf->events == NULL) {
        pmcf->events = ngx_pcalloc(cf->pool, sizeof(pando_events_conf_t));

        if (pmcf->events) {
            pmcf->events->keep_days = 7;
        }
    }

    return pmcf->events;
}


ngx_int_t
pando_stream_conf_finish(ngx_conf_t *cf, pando_main_conf_t *pmcf)
{
    if (pando_events_conf_of(cf, pmcf) == NULL) {
        return NGX_ERROR;
    }

    if (pmcf->events->stream_key.len && pmcf->redis == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"pando_stream redis\" needs a Redis: add "
                      "pando_redis default <address>; to the http block");
        return NGX_ERROR;
    }

    return NGX_OK;
}


pando_events_conf_t *
pando_events_conf(void)
{
    return pando_conf->events;
}
