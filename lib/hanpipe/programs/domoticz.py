"""han-domoticz: readings to Domoticz."""

import argparse

from hanpipe.sinks.options import add_pass, add_tls, parser, sayer
from hanpipe.unix.options import positive_integer
from hanpipe.unix.program import Program
from hanpipe.unix.status import CONFIGURATION, IO, OK, REFUSED, Failure
from hanpipe.unix.stderr import reason, say
from hanpipe.unix.typed import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from hanpipe.sinks.domoticz.devices import Device
    from hanpipe.sinks.domoticz.server import Domoticz

_CREATED: Final = "power,p1,voltage,current"


def main(argv: list[str]) -> int:
    """Run han-domoticz; return its exit status."""
    made = _parser()
    options = made.parse_args(argv)
    if options.dry_run and options.pass_on:
        made.error("--dry-run and --pass both write to standard output")
    try:
        client = _client(options, made.prog)
    except ValueError as error:
        made.error(f"--url {options.url}: {error}")
    if options.create and options.dry_run:
        made.error("--create prints no URLs: leave out --dry-run")
    if options.create:
        return _create(client, options.create)
    try:
        devices = _devices(options)
    except ValueError as error:
        made.error(str(error))
    return _Run(Program(options, made.prog), client, devices).run()


def _parser() -> argparse.ArgumentParser:
    made = parser(
        "han-domoticz",
        "Post readings to Domoticz: power averaged over an interval, energy by the registers.\n"
        "IDX is a device's number in Domoticz (Setup > Devices); 0 is none.",
        "han-read /dev/HANserial | han-frame | han-decode | han-fields |\n    han-domoticz --login FILE --power 1938",
    )
    add = made.add_argument_group("devices").add_argument
    add("--power", type=_idx, default=0, metavar="IDX", help="kWh device: power and energy imported")
    add(
        "--energy",
        type=_idx_or_computed,
        action="append",
        default=[],
        metavar="IDX|computed",
        help="counter of energy imported; or the word computed: Domoticz makes the energy of --power out of the power",
    )
    add("--p1", type=_idx, default=0, metavar="IDX", help="P1 smart meter: import and export")
    add("--voltage", type=_indices, default=[], metavar="IDX[,IDX,IDX]", help="voltage, a device a phase")
    add("--current", type=_indices, default=[], metavar="IDX[,IDX,IDX]", help="one 3-phase device, or one a phase")
    add("--map", metavar="FILE", help='TOML: a [[device]] each with idx = 7, svalue = "{frequency}"')
    add("--interval", type=positive_integer, default=60, metavar="SECONDS", help="between two posts (default: 60)")
    group = made.add_argument_group("Domoticz")
    add = group.add_argument
    add("--url", default="http://127.0.0.1:8080", help="(default: %(default)s)")
    add("--login", metavar="FILE", help="one line, USER:PASSWORD (else $HAN_DOMOTICZ_USER and _PASSWORD)")
    add_tls(group)
    add(
        "--create",
        nargs="?",
        const=_CREATED,
        type=_to_create,
        metavar="WHAT,...",
        help=f"make devices (default: {_CREATED}), and print the options to use",
    )
    group = made.add_argument_group("output")
    group.add_argument("--dry-run", action="store_true", help="print the URLs, and post nothing")
    add_pass(group)
    return made


def _idx(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"an idx is a whole number, not '{text}'")
    return int(text)


def _idx_or_computed(text: str) -> int | str:
    return text if text == "computed" else _idx(text)


def _indices(text: str) -> list[int]:
    indices = [_idx(part) for part in text.split(",")]
    if len(indices) > 3:
        raise argparse.ArgumentTypeError("there are three phases")
    return indices


def _to_create(text: str) -> list[str]:
    from hanpipe.sinks.domoticz.devices import CREATABLE

    wanted = text.split(",")
    if unknown := set(wanted) - set(CREATABLE):
        raise argparse.ArgumentTypeError(f"'{min(unknown)}' is none of {', '.join(CREATABLE)}")
    return wanted


def _client(options: argparse.Namespace, name: str) -> "Domoticz":
    """Return the client that the options ask for. raise: ValueError: the URL is none."""
    from hanpipe.sinks.domoticz.server import Domoticz
    from hanpipe.sinks.peer.login import find_login
    from hanpipe.sinks.peer.tls import tls_context

    tls = tls_context(options.ca, options.insecure, any_host=True) if options.url.startswith("https") else None
    return Domoticz(options.url, find_login(options.login, name, sayer(options, name)), tls)


def _devices(options: argparse.Namespace) -> "list[Device]":
    """Return the devices that the options name. raise: ValueError: none, or one twice; the words say it."""
    from hanpipe.sinks.domoticz import devices as made

    computed = "computed" in options.energy
    if computed and not options.power:
        raise ValueError("--energy computed says how --power IDX gets its energy: give that too")
    devices = [made.power(options.power, computed)] if options.power else []
    devices += [made.energy(idx) for idx in options.energy if idx not in (0, "computed")]
    devices += [made.p1(options.p1)] if options.p1 else []
    devices += [*made.voltages(options.voltage), *made.currents(options.current)]
    devices += _read_map(options.map) if options.map else []
    indices = [device.idx for device in devices]
    if twice := {idx for idx in indices if indices.count(idx) > 1}:
        raise ValueError(f"idx {min(twice)} is named twice")
    asked = options.power, options.energy, options.p1, options.voltage, options.current, options.map
    if not devices and asked == (0, [], 0, [], [], None):
        raise ValueError("nothing to post: name a device (--power IDX ...), or have them made (--create)")
    return devices


