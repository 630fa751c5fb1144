"""Options of han-domoticz -> a run that posts to the devices that they name, or makes devices."""

import argparse
import tomllib

from hanpipe.sinks.domoticz import devices as kinds
from hanpipe.sinks.domoticz.create import create
from hanpipe.sinks.domoticz.devices import Device
from hanpipe.sinks.domoticz.server import Domoticz
from hanpipe.sinks.domoticz.sink import DomoticzSink
from hanpipe.sinks.errors import Denied, Misconfigured, SinkError
from hanpipe.sinks.peer.login import find_login
from hanpipe.sinks.peer.tls import tls_context
from hanpipe.sinks.run import failure, run
from hanpipe.unix.program import Program
from hanpipe.unix.status import OK
from hanpipe.unix.stderr import reason


def start(program: Program) -> int:
    """Run to the end; return the exit status. raise: ValueError: the URL is wrong; Failure."""
    options = program.options
    try:
        secure = options.url.lower().startswith("https")
        tls = tls_context(options.ca, options.insecure, any_host=True) if secure else None
        client = Domoticz(options.url, find_login(options.login, program.name, program.report), tls)
        if not options.create:
            return run(program, DomoticzSink(program, client, _devices(options)))
    except SinkError as error:
        raise failure(error) from error
    try:
        create(program, client, options.create)
    except SinkError as error:
        denied = isinstance(error, Denied) and error.status == 403
        raise failure(Denied("--create needs the login of an admin") if denied else error, client.title) from error
    finally:
        client.close()
    return OK


def _devices(options: argparse.Namespace) -> list[Device]:
    """Return the devices that the options name. raise: Misconfigured: the map is wrong."""
    devices = [kinds.power(options.power, "computed" in options.energy)] if options.power else []
    devices += [kinds.energy(idx) for idx in options.energy if idx not in (0, "computed")]
    devices += [kinds.p1(options.p1)] if options.p1 else []
    devices += [*kinds.voltages(options.voltage), *kinds.currents(options.current)]
    devices += _read_map(options.map) if options.map else []
    numbers = [device.idx for device in devices]
    if twice := {idx for idx in numbers if numbers.count(idx) > 1}:
        raise Misconfigured(f"{options.map}: idx {min(twice)} is named twice")
    return devices


def _read_map(file: str) -> list[Device]:
    try:
        with open(file, "rb") as opened:
            return list(kinds.mapped(tomllib.load(opened)))
    except OSError as error:
        raise Misconfigured(f"{file}: {reason(error)}") from error
    except ValueError as error:
        raise Misconfigured(f"{file}: {error}") from error
