"""Readings -> one reading per period: means, extremes, registers and what flowed by them.

A period is written once nothing can change it any more: where a meter sends its registers once an hour, after the
register that follows it. The lines depend on the readings and their times alone, so that a replay gives the same ones.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import groupby, takewhile
from operator import itemgetter, sub

from hanpipe.periods.averages import HOLD, Number
from hanpipe.periods.calendar import Calendar
from hanpipe.periods.lines import rounded_number
from hanpipe.periods.meters import MOST_METERS, Key, Meters
from hanpipe.periods.names import clock_of, is_averaged, is_energy, is_register, power_of, total_of
from hanpipe.periods.split import Flow, Split
from hanpipe.periods.tariffs import Register, Tariffs
from hanpipe.periods.track import Track
from hanpipe.readings.flat import time_ns
from hanpipe.unix.typed import Any, Final

Reading = dict[str, Any]
Dated = tuple[int, Reading]  # ns since 1970-01-01 UTC
Line = dict[str, Any]

MOST_WAITING: Final = 10_000  # periods of a meter that wait for a register
# ns of readings for which a period waits for a register, and for which a silent meter is waited for
PATIENCE: Final = 48 * 3_600_000_000_000
# Over a longer silence nobody wants each period: 400 days, in ns, or so many periods, but not less than PATIENCE. A
# damaged year in a meter's clock would otherwise make half a million periods of one minute.
_LONGEST_SILENCE: Final = 400 * 86_400_000_000_000
_MOST_SILENT: Final = 10_000
_QUARTER: Final = 900_000_000_000  # ns: time zones differ by multiples of it
_LATE: Final = 120_000_000_000  # ns that a list comes after the moment of its registers, at most
_SUB_LATE: Final = 600_000_000_000  # the same of sub-meters, which the meter itself reads by radio
_SUB_PATIENCE: Final = 900_000_000_000  # ns, or the length of the period, that it waits for a sub-meter's register
_PLACES: Final = {"_pow_": 1, "volt_": 2}  # decimals of means; 3 of all others
_NUMBERS: Final = frozenset((int, Decimal))
_IDENTITY: Final = ("source", "meter_ID", "meter_maker", "meter_model", "obis_list_version")


class _Period:
    """A period of a meter that has ended. line: what is known of it; flows: by the names of their registers."""

    __slots__ = ("begin", "end", "flows", "line")

    def __init__(self, begin: int, end: int, line: Line, flows: dict[str, Flow]) -> None:
        self.begin = begin
        self.end = end
        self.line = line
        self.flows = flows

    def waits(self, at: int) -> bool:
        """Tell whether a register can still change it. A sub-meter that is late does not hold up the meter's own."""
        patient = at - self.end < min(_SUB_PATIENCE, self.end - self.begin)
        return any(not flow.settled and (patient or is_energy(name)) for name, flow in self.flows.items())

    def whole_line(self) -> Line:
        return self.line | _of_flows(self.flows)


