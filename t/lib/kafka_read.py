# Reads a topic of Kafka from its beginning, until as many different events
# came as are asked for, or for so many seconds: a line of JSON for each.

import json
import sys
import time

from kafka import KafkaConsumer, TopicPartition

brokers, topic, wanted, seconds = sys.argv[1:5]
until = time.monotonic() + float(seconds)

consumer = KafkaConsumer(bootstrap_servers=brokers.split(','), api_version=(2, 0, 0),
                         auto_offset_reset='earliest', enable_auto_commit=False,
                         consumer_timeout_ms=500)
parts = [TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic)]
consumer.assign(parts)
consumer.seek_to_beginning(*parts)
seen = set()

while len(seen) < int(wanted) and time.monotonic() < until:
    for message in consumer:
        event = json.loads(message.value)
        seen.add(event['id'])
        print(json.dumps({'partition': message.partition, 'offset': message.offset,
                          'key': message.key.decode(), 'event': event,
                          'headers': {k: v.decode() for k, v in message.headers}}))
        if len(seen) >= int(wanted):
            break
