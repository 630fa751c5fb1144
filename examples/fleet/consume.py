"""Store what the meters of some partitions publish, in Parquet files and InfluxDB; acknowledge only what is stored.

    consume.py --partitions 0,1 --dir DIR [--influx http://127.0.0.1:8086/write?db=han] [--host HOST] [--port PORT]

Messages are gathered for --seconds, or until there are --batch of them. hanpipe.tables makes a table of them, which
becomes a file of its own, whole or not there at all, and a point per list in InfluxDB. Only then the broker gets the
acknowledgements. So whatever is killed, the broker still has what was not stored, and sends it again.

The subscription is $share/hanpipe-PARTITION/meters/PARTITION/#, a group per partition, in a session that outlasts the
connection. A group with one consumer keeps the order of each meter; a group with several would deal them out to all.

Standard output has a JSON line when the subscription is there, and one per file: its name, rows, messages, and when all
was stored (s since 1970). SIGTERM ends it; what is not stored then stays with the broker.
"""

import argparse
import glob
import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from typing import Any

import paho.mqtt.client as mqtt
import pyarrow
import pyarrow.compute as pc
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from pyarrow import parquet

import hanpipe

PAUSE = 0.2  # s between two attempts to reach a server
DAY = 86400  # s for which the broker keeps messages for a consumer that is away


def main() -> int:
    """Run until SIGTERM; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--partitions", required=True, help="those to read, such as 0,1")
    parser.add_argument("--dir", required=True, help="directory of the Parquet files")
    parser.add_argument("--influx", default="", help="URL that takes line protocol; without it, none is written")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--batch", type=int, default=5000)
    options = parser.parse_args()
    name = f"hanpipe-{options.partitions.replace(',', '-')}"
    for unfinished in glob.glob(os.path.join(glob.escape(options.dir), f"*-{name}.parquet.new")):
        os.unlink(unfinished)
    intake = Intake(name, options.partitions.split(","), options)
    signal.signal(signal.SIGTERM, intake.stop)
    # rows=1: a table as soon as there is a row, so one for each batch that is read.
    for table in hanpipe.tables(intake, lines=True, rows=1):  # type: ignore[arg-type]
        file = f"{time.time_ns()}-{name}.parquet"
        write(table, options.dir, file)
        if options.influx:
            post(points(table), options.influx)
        report = {"file": file, "rows": table.num_rows, "messages": intake.messages, "stored": time.time()}
        print(json.dumps(report), flush=True)
    return 0


class Intake:
    """The messages of some partitions as a stream of lines: each read returns a batch.

    A reader that asks for the next batch has stored the last one, so that is when its messages are acknowledged.
    Everything is in one thread, so that no acknowledgement can fall into another connection, which numbers its messages
    anew.
    """

    def __init__(self, name: str, partitions: list[str], options: argparse.Namespace) -> None:
        """Connect. name: of the session; options: host, port, seconds, batch."""
        self.messages = 0  # of the last batch
        self._options = options
        self._topics = [(f"$share/hanpipe-{each}/meters/{each}/#", 1) for each in partitions]
        self._lines: list[bytes] = []
        self._open: list[int] = []  # the numbers of messages that this connection has yet to acknowledge
        self._stopped = False
        self._client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv5, manual_ack=True
        )
        self._client.on_connect = lambda client, *_: client.subscribe(self._topics)
        self._client.on_subscribe = lambda *_: print(json.dumps({"subscribed": partitions}), flush=True)
        self._client.on_message = self._take
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = DAY
        properties.ReceiveMaximum = 65535
        self._client.connect_async(options.host, options.port, clean_start=False, properties=properties)

    def stop(self, *_: object) -> None:
        """End the stream at the next read."""
        self._stopped = True

    def seekable(self) -> bool:
        """Return False: as with a pipe, no octet comes twice."""
        return False

    def read1(self, _size: int) -> bytes:
        """Acknowledge the last batch; return the next one, b"" at the end."""
        for number in self._open:
            self._client.ack(number, 1)
        self._open.clear()
        self._lines.clear()
        due = 0.0
        while not self._stopped and len(self._lines) < self._options.batch:
            if not due and self._lines:
                due = time.monotonic() + self._options.seconds
            left = due - time.monotonic() if due else 1.0
            if left <= 0:
                break
            if self._client.loop(left):
                self._reconnect()
        self.messages = len(self._lines)
        return b"" if self._stopped else b"".join(self._lines)

    read = read1

    def _take(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        """Keep the line SOURCE TIME HEX of a message; no part may hold what separates parts or lines.

        The topic meters/3 also fits meters/3/#; it gives a line without a source, which hanpipe passes over.
        """
        source = "_".join("/".join(message.topic.split("/")[2:]).split())
        self._lines.append(b"\t".join([source.encode(), *message.payload.split()]) + b"\n")
        self._open.append(message.mid)

    def _reconnect(self) -> None:
        """Connect again: the broker sends again what was not acknowledged."""
        self._open.clear()
        try:
            self._client.reconnect()
        except OSError:
            time.sleep(PAUSE)


def write(table: pyarrow.RecordBatch, directory: str, name: str) -> None:
    """Write a Parquet file that is whole or not there, also after a power cut."""
    path = os.path.join(directory, name)
    with open(f"{path}.new", "wb") as file:
        parquet.write_table(pyarrow.Table.from_batches([table]), file, compression="zstd")
        file.flush()
        os.fsync(file.fileno())
    os.rename(f"{path}.new", path)
    descriptor = os.open(directory, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def points(table: pyarrow.RecordBatch) -> bytes:
    """Return line protocol: a point for each row with a time and a number; numbers are floats, the source is a tag."""
    fields = [
        pc.binary_join_element_wise(f"{field.name}=", pc.cast(column, pyarrow.string()), "")
        for field, column in zip(table.schema, table.columns, strict=True)
        if (pyarrow.types.is_floating(field.type) or pyarrow.types.is_integer(field.type))
        and column.null_count < table.num_rows
    ]
    if not fields:
        return b""
    numbers = pc.binary_join_element_wise(*fields, ",", null_handling="skip")
    source = pc.replace_substring_regex(table["source"], r"([ ,=])", r"\\\1")
    at = pc.cast(pc.cast(table["time"], pyarrow.int64()), pyarrow.string())
    lines = pc.binary_join_element_wise(pc.binary_join_element_wise("han,source=", source, ""), numbers, at, " ")
    return "\n".join(lines.filter(pc.and_(pc.not_equal(numbers, ""), lines.is_valid())).to_pylist()).encode()


def post(lines: bytes, url: str) -> None:
    """Post points; wait for a server that is away. raise: urllib.error.HTTPError: it refuses them."""
    while lines:
        try:
            urllib.request.urlopen(f"{url}&precision=ms", lines).close()
            return
        except urllib.error.HTTPError as error:
            if error.code < 500:
                raise
        except OSError:
            pass
        time.sleep(PAUSE)


if __name__ == "__main__":
    sys.exit(main())
