"""han-mqtt: readings to an MQTT broker, and to Home Assistant."""

import argparse
import os
import re

from hanpipe.sinks.options import add_pass, parser, sayer
from hanpipe.unix.options import is_host, positive_integer
from hanpipe.unix.program import Program
from hanpipe.unix.status import IO, REFUSED, Failure
from hanpipe.unix.typed import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from hanpipe.sinks.mqtt.broker import Session
    from hanpipe.sinks.readings_in import Line

_PORT, _TLS_PORT = 1883, 8883
_PAUSE: Final = 0.05  # s for a moment's patience


def main(argv: list[str]) -> int:
    """Run han-mqtt; return its exit status."""
    options = _parser().parse_args(argv)
    return _Run(Program(options, "han-mqtt")).run()


def _parser() -> argparse.ArgumentParser:
    made = parser(
        "han-mqtt",
        "Publish readings to an MQTT broker, each value under a topic of its own:\n"
        "hanpipe/7359992890123456/import_power 826. Home Assistant finds them by itself;\n"
        "Domoticz too, by its MQTT auto discovery.",
        "han-read /dev/HANserial | han-frame | han-decode | han-fields |\n    han-mqtt --host broker --login FILE",
    )
    add = made.add_argument_group("broker").add_argument
    add("--host", type=_host, default="127.0.0.1", help="(default: %(default)s)")
    add("--port", type=_port, help=f"(default: {_PORT}, with TLS {_TLS_PORT})")
    add("--login", metavar="FILE", help="one line, USER:PASSWORD (else $HAN_MQTT_USER and _PASSWORD)")
    add("--tls", action="store_true", help="TLS: trust what the system trusts")
    add("--ca", metavar="FILE", help="TLS: trust the certificates of this file")
    add("--insecure", action="store_true", help="TLS: trust any certificate")
    add("--client-id", type=_client_id, metavar="NAME", help="each client its own (default: PREFIX-HOSTNAME)")
    add = made.add_argument_group("topics").add_argument
    add("--prefix", type=_topic, default="hanpipe", metavar="TOPIC", help="(default: %(default)s)")
    add("--meter", type=_name, metavar="NAME", help="call the meter so, in place of its number")
    add("--json", action="store_true", help="publish each reading as JSON too: PREFIX/METER/reading")
    add("--no-retain", action="store_true", help="do not have the broker keep registers, clock, tariff")
    group = made.add_argument_group("Home Assistant")
    group.add_argument(
        "--discovery-prefix", type=_topic, default="homeassistant", metavar="TOPIC", help="(default: %(default)s)"
    )
    which = group.add_mutually_exclusive_group()
    which.add_argument("--no-discovery", action="store_true", help="announce nothing")
    which.add_argument(
        "--device-discovery", action="store_true", help="announce by device, not by value: Domoticz reads none of it"
    )
    add_pass(made.add_argument_group("output"), " once the broker has all of it")
    return made


def _host(text: str) -> str:
    if not re.fullmatch(r"[\w.:%-]+", text) or not is_host(text):
        raise argparse.ArgumentTypeError(f"'{text}' is no host")
    return text


def _port(text: str) -> int:
    number = positive_integer(text)
    if number > 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port: the last is 65535")
    return number


def _topic(text: str) -> str:
    if not re.fullmatch(r"[^+#\0/$][^+#\0]{0,100}", text) or text.endswith("/"):
        raise argparse.ArgumentTypeError(f"'{text}' is no beginning of a topic: + and # are none of it")
    return text


def _name(text: str) -> str:
    if not re.fullmatch(r"[ -~]{1,100}", text) or not re.search(r"\w", text):
        raise argparse.ArgumentTypeError(f"'{text}' is no name")
    return text


def _client_id(text: str) -> str:
    if not re.fullmatch(r"[\w.:-]{1,100}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"'{text}' is no client id: letters, digits and . : _ - are")
    return text


class _Run:
    """One run: readings in, messages out."""

    def __init__(self, program: Program) -> None:
        from hanpipe.sinks.mqtt.broker import Broker
        from hanpipe.sinks.mqtt.discovery import Announcer
        from hanpipe.sinks.mqtt.topics import MeterFinder, Topics
        from hanpipe.sinks.queue import Outbox
        from hanpipe.sinks.run import Running

        options = program.options
        self._program = program
        self._running = Running(program)
        self._say = sayer(options, program.name)
        session = self._session(options)
        announcer = None
        if not options.no_discovery:
            announcer = Announcer(options.discovery_prefix, session.status, by_device=options.device_discovery)
        self._finder = MeterFinder(options.meter)
        self._topics = Topics(options.prefix, announcer, whole=options.json, retain=not options.no_retain)
        self._outbox = Outbox(in_order=options.pass_on, say=self._say)
        self._broker = Broker(session, self._outbox, self._say, program.explain, program.write)

    def _session(self, options: argparse.Namespace) -> "Session":
        from hanpipe.sinks.mqtt.broker import Session
        from hanpipe.sinks.peer.login import find_login
        from hanpipe.sinks.peer.tls import tls_context

        secure = options.tls or options.ca or options.insecure
        host = re.sub(r"[^\w-]", "_", os.uname().nodename, flags=re.ASCII)
        client_id = options.client_id or f"{options.prefix.replace('/', '-')}-{host}"
        return Session(
            host=options.host,
            port=options.port or (_TLS_PORT if secure else _PORT),
            client_id=client_id,
            login=find_login(options.login, "han-mqtt", self._say),
            tls=tls_context(options.ca, options.insecure, any_host=False) if secure else None,
            status=f"{options.prefix}/{client_id}/status",
            online=None if options.no_discovery else f"{options.discovery_prefix}/status",
        )

    def run(self) -> int:
        """Run until the input ends; return the exit status."""
        show = self._program.stats(self._counters)
        self._broker.start()
        for data, _ in self._program.pieces(self._finder.seconds):
            if data:
                self._take(data)
            else:
                self._publish(self._finder.release())
        self._take(b"")
        self._publish(self._finder.release(at_once=True))
        self._broker.finish(lambda: self._program.stopping)
        show()
        if left := self._outbox.left:
            status = REFUSED if self._broker.denied else IO
            raise Failure(status, f"{self._broker.title}: at the end {left} messages were not acknowledged")
        return self._running.ended()

    def _take(self, data: bytes) -> None:
        """Take octets of the input; b"" is its end."""
        for line in self._running.lines(data):
            self._publish(self._finder.feed(line))

    def _publish(self, lines: "list[Line]") -> None:
        for line in lines:
            meter = self._finder.meter
            if meter:
                self._outbox.put(*self._topics.messages(line, meter), line.octets)
        self._broker.wake()
        while self._outbox.overfull and not self._program.stopping:
            self._program.wait(None, _PAUSE)

    def _counters(self) -> dict[str, Any]:
        return self._running.counted(
            acknowledged=self._outbox.sent, dropped=self._outbox.dropped, retries=self._broker.retries
        )