class Meter:
    """The periods of one meter. Feed it readings in the order of their times."""

    def __init__(
        self,
        calendar: Calendar,
        running: int = 0,
        *,
        lows: bool = False,
        averaged: Callable[[str], bool] = is_averaged,
        registers: Callable[[str], bool] = is_register,
    ) -> None:
        """Take the calendar.

        running:   ns between two lines of a period that is still open, 0 for none
        lows:      whether a line has the lowest value of each quantity; otherwise of voltages only
        averaged:  which names have means in a line; registers: which names are registers
        """
        self._calendar = calendar
        self._running = running
        self._lows = lows
        self._averaged = averaged
        self._is_register = registers
        self._next_running = 0
        self.begin = self.end = 0  # of the open period; 0 before the first reading
        self.since = 0  # from when on the open period has readings
        self._tracks: dict[str, Track] = {}
        self._splits: dict[str, Split] = {}
        self._tariffs = Tariffs()
        self._texts: dict[str, Any] = {}
        self._waiting: deque[_Period] = deque()
        self.at = 0  # of the last reading
        self.gap = 0  # ns between the last two
        self._resumed = 0  # when the last silence ended

    def add(self, reading: Reading, at: int) -> list[Line]:
        """Take a reading; return the lines that are complete. A time that runs backwards far begins anew."""
        lines: list[Line] = []
        longest = min(_LONGEST_SILENCE, max(PATIENCE, _MOST_SILENT * (self.end - self.begin)))
        if self.end and not -HOLD <= at - self.at <= longest:
            lines += self.finish()
            self._restart()
        at = max(at, self.at)
        if at >= self.end:
            lines += self._pass_to(at)
        has_registers = self._take(reading, at)
        if at - self.at > HOLD:
            self._resumed = at
        self.gap = min(at - self.at, HOLD) if self.at else 0
        self.at = at
        if has_registers:
            lines += self._settled()
        if self._running and at >= self._next_running:
            self._next_running = at - at % self._running + self._running
            lines.append(self.open_line(at))
        return lines

    def add_all(self, dated: list[Dated]) -> list[Line]:
        """Do what add() does for each of several readings, in less time where they have the same names."""
        return [line for names, run in runs(dated) for line in self.add_run(names, run)]

    def add_run(self, names: tuple[str, ...], readings: list[Dated]) -> list[Line]:
        """Do what add() does for each of several readings that have these names."""
        lines: list[Line] = []
        fast = not self._running and not any(map(self._is_register, names))
        done = 0
        while done < len(readings):
            at, reading = readings[done]
            lines += self.add(reading, at)
            done += 1
            if fast and done < len(readings):
                taken = self._take_run(names, readings, done)
                fast = taken > done or readings[done][0] >= self.end
                done = taken
        return lines

    def _take_run(self, names: tuple[str, ...], readings: list[Dated], first: int) -> int:
        """Take readings with the names of the last one until the period ends; return the place of the next.

        None is taken where a value has another type than the others of its name, or a time does not move on.
        """
        end = bisect_left(readings, self.end, first, key=itemgetter(0))
        if end == first:
            return first
        run = readings[first:end]
        times = [at for at, _ in run]
        spans = list(map(sub, times, [self.at, *times]))
        if min(spans) <= 0:
            return first
        columns = dict(zip(names, zip(*[reading.values() for _, reading in run], strict=True), strict=True))
        numbers = {
            name: _are_numbers(column) for name, column in columns.items() if name in _IDENTITY or self._averaged(name)
        }
        if None in numbers.values():
            return first
        known = spans[1:] if max(spans) <= HOLD else [min(span, HOLD) for span in spans[1:]]
        for name, are_numbers in numbers.items():
            if not are_numbers:
                self._texts[name] = columns[name][-1]
                continue
            if name not in self._tracks and self._averaged(name):  # numbers from here on, after a text
                self._begin_track(name, columns[name][0], times[0])
            if name in self._tracks:
                self._tracks[name].add_run(columns[name], times[0], known, times[-1])
        self.gap = min(spans[-1], HOLD)
        self.at = times[-1]
        return end

    def _pass_to(self, at: int) -> list[Line]:
        """End the periods that have ended by `at`, or begin the first one; return the lines that are complete."""
        lines: list[Line] = []
        while self.end and at >= self.end:
            self._close(self.end)
            lines += self._settled()
        if not self.end:
            self._open(at)
        return lines

    def finish(self) -> list[Line]:
        """The input has ended: return all that is left, the open period included."""
        if not self.end:
            return []
        self._close(self.end, min(self.at + self.gap, self.end))
        for split in self._splits.values():
            split.give_up()
        lines = [period.whole_line() for period in self._waiting]
        self._waiting.clear()
        self.end = 0
        return lines

    def _restart(self) -> None:
        self._tracks.clear()
        self._splits.clear()
        self._tariffs = Tariffs()
        self.at = self.gap = self._next_running = 0

    def _open(self, at: int) -> None:
        self.begin = self._calendar.begin(at)
        self.end = self._calendar.end(self.begin)
        self.since = at

    def _take(self, reading: Reading, at: int) -> bool:
        """Take the values of a reading; return whether registers are among them."""
        tracks, registers = self._tracks, []
        for name, value in reading.items():
            kind = type(value)
            if kind is not int and kind is not Decimal:
                self._texts[name] = value
            elif (track := tracks.get(name)) is not None:
                track.add(value, at)
            elif self._averaged(name):
                self._begin_track(name, value, at)
            elif self._is_register(name):
                registers.append((name, value))
        if registers:
            self._add_registers(registers, reading, at)
        return bool(registers)

    def _add_registers(self, registers: list[Register], reading: Reading, at: int) -> None:
        """Take the registers of a reading, and the sums of tariffs."""
        found, anew = self._tariffs.with_totals(registers)
        for name in anew:
            self._splits[name].restart()
        for name, value in found:
            self._add_register(name, value, at, reading.get(clock_of(name)))

    def _begin_track(self, name: str, value: Number, at: int) -> None:
        track = self._tracks[name] = Track(value, at)
        register = name.replace("_pow_", "_energy_")
        if name in ("act_pow_pos", "act_pow_neg") and register not in self._splits:
            self._splits[register] = self._new_split(register, at)
        for other, split in self._splits.items():
            if split.track is None and power_of(other) == name:
                split.follow(track, at)

    def _new_split(self, register: str, at: int) -> Split:
        split = Split(at, estimates=not total_of(register))
        split.flow.estimated = at > self.begin  # nothing is known of the time before
        return split

    def _add_register(self, name: str, register: Number, at: int, clock: Any) -> None:
        split = self._splits.get(name)
        track = self._tracks.get(power_of(name))
        if split is None:
            split = self._splits[name] = self._new_split(name, at)
            if track is not None:
                split.follow(track, at)
        if track is not None:
            track.advance(at)
        moment = _moment(at, clock, _LATE if is_energy(name) else _SUB_LATE)
        split.add(register, at, clock if isinstance(clock, str) else None, moment)

    def _close(self, end: int, known: int | None = None) -> None:
        """End the open period. known: up to when the last values hold, by default to its end."""
        for track in self._tracks.values():
            track.advance(end if known is None else known)
        line = self._head(end) | self._of_tracks()
        flows = {name: split.end_period(end if known is None else known) for name, split in self._splits.items()}
        self._waiting.append(_Period(self.begin, end, line, flows))
        for track in self._tracks.values():
            track.begin_period()
        self.begin, self.end = end, self._calendar.end(end)
        self.since = end

    def _settled(self) -> list[Line]:
        """Return the periods that no later register can change, in order, and those that have waited for too long."""
        lines: list[Line] = []
        while self._waiting:
            first = self._waiting[0]
            patient = self.at - max(first.end, self._resumed) < PATIENCE and len(self._waiting) <= MOST_WAITING
            if patient and first.waits(self.at):
                break
            for name, flow in first.flows.items():
                if not flow.settled:
                    self._splits[name].give_up()
            lines.append(self._waiting.popleft().whole_line())
        return lines

    def _head(self, end: int) -> Line:
        text = self._calendar.text
        identity = {name: self._texts[name] for name in _IDENTITY if name in self._texts}
        return {"time": text(end), "begin": text(self.begin), "end": text(end)} | identity

    def _of_tracks(self) -> Line:
        line: Line = {}
        powers = [track.known_in_period() for name, track in self._tracks.items() if "_pow_" in name]
        for name, track in self._tracks.items():
            mean = track.mean()
            if mean is not None:
                line[name] = _rounded(name, mean)
                line[f"{name}_max"] = track.high
                if self._lows or name.startswith("volt_"):
                    line[f"{name}_min"] = track.low
        known = max(powers, default=max((track.known_in_period() for track in self._tracks.values()), default=0))
        line["known"] = _share(known, self.end - self.begin)
        return line

    def open_line(self, at: int) -> Line:
        """Return the line of the period that is still open, as far as it is known.

        projected is the energy of the whole period: what flowed before `since` counts like what came after it.
        """
        for track in self._tracks.values():
            track.advance(at)
        line = self._head(self.end) | {"time": self._calendar.text(at), "running": True} | self._of_tracks()
        flows = {name: flow for name, split in self._splits.items() if (flow := split.so_far(at)).amount is not None}
        line |= _of_flows(flows)
        flowed = line.get("act_energy_pos_delta")
        if flowed is not None and at > self.since:
            heard = int(flowed + Decimal(flowed) * (self.end - at) / (at - self.since))
            line["projected"] = heard * (self.end - self.begin) // (self.end - self.since)
        return line