def _read_map(file: str) -> "list[Device]":
    import tomllib

    from hanpipe.sinks.domoticz.devices import mapped

    try:
        with open(file, "rb") as opened:
            return list(mapped(tomllib.load(opened)))
    except OSError as error:
        raise Failure(CONFIGURATION, f"{file}: {reason(error)}") from error
    except ValueError as error:
        raise Failure(CONFIGURATION, f"{file}: {error}") from error


def _create(client: "Domoticz", wanted: list[str]) -> int:
    """Make devices, print the options to use."""
    from hanpipe.sinks.domoticz.devices import create
    from hanpipe.sinks.peer.http import Away, Denied, Refused, Wrong, failure

    try:
        print(create(client, wanted))
    except Denied as denied:
        words = "--create needs an admin's login" if denied.status == 403 else str(denied)
        raise Failure(REFUSED, f"{client.title}: {words}") from denied
    except (Away, Wrong, Refused) as error:
        raise failure(client.title, error) from error
    finally:
        client.close()
    return OK


class _Run:
    """One run: readings in, posts out."""

    def __init__(self, program: Program, client: "Domoticz", devices: "list[Device]") -> None:
        from hanpipe.periods.intervals import Account, Intervals, Timeline
        from hanpipe.sinks.domoticz.posting import Posting
        from hanpipe.sinks.retry import Waiting
        from hanpipe.sinks.run import Running

        say = sayer(program.options, program.name)
        self._program = program
        self._running = Running(program)
        self._client = client
        self._devices = devices
        self._dry = program.options.dry_run
        self._checked = self._dry or not devices
        self._waiting = Waiting(client.title, say)
        self._posting = Posting(devices, self._print if self._dry else self._post, self._waiting, say)
        self._timeline = Timeline()
        self._account = Account({name for device in devices for name in device.fields}, say)
        self._intervals = Intervals(self._account, program.options.interval)

    def run(self) -> int:
        """Run until the input ends; return the exit status."""
        show = self._program.stats(self._counters)
        self._contact()
        for data, _ in self._program.pieces(self._patience):
            if data:
                self._take(data)
            self._pass_time()
            self._deliver()
        self._end()
        show()
        if self._posting.left:
            status = REFUSED if self._posting.denied else IO
            raise Failure(status, f"{self._client.title}: at the end {self._posting.left} values were not posted")
        return self._running.ended()

    def _take(self, data: bytes) -> None:
        """Take octets of the input; b"" is its end."""
        for line in self._running.lines(data):
            if line.reading is not None:
                at = self._timeline.of(line.reading)
                for figures in self._intervals.add(line.reading, at):
                    self._posting.close(figures)
                    self._deliver()
                if self._program.options.verbose and (report := self._account.report(at)):
                    self._program.explain(report)
            if self._program.options.pass_on:
                self._posting.take(line.octets)

    def _pass_time(self) -> None:
        for figures in self._intervals.pass_to(self._timeline.now()):
            self._posting.close(figures)

    def _deliver(self) -> None:
        """Post what can be posted, pass on what is dealt with."""
        if not self._waiting.seconds():
            self._contact()
        if self._checked:
            self._posting.post()
        self._client.close()  # Domoticz closes an idle connection anyhow, and never says so
        self._running.pass_on(self._posting.dealt_with())

    def _end(self) -> None:
        from hanpipe.sinks.run import last_tries

        self._take(b"")
        for figures in self._intervals.finish():
            self._posting.close(figures)
        last_tries(self._deliver, lambda: self._posting.left, self._waiting)

    def _contact(self) -> None:
        """Ask Domoticz, once, whether everything is as it should be.

        raise: Failure: something must be changed; no wait would help
        """
        from hanpipe.sinks.domoticz.devices import check
        from hanpipe.sinks.peer.http import Away, Denied, Wrong, failure

        if self._checked:
            return
        try:
            found, problems = check(self._client, self._devices)
        except Away as away:
            self._waiting.failed(str(away))
            return
        except (Denied, Wrong) as error:
            raise failure(self._client.title, error) from error
        if not found:
            raise Failure(REFUSED, f"{self._client.title}: {problems[0]}")
        for problem in problems[:-1]:
            say(self._program.name, problem)
        if problems:
            raise Failure(CONFIGURATION, problems[-1])
        self._checked = True
        self._waiting.worked()
        self._program.explain(f"{self._client.title}: {found}")

    def _patience(self) -> float | None:
        """Return how long the input may be silent before something is to be done."""
        waits = [self._intervals.left(self._timeline.now()), self._posting.seconds()]
        if not self._checked:
            waits.append(self._waiting.seconds())
        return min((wait for wait in waits if wait is not None), default=None)

    def _post(self, idx: int, svalue: str) -> None:
        self._client.ask("udevice", idx=idx, nvalue=0, svalue=svalue)
        self._program.explain(f"{self._client.url('udevice', idx=idx, nvalue=0, svalue=svalue)} OK")

    def _print(self, idx: int, svalue: str) -> None:
        self._program.write(self._client.url("udevice", idx=idx, nvalue=0, svalue=svalue).encode() + b"\n")

    def _counters(self) -> dict[str, Any]:
        return self._running.counted(
            posted=self._posting.taken, refused=self._posting.refused, retries=self._waiting.retries
        )
