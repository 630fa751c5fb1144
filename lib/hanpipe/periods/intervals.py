"""Readings -> the figures of an interval, for a sink that reports every so often."""

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, tzinfo
from decimal import Decimal

from hanpipe.periods.averages import HOLD, Energy, Mean, Number
from hanpipe.periods.dating import clock_ns
from hanpipe.periods.names import is_averaged, is_energy, own_power_of
from hanpipe.readings.flat import number
from hanpipe.unix.typed import Any, Final, NamedTuple

Reading = dict[str, Any]

_BURST: Final = 500_000_000  # ns; no meter sends faster


class Timeline:
    """Dates each reading: by the time of its frame, else by the meter's clock, else by its arrival here.

    After a better clock was heard, it stays in use: a reading without it gets the time of the last one plus the time
    between their arrivals, or the same time if they came in a burst. So a replay has the times of the recording, even
    if only some of its readings have a time.
    """

    def __init__(
        self,
        clock: Callable[[], int] = time.monotonic_ns,
        start: int | None = None,
        zone: tzinfo | None = UTC,
    ) -> None:
        """Take a clock, ns, and what time it is: ns since 1970-01-01 UTC.

        zone: of a meter's clock that does not send its offset; None for this machine's
        """
        self._clock = clock
        self._zone = zone
        self._last = time.time_ns() if start is None else start
        self._read = clock()
        self._best = 0

    def of(self, reading: Reading) -> int:
        """Return the time of a reading that has just arrived, ns since 1970-01-01 UTC."""
        at = self.now()
        if at - self._last < _BURST:
            at = self._last
        known = self._last if self._best else None
        for rank, key in ((2, "time"), (1, "date_time")):
            if rank >= self._best and (moment := clock_ns(reading.get(key), self._zone, known)) is not None:
                self._best, at = rank, moment
                break
        self._last, self._read = at, self._clock()
        return at

    def now(self) -> int:
        """Return what time it is now for the readings."""
        return self._last + self._clock() - self._read


class Figures(NamedTuple):
    """The figures of one interval.

    values: name -> figure; None if the meter has sent it before, but nothing is known of it now
    fresh:  the names with a new value in this interval
    estimates: register -> it and the power since it, Wh, without the caution of `values`, so it may run backwards a
               little at the next register; None if no register is known
    flowed: register -> energy of the power in this interval, Wh; None if the power was not known all the time
    seconds: length of the interval
    """

    values: dict[str, Number | str | None]
    fresh: set[str]
    estimates: dict[str, Number | None]
    flowed: dict[str, Decimal | None]
    seconds: float