class Every:
    """Readings of any number of meters -> their periods. Each meter has a state of its own."""

    def __init__(self, calendar: Calendar, running: int = 0) -> None:
        """See Meter."""
        self._meters = Meters(lambda: Meter(calendar, running))
        self._heard: dict[Meter, tuple[int, int]] = {}  # first and last time since silent meters were last sought

    def add(self, reading: Reading, at: int) -> list[Line]:
        """Take a reading; return the lines that are complete. at: ns since 1970-01-01 UTC."""
        meter = self._meters.of(reading)
        return meter.add(reading, at) + [line for one in self._silent(meter, at) for line in one.finish()]

    def add_all(self, dated: list[Dated]) -> list[Line]:
        """Do what add() does for each of several readings, in less time."""
        lines: list[Line] = []
        run: list[Dated] = []
        last: Meter | None = None
        for at, reading in dated:
            meter = self._meters.of(reading)
            if meter is not last:
                lines += last.add_all(run) if last else []
                last, run = meter, []
            run.append((at, reading))
            if silent := self._silent(meter, at):
                lines += meter.add_all(run)
                run = []
                lines += [line for one in silent for line in one.finish()]
        return lines + (last.add_all(run) if last else [])

    def finish(self) -> list[Line]:
        """The input has ended: return all that is left."""
        lines = [line for meter in self._meters.known.values() for line in meter.finish()]
        self._meters.known.clear()
        return lines

    def _silent(self, meter: Meter, at: int) -> list[Meter]:
        """Take the time of a meter's reading; forget and return the meters that have been silent for too long.

        They are sought when one meter was heard for PATIENCE by its own clock, which neither leapt nor was set back.
        """
        first, last = self._heard.get(meter, (at, at))
        if not -HOLD <= at - last < PATIENCE:
            first = at
        self._heard[meter] = first, at
        if at - first >= PATIENCE:
            return self._forget_unheard(at)
        return [self._forget(next(iter(self._meters.known)))] if len(self._meters.known) > MOST_METERS else []

    def _forget_unheard(self, at: int) -> list[Meter]:
        """Forget the meters that were not heard since this was last done, and whose last reading is PATIENCE old.

        Its age alone does not tell: one meter with a clock of 2096 would end the periods of all others.
        """
        unheard = takewhile(lambda one: one[1] not in self._heard, self._meters.known.items())  # longest silent first
        found = [self._forget(key) for key, meter in list(unheard) if at - meter.at >= PATIENCE]
        self._heard.clear()
        return found

    def _forget(self, key: Key) -> Meter:
        meter = self._meters.known[key]
        self._meters.forget(key)
        self._heard.pop(meter, None)
        return meter


