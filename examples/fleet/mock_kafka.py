r"""Put lines SOURCE HEX on stdin into a broker of Kafka's protocol, and run a command that reads them from there.

    han-fake --lines ... | mock_kafka.py sh -c 'kcat -C -b $BROKERS -t meters -e -f "%k %s\n" | han-frame --lines | ...'

The broker is that of librdkafka for tests. It is in this process, and ends with it. The key of a message is its source,
so that all lists of a meter are in one partition. The exit status is that of the command.
"""

import os
import subprocess
import sys

from confluent_kafka import Producer

MOST_OPEN = 10_000  # messages that wait for the broker


def main() -> int:
    """Publish the input and run the command; return the exit status."""
    producer = Producer({"test.mock.num.brokers": 1, "enable.idempotence": True, "log_level": 4})
    for line in sys.stdin.buffer:
        source, _, rest = line.rstrip(b"\r\n").partition(b" ")
        producer.produce("meters", key=source, value=rest)
        if len(producer) > MOST_OPEN:
            producer.poll(1.0)
    if producer.flush(60):
        print("mock_kafka.py: the broker did not take all messages in 60 s", file=sys.stderr)
        return 4
    brokers = ",".join(f"{each.host}:{each.port}" for each in producer.list_topics(timeout=60).brokers.values())
    return subprocess.run(sys.argv[1:], env=os.environ | {"BROKERS": brokers}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
