"""Readings -> messages for an MQTT broker."""

import os
import re
from collections.abc import Callable, Iterable

from hanpipe.periods.kinds import kind_of
from hanpipe.sinks.errors import Away, Denied
from hanpipe.sinks.mqtt.broker import Broker, Session
from hanpipe.sinks.mqtt.discovery import Announcer
from hanpipe.sinks.mqtt.meters import Meter, MeterFinder
from hanpipe.sinks.mqtt.outbox import Outbox
from hanpipe.sinks.mqtt.pace import Pace
from hanpipe.sinks.mqtt.topics import Topics
from hanpipe.sinks.mqtt.undelivered import Undelivered
from hanpipe.sinks.passing import keeps_lines
from hanpipe.sinks.peer.login import find_login
from hanpipe.sinks.peer.tls import tls_context
from hanpipe.sinks.readings_in import Line
from hanpipe.sinks.run import Sink
from hanpipe.unix.program import Program
from hanpipe.unix.stderr import counted

_PORT, _TLS_PORT = 1883, 8883


class MqttSink(Sink):
    """Publishes every reading, or one per interval; the broker's thread writes the lines that are delivered."""

    def __init__(self, program: Program) -> None:
        """Take the program's options. raise: Misconfigured; ModuleNotFoundError: paho-mqtt is missing."""
        options = program.options
        self.keeps = keeps_lines(options)
        self._program = program
        session = _session(program)
        announcer = None
        if not options.no_discovery:
            announcer = Announcer(
                options.discovery_prefix,
                session.status,
                by_device=options.device_discovery,
                one_topic=options.one_topic,
                interval=options.interval or 0,
            )
        self._finder = MeterFinder(options.meter, warn=program.warn)
        self._pace = Pace(options.interval) if options.interval else None
        self._topics = Topics(
            options.prefix, announcer, whole=options.json, retain=not options.no_retain, one_topic=options.one_topic
        )
        self._outbox = Outbox(in_order=self.keeps, say=program.report)
        self._broker = Broker(session, self._outbox, program.report, program.explain, program.write)
        self._undelivered = Undelivered()
        self.title = self._broker.title

    def begin(self) -> None:
        """Start to connect."""
        self._broker.start()

    def take(self, lines: list[Line]) -> None:
        """Publish readings whose meter is known."""
        for line in lines:
            self._publish(self._finder.feed(line))

    def turn(self) -> None:
        """Publish what has waited long enough."""
        if self._finder.seconds() == 0:
            self._publish(self._finder.release())
        if self._pace:
            self._put(self._pace.pass_time())
        self._broker.wake()

    def _publish(self, lines: list[tuple[Line, Meter | None]]) -> None:
        for line, meter in lines:
            octets = line.octets if self.keeps else b""
            if self._pace and meter and line.reading is not None and not kind_of(line.reading):
                self._put(self._pace.add(line, meter))
                self._undelivered.add(octets, meter.node)
            else:
                self._send(line, meter, self._undelivered.add(octets))

    def _put(self, ended: Iterable[tuple[Line, Meter]]) -> None:
        for line, meter in ended:
            self._send(line, meter, self._undelivered.close(meter.node))

    def _send(self, line: Line, meter: Meter | None, octets: bytes) -> None:
        """Queue the messages of a line. octets: the lines to deliver after them."""
        messages = self._topics.messages(line, meter) if meter else ([], [])
        self._topics.forget(self._outbox.put(*messages, octets))

    def seconds(self) -> float | None:
        """Return the seconds until something has waited long enough."""
        waits = [self._finder.seconds(), self._pace.seconds() if self._pace else None]
        return min((wait for wait in waits if wait is not None), default=None)

    def full(self, *, patient: bool) -> bool:
        """Let the input wait while the broker takes what is queued; a file's even while it is away."""
        return self._outbox.full and (patient or not self._broker.away)

    def finish(self, stopping: Callable[[], bool]) -> None:
        """Publish the rest and disconnect. raise: Away, Denied: messages are left."""
        self._publish(self._finder.release(at_once=True))
        if self._pace:
            self._put(self._pace.finish())
        self._broker.finish(stopping)
        if left := self._outbox.left:
            words = f"the broker did not acknowledge {counted(left, 'message')} at the end"
            raise Denied(words) if self._broker.denied else Away(words)

    def counters(self) -> dict[str, int]:
        """Return the counters of --stats."""
        return {
            "acknowledged": self._outbox.sent,
            "replaced": self._outbox.replaced,
            "dropped": self._outbox.dropped,
            "retries": self._broker.retries,
        }


def _session(program: Program) -> Session:
    options = program.options
    secure = options.tls or options.ca or options.insecure
    host = re.sub(r"[^\w-]", "_", os.uname().nodename, flags=re.ASCII)
    client_id = options.client_id or f"{options.prefix.replace('/', '-')}-{host}"
    return Session(
        host=options.host,
        port=options.port or (_TLS_PORT if secure else _PORT),
        client_id=client_id,
        login=find_login(options.login, program.name, program.report),
        tls=tls_context(options.ca, options.insecure, any_host=False) if secure else None,
        status=f"{options.prefix}/{client_id}/status",
        online=None if options.no_discovery else f"{options.discovery_prefix}/status",
    )
