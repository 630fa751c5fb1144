"""han-mqtt: readings to an MQTT broker, and to Home Assistant."""

import argparse

from hanpipe.sinks.mqtt.options import client_id, host, meter, port, topic
from hanpipe.sinks.options import add_pass, parser
from hanpipe.unix.options import positive_integer
from hanpipe.unix.program import Program


def main(argv: list[str]) -> int:
    """Run han-mqtt; return its exit status."""
    made = _parser()
    options = made.parse_args(argv)
    from hanpipe.sinks.mqtt.start import start  # after --help

    return start(Program(options, made.prog))


def _parser() -> argparse.ArgumentParser:
    made = parser(
        "han-mqtt",
        "Publish readings to an MQTT broker, each value under its own topic:\n"
        "hanpipe/7359992890123456/import_power 826. Home Assistant finds the values by itself,\n"
        "and so does Domoticz's MQTT auto discovery.",
        "han-read /dev/HANserial | han-frame | han-decode | han-fields |\n    han-mqtt --host broker --login FILE",
    )
    group = made.add_argument_group("broker")
    add = group.add_argument
    add("--host", type=host, default="127.0.0.1", help="connect to this broker (default: %(default)s)")
    add("--port", type=port, help="connect to this port (default: 1883, with TLS 8883)")
    add("--login", metavar="FILE", help="read USER:PASSWORD from FILE (else $HAN_MQTT_USER and _PASSWORD)")
    add("--tls", action="store_true", help="use TLS and trust the system's certificates")
    trust = group.add_mutually_exclusive_group()
    trust.add_argument("--ca", metavar="FILE", help="use TLS and trust the certificates in this file")
    trust.add_argument("--insecure", action="store_true", help="use TLS and trust any certificate")
    add("--client-id", type=client_id, metavar="NAME", help="connect under this name (default: PREFIX-HOSTNAME)")
    add = made.add_argument_group("topics").add_argument
    add(
        "--prefix",
        type=topic,
        default="hanpipe",
        metavar="TOPIC",
        help="begin all topics with this (default: %(default)s)",
    )
    add("--meter", type=meter, metavar="NAME", help="use this name instead of the meter's number")
    add(
        "--interval",
        type=positive_integer,
        metavar="SECONDS",
        help="publish the means and last values of each interval instead of every reading",
    )
    add("--json", action="store_true", help="also publish each reading as JSON: PREFIX/METER/reading")
    add("--one-topic", action="store_true", help="publish all values in one JSON message: PREFIX/METER/state")
    add("--no-retain", action="store_true", help="do not let the broker retain registers, clock and tariff")
    group = made.add_argument_group("Home Assistant")
    group.add_argument(
        "--discovery-prefix",
        type=topic,
        default="homeassistant",
        metavar="TOPIC",
        help="announce under this topic (default: %(default)s)",
    )
    which = group.add_mutually_exclusive_group()
    which.add_argument("--no-discovery", action="store_true", help="announce nothing")
    which.add_argument(
        "--device-discovery", action="store_true", help="announce devices, not values; Domoticz cannot read this"
    )
    add_pass(made.add_argument_group("output"))
    return made