class Account:
    """Keeps some fields from interval to interval: means, registers with the power since, texts."""

    def __init__(self, names: Iterable[str], warn: Callable[[str], None]) -> None:
        """Take the names of the fields, and a way to warn the user of another meter."""
        self._names = set(names)
        self._warn = warn
        self._means: dict[str, Mean] = {}
        self._energies = {name: Energy() for name in self._names if is_energy(name)}
        self._last: dict[str, Number | str] = {}
        self._fresh: set[str] = set()
        self._meter: str | None = None
        self._begin: int | None = None  # of the interval

    def add(self, reading: Reading, at: int) -> None:
        """Take a reading. at: its time, never before that of an earlier one."""
        self._watch_meter(reading)
        self._begin = at if self._begin is None else self._begin
        for name, energy in self._energies.items():
            if (power := number(reading.get(own_power_of(name)))) is not None:
                energy.add_power(power, at)
                self._fresh.add(name)
            if (register := number(reading.get(name))) is not None:
                self._add_register(name, register, at)
        for name in self._names & reading.keys() - self._energies.keys():
            self._add(name, reading[name], at)

    def _add_register(self, name: str, register: Number, at: int) -> None:
        self._fresh.add(name)
        if self._energies[name].add_register(register, at):
            self._warn(f"{name} fell to {register}: another meter? energy goes on from there")

    def _add(self, name: str, value: Any, at: int) -> None:
        if isinstance(value, bool):
            value = int(value)
        if is_averaged(name):
            if (figure := number(value)) is not None:
                self._means.setdefault(name, Mean()).add(figure, at)
        elif isinstance(value, str) or number(value) is not None:
            self._last[name] = value
            self._fresh.add(name)

    def _watch_meter(self, reading: Reading) -> None:
        meter = reading.get("meter_ID")
        if isinstance(meter, str) and meter != self._meter:
            if self._meter is not None:
                self._warn(f"another meter: {meter}, not {self._meter}; energy waits for its register")
                for energy in self._energies.values():
                    energy.restart()
            self._meter = meter

    def take(self, end: int) -> Figures:
        """Return the figures of the interval that ends at `end`, and begin the next one."""
        means = {name: mean.take(end) for name, mean in self._means.items()}
        energies = {name: energy.total(end) for name, energy in self._energies.items()}
        known = {name: total for name, total in energies.items() if total is not None}
        estimates = {name: energy.estimate(end) for name, energy in self._energies.items()}
        fresh = self._fresh | {name for name, mean in means.items() if mean is not None}
        length = 0 if self._begin is None else max(0, end - self._begin)  # the clock may be set back
        flowed = {name: self._flowed(energy, end, length) for name, energy in self._energies.items()}
        self._fresh, self._begin = set(), end
        return Figures({**self._last, **means, **known}, fresh, estimates, flowed, length / 1e9)

    def _flowed(self, energy: Energy, end: int, length: int) -> Decimal | None:
        flow, known = energy.take_flow(end)
        return flow if known >= length * 9 // 10 and known else None

    def report(self, at: int) -> str:
        """Return how far the interval is, in the words of HANmeter's -v."""
        said = []
        if (mean := self._means.get("act_pow_pos")) and (power := mean.so_far(at)) is not None:
            said.append(f"average {power:.1f} W so far")
        energy = self._energies.get("act_energy_pos")
        if energy and energy.total(at) is not None:
            said.append(f"integrated {energy.integrated:.1f} Wh since register {energy.register} Wh")
        if energy and energy.difference is not None:
            said.append(f"difference of the last two {energy.difference} Wh")
        return ", ".join(said)


class Intervals:
    """Cuts the time of readings into intervals that end by the clock: intervals of 60 s end at the full minute.

    early: s before the full minute at which they end instead
    """

    def __init__(self, account: Account, seconds: int, early: int = 0) -> None:
        """Take the account to keep, and the length of an interval."""
        self._account = account
        self._early = early * 1_000_000_000
        self._length = seconds * 1_000_000_000
        self._end: int | None = None  # of the interval that is open
        self._at = 0  # how far time has come
        self._silent = 0  # from here on nothing is known but by another reading

    def add(self, reading: Reading, at: int) -> Iterator[Figures]:
        """Take a reading; yield the intervals that ended before it.

        Time that runs backwards a little is a clock being set; if it runs far, the input begins anew.
        """
        if self._end is not None and at < self._at - HOLD:
            yield from self.finish()
        elif self._end is not None:
            at = max(at, self._at)
            yield from self.pass_to(at)
        if self._end is None:
            self._end = at - (at + self._early) % self._length + self._length
        self._at = at
        self._silent = at + HOLD
        self._account.add(reading, at)

    def pass_to(self, now: int) -> Iterator[Figures]:
        """Yield the intervals that have ended by now; those in which nothing can be known any more are left out."""
        while self._end is not None and now >= self._end:
            yield self._account.take(self._end)
            self._at = max(self._at, self._end)
            known = self._silent - self._end  # ns of the next one, if the meter stays silent
            self._end = self._end + self._length if known > self._length // 100 else None

    def finish(self) -> Iterator[Figures]:
        """The input has ended: yield the interval that it ends in."""
        if self._end is not None:
            self._end = None
            yield self._account.take(self._at)

    def left(self, now: int) -> float | None:
        """Return the seconds until an interval ends, None if none is open."""
        return None if self._end is None else max(0.0, (self._end - now) / 1e9)


def rounded(value: Number, places: int) -> str:
    """Write a figure with so many decimals at most, in its shortest form."""
    text = f"{Decimal(value):.{places}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
