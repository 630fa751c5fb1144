"""Readings -> posts to Domoticz: an svalue for each device at the end of each interval."""

from collections.abc import Callable

from hanpipe.periods.intervals import Account, Figures, Intervals, Timeline
from hanpipe.sinks.domoticz.check import Misfits, check
from hanpipe.sinks.domoticz.devices import Device
from hanpipe.sinks.domoticz.feed import Feed
from hanpipe.sinks.domoticz.server import Domoticz
from hanpipe.sinks.errors import Away, Refused
from hanpipe.sinks.meter_finder import OneMeter
from hanpipe.sinks.passing import keeps_lines
from hanpipe.sinks.peer.delivery import Delivery
from hanpipe.sinks.queue import Queue
from hanpipe.sinks.readings_in import Line
from hanpipe.sinks.retry import Waiting
from hanpipe.sinks.run import Sink
from hanpipe.unix.program import Program
from hanpipe.unix.typed import Any, Final

# s before the full minute at which intervals end: Domoticz takes its sample at the full minute, so a post just after it
# would count in the next sample, and the last minute of a day in the next day.
EARLY: Final = 5
_INTERVAL: Final = 60  # s, by default
_MOST: Final = 4_000_000  # octets of lines that wait for their posts


class DomoticzSink(Sink):
    """The latest svalue of each device, posted when its interval has ended, and again until Domoticz takes it.

    A later svalue replaces one that waits: energy is cumulative, and Domoticz keeps only the power that it has when it
    takes a sample.
    """

    def __init__(self, program: Program, client: Domoticz, devices: list[Device]) -> None:
        """Take the program's options (interval, dry_run, pass_on), the server and the devices."""
        self.title = client.title
        self.keeps = keeps_lines(program.options)
        self._program = program
        self._client = client
        self._devices = devices
        self._dry: bool = program.options.dry_run
        self._checked = self._dry or not devices
        self._feeds = [Feed(device, {}) for device in devices]
        self._last: Figures | None = None  # of the interval that ended last
        self._waiting = Waiting(client.title, program.report)
        self._queue = Queue(_MOST, lossless=self.keeps)
        self._delivery = Delivery(self._queue, self._send, self._waiting, program.report)
        self._lines = bytearray()  # of the interval that is open
        self._timeline = Timeline()
        self._meter = OneMeter(program.warn)
        self._account = Account({name for device in devices for name in device.fields}, program.report)
        self._intervals = Intervals(self._account, program.options.interval or _INTERVAL, EARLY)

    def begin(self) -> None:
        """Ask Domoticz whether everything fits. raise: SinkError: something must be changed."""
        self._contact()

    def _contact(self) -> None:
        if self._checked or self._waiting.seconds():
            return
        try:
            found, fitting = check(self._client, self._devices)
        except Away as away:
            self._waiting.failed(str(away))
            return
        except Misfits as misfits:
            for problem in misfits.others:
                self._program.report(problem)
            raise
        self._checked = True
        self._waiting.worked()
        self._program.explain(f"{self._client.title}: {found}")
        self._feeds = [Feed(one.device, one.start, new=one.new) for one in fitting]
        if self._last:  # what waits was made without the energies that the devices have
            for key, post in self._posts(self._last):
                if not self._queue.change(key, post):
                    self._queue.put([(key, post)])

    def _posts(self, figures: Figures) -> list[tuple[str, tuple[int, str]]]:
        """Return what an interval has for the devices: key in the queue, idx, svalue."""
        svalues = [(feed.device.idx, feed.svalue(figures)) for feed in self._feeds]
        return [(f"idx {idx}", (idx, svalue)) for idx, svalue in svalues if svalue is not None]

    def take(self, lines: list[Line]) -> None:
        """Add readings to the interval; queue what the intervals say that end before them."""
        for line in lines:
            if line.reading is not None:
                self._add(line.reading)
            if self.keeps:
                self._lines += line.octets

    def _add(self, reading: dict[str, Any]) -> None:
        at = self._timeline.of(reading)
        if not self._meter.has(reading, at):
            return
        for figures in self._intervals.add(reading, at):
            self._close(figures)
            self._deliver()
        if self._program.options.verbose and (report := self._account.report(at)):
            self._program.explain(report)

    def _close(self, figures: Figures) -> None:
        """Queue the svalues of an interval, with its lines."""
        self._last = figures
        self._queue.put(self._posts(figures), bytes(self._lines))
        self._lines.clear()
        self._warn()

    def _warn(self, *, ended: bool = False) -> None:
        for feed in self._feeds:
            if self._checked and (warning := feed.warning(ended=ended)):
                self._program.report(warning)

    def turn(self) -> None:
        """Close the intervals that have ended, and post."""
        for figures in self._intervals.pass_to(self._timeline.now()):
            self._close(figures)
        self._deliver()

    def _deliver(self) -> None:
        self._contact()
        if self._checked:
            self._delivery.deliver()
        self._client.close()  # Domoticz closes an idle connection anyhow, and never says so

    def seconds(self) -> float | None:
        """Return the seconds until an interval ends, or until Domoticz can be tried again."""
        waits = [self._intervals.left(self._timeline.now())]
        if len(self._queue) or not self._checked:
            waits.append(self._waiting.seconds())
        return min((wait for wait in waits if wait is not None), default=None)

    def delivered(self) -> bytes:
        """Return the lines of intervals whose svalues were taken, refused or replaced."""
        return self._queue.delivered()

    def finish(self, stopping: Callable[[], bool]) -> None:
        """Post the interval in which the input ended, and what is left. raise: SinkError."""
        for figures in self._intervals.finish():
            self._close(figures)
        self._queue.put([], bytes(self._lines))
        self._warn(ended=True)
        self._delivery.finish("value", self._deliver)

    def _send(self, posts: list[tuple[int, str]]) -> None:
        for idx, svalue in posts:
            if self._dry:
                url = self._client.url("udevice", idx=idx, nvalue=0, svalue=svalue)
                self._program.write(url.encode() + b"\n")
                continue
            try:
                self._client.ask("udevice", idx=idx, nvalue=0, svalue=svalue)
            except Refused as refusal:
                raise Refused(f"idx {idx}: refused ({refusal}): does the device still exist?") from refusal
            self._program.explain(f"{self._client.url('udevice', idx=idx, nvalue=0, svalue=svalue)} OK")

    def counters(self) -> dict[str, int]:
        """Return the counters of --stats."""
        return {
            "posted": self._delivery.taken,
            "refused": self._delivery.refused,
            "replaced": self._queue.replaced,
            "retries": self._waiting.retries,
        }
