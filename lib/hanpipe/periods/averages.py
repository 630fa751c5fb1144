"""Means weighted by time, and energy between the readings of a register.

All times are ns, from any zero; all numbers exact. A value holds until the next one, for at most HOLD:
nothing is known of a meter that is silent for longer.
"""

from decimal import Decimal

from hanpipe.unix.typed import Final

Number = int | Decimal

HOLD: Final = 60_000_000_000  # ns
_WATT_HOUR: Final = 3_600_000_000_000  # W ns

# Integrate 98 % of the power, so that the estimate never overtakes the next register reading.
_CAUTION: Final = Decimal("0.98")
_COARSEST: Final = 100  # Wh: the largest step of a register that is believed


class _Held:
    """A value, and its area while it holds."""

    __slots__ = ("at", "until", "value")

    def __init__(self) -> None:
        self.value: Number = 0
        self.at = self.until = 0

    def set(self, value: Number, at: int) -> None:
        self.value, self.at, self.until = value, at, at + HOLD

    def advance(self, to: int) -> tuple[Number, int]:
        """Return value x ns, and ns, from where the last call ended."""
        known = max(0, min(to, self.until) - self.at)
        self.at = max(self.at, to)
        return self.value * known, known


class Mean:
    """The mean of a quantity, weighted by the time for which each value held."""

    __slots__ = ("_area", "_held", "_known", "_seen", "_sum")

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._held = _Held()
        self._begin()

    def _begin(self) -> None:
        self._area: Number = 0
        self._known = 0
        self._seen = 0
        self._sum: Number = 0

    def add(self, value: Number, at: int) -> None:
        """Take a value that holds from `at` on, which is never before the time of an earlier call."""
        self._advance(at)
        self._held.set(value, at)
        self._seen += 1
        self._sum += value

    def _advance(self, to: int) -> None:
        area, known = self._held.advance(to)
        self._area += area
        self._known += known

    def so_far(self, to: int) -> Decimal | None:
        """Return the mean from the last take() to `to`; None if nothing is known of it.

        Values that all came at one moment, as those of a file without times, have a plain mean.
        """
        self._advance(to)
        if self._known:
            return Decimal(self._area) / self._known
        return Decimal(self._sum) / self._seen if self._seen else None

    def take(self, to: int) -> Decimal | None:
        """Return the same, and begin anew."""
        mean = self.so_far(to)
        self._begin()
        return mean


class Energy:
    """Estimates an energy register between its readings: the register, and the power integrated since.

    At a new reading the estimate is the register, unless it is above it: then it waits until the register has caught
    up. It never runs backwards, except that a new count begins when the register does (another meter). Many meters
    send their registers only once an hour.

    register:   the last one, Wh, None as long as none is known; difference: to the one before it
    integrated: power since it, Wh
    """

    __slots__ = ("_area", "_flow", "_flowed_for", "_held", "_step", "_total", "difference", "register")

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._held = _Held()
        self._flow: Number = 0  # W ns since the last call of take_flow
        self._flowed_for = 0  # ns of it in which the power was known
        self.restart()

    def restart(self) -> None:
        """Another meter: forget the register."""
        self.register: Number | None = None
        self.difference: Number | None = None
        self._area: Number = 0
        self._step = _COARSEST
        self._total = 0

    @property
    def integrated(self) -> Decimal:
        """Return the energy of the power since the register, Wh."""
        return Decimal(self._area) / _WATT_HOUR

    def add_power(self, power: Number, at: int) -> None:
        """Take the power, W, that holds from `at` on; negative counts nothing, as in the register."""
        self._advance(at)
        self._held.set(max(power, 0), at)

    def add_register(self, register: Number, at: int) -> bool:
        """Take the register, Wh; return whether a new count begins because it is lower than the last.

        The last register once more is ignored: some meters repeat the one of an hour ago, and a register that did not
        move brings nothing new.
        """
        self._advance(at)
        if register == self.register:
            return False
        fallen = self.register is not None and register < self.register
        if fallen:
            self.restart()
        self.difference = None if self.register is None else register - self.register
        self.register = register
        self._area = 0
        whole = int(register)  # % of a Decimal raises where the quotient has more than 28 digits
        while self._step > 1 and (whole % self._step or whole != register):
            self._step //= 10
        return fallen

    def _advance(self, to: int) -> None:
        area, known = self._held.advance(to)
        self._area += area
        self._flow += area
        self._flowed_for += known

    def take_flow(self, to: int) -> tuple[Decimal, int]:
        """Return the energy of the power since the last call, Wh, and for how many ns the power was known."""
        self._advance(to)
        taken = Decimal(self._flow) / _WATT_HOUR, self._flowed_for
        self._flow = self._flowed_for = 0
        return taken

    def estimate(self, to: int) -> Number | None:
        """Return the register and the power since it, Wh; None as long as no register is known.

        It has no bias, so it may be a little above the next register, and then runs backwards.
        """
        self._advance(to)
        return None if self.register is None else self.register + self.integrated

    def total(self, to: int) -> int | None:
        """Return the energy at `to`, whole Wh, which never runs backwards; None as long as no register is known.

        A register counts in steps (10 Wh, say), so what it showed may be up to a step less than what had flowed.
        """
        self._advance(to)
        if self.register is None:
            return None
        estimate = self.register + max(Decimal(0), self.integrated * _CAUTION - self._step)
        self._total = max(self._total, int(estimate))
        return self._total
