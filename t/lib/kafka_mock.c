/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Brokers for the tests: librdkafka's mock cluster, three of them.  It prints
 * where they listen, and does what its input says, a line each: "down" and
 * "up", "refuse <n>" (so many requests to produce are answered with an error).
 * The end of the input ends it.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>


#define BROKERS  3
#define PRODUCE  0


static void obey(rd_kafka_mock_cluster_t *cluster, const char *line);


int
main(int argc, char **argv)
{
    char                      error[256], line[64];
    rd_kafka_t               *rk;
    rd_kafka_conf_t          *conf = rd_kafka_conf_new();
    rd_kafka_mock_cluster_t  *cluster;

    rd_kafka_conf_set_log_cb(conf, NULL);
    rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
    cluster = rk ? rd_kafka_mock_cluster_new(rk, BROKERS) : NULL;

    if (cluster == NULL) {
        fprintf(stderr, "no mock cluster\n");
        return 1;
    }

    rd_kafka_mock_topic_create(cluster, argc > 1 ? argv[1] : "pando.events",
                               4, BROKERS);
    printf("%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
    fflush(stdout);

    while (fgets(line, sizeof(line), stdin)) {
        obey(cluster, line);
        printf("done\n");
        fflush(stdout);
    }

    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(rk);

    return 0;
}


static void
obey(rd_kafka_mock_cluster_t *cluster, const char *line)
{
    int  i, n;

    for (i = 1; i <= BROKERS; i++) {
        if (strncmp(line, "down", 4) == 0) {
            rd_kafka_mock_broker_set_down(cluster, i);

        } else if (strncmp(line, "up", 2) == 0) {
            rd_kafka_mock_broker_set_up(cluster, i);
        }
    }

    if (strncmp(line, "refuse ", 7) == 0) {
        for (n = atoi(line + 7); n > 0; n--) {
            rd_kafka_mock_push_request_errors(cluster, PRODUCE, 1,
                RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
        }
    }
}