def runs(dated: list[Dated]) -> Iterator[tuple[tuple[str, ...], list[Dated]]]:
    """Yield the names of readings with the readings that have these names, in order."""
    for names, group in groupby(dated, lambda one: tuple(one[1])):
        yield names, list(group)


def _of_flows(flows: dict[str, Flow]) -> Line:
    """Return registers and deltas; estimated: whether a delta of active energy does not follow from registers alone."""
    line: Line = {}
    for name, flow in flows.items():
        if flow.register is not None:
            line[name] = flow.register
        if flow.amount is not None:
            line[f"{name}_delta"] = flow.amount
    active = [flow for name, flow in flows.items() if name.startswith("act_energy_") and flow.amount is not None]
    if active:
        line["estimated"] = any(flow.estimated for flow in active)
    return line


def _moment(at: int, clock: Any, most: int) -> int:
    """Return when a register had its value: by its clock, else `at`.

    Only the minutes and seconds past a quarter hour are taken from the clock, so that a wrong zone does no harm. Where
    no frame has a time, `at` itself comes from that clock (Dating).

    most: ns that a register comes late
    """
    moment = time_ns(clock, bare_is_utc=True)
    late = (at - moment) % _QUARTER if moment is not None else 0
    return at - late if late <= most else at


def _rounded(name: str, mean: Decimal) -> Number:
    return rounded_number(mean, next((places for part, places in _PLACES.items() if part in name), 3))


def _are_numbers(column: Sequence[Any]) -> bool | None:
    """Return whether all values are numbers, or none of them is; None if some are."""
    types = set(map(type, column))
    return types <= _NUMBERS if types <= _NUMBERS or not types & _NUMBERS else None


def _share(part: int, whole: int) -> Number:
    return rounded_number(Decimal(part) / whole, 3)
