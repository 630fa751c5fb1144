"""Figures of intervals -> the svalue of one device, and what the user hears of values that do not come."""

from hanpipe.periods.intervals import Figures
from hanpipe.sinks.domoticz.check import Start
from hanpipe.sinks.domoticz.devices import Device, Values
from hanpipe.sinks.domoticz.total import Total
from hanpipe.unix.typed import Final

_HOUR: Final = 3660.0  # s of readings after which a value that has not come will not: the rarest lists are hourly


class Feed:
    """One device and the energy that it shows.

    new: the device has never had an energy
    """

    def __init__(self, device: Device, start: Start, *, new: bool = False) -> None:
        """Take the device, and the energy that it has if that is known."""
        self.device = device
        self._new = new
        self._start = start
        self._totals = {name: Total(start.get(name)) for name in device.registers}
        self._posted = False
        self._registered = False  # the meter has sent a register
        self._seconds = 0.0  # of readings in which nothing could be posted
        self._warned: set[str] = set()
        self._missing: list[str] = []  # fields without a figure

    def svalue(self, figures: Figures) -> str | None:
        """Return what to post at the end of an interval, None if nothing is new or something is unknown."""
        values = self._values(figures)
        svalue = self.device.svalue(values)
        self._posted = self._posted or svalue is not None
        if svalue is None and not self._posted:
            self._seconds += min(figures.seconds, _HOUR / 4)  # a leap of the clock is not an hour of readings
            self._missing = _missing(self.device, values)
        return svalue if figures.fresh.intersection(self.device.fields) else None

    def _values(self, figures: Figures) -> Values:
        """Return the figures with the energies as the device is to show them."""
        values = dict(figures.values)
        known = {name for name in self.device.registers if values.get(name) is not None}
        self._registered = self._registered or bool(known)
        for name, total in self._totals.items():
            of_meter = name in known or (name in self._start and not self._replaced(name, known))
            flowed = figures.flowed.get(name) if name in known or "_T" not in name else None
            if isinstance(values.get(name), str) or not of_meter:
                continue
            if (shown := total.show(figures.estimates.get(name), flowed, figures.seconds)) is not None:
                values[name] = shown
        return values

    def _replaced(self, name: str, known: set[str]) -> bool:
        """Return whether the meter sends other registers of this direction: the total, or its tariffs."""
        direction = name.partition("_T")[0]
        return any(other.partition("_T")[0] == direction for other in known)

    def warning(self, *, ended: bool = False) -> str | None:
        """Return, once, what the device waits for, or that it will never come. ended: the input has."""
        if self._posted and not self._waits_for_register():
            return None
        kind = "never" if ended or self._seconds >= _HOUR else "waits"
        if kind in self._warned or (kind == "waits" and "never" in self._warned):
            return None
        words = self._words(kind)
        if words:
            self._warned.add(kind)
        return words

    def _waits_for_register(self) -> bool:
        return self._new and not self._registered and not self._warned

    def _words(self, kind: str) -> str | None:
        named = f"idx {self.device.idx} ({self.device.option})"
        missing = " and ".join(self._missing)
        if self._posted:
            return (
                f"{named} is new and has no energy yet: once the meter sends its register, Domoticz counts all of it "
                "as today's use; han-domoticz(1), FIRST DAY, says how to avoid and how to mend this"
            )
        if not missing:
            return None
        if kind == "never" and self._seconds < _HOUR:
            return f"{named}: nothing was posted, because no reading had {missing}"
        if kind == "never":
            return f"{named}: nothing can be posted: the meter does not send {missing}; --map posts other fields"
        if set(self._missing) <= set(self.device.registers):
            return f"{named}: waits for {missing}, which many meters send once an hour"
        return None


def _missing(device: Device, values: Values) -> list[str]:
    """Return the fields that keep a device from being posted to; a register that only has tariffs is not one."""
    names = [name for name in device.fields if "_T" not in name]
    missing = [name for name in names if values.get(name) is None and values.get(f"{name}_T1") is None]
    return [name for name in missing if "_neg" not in name] or missing
