"""The energy that a device of Domoticz shows: never backwards, never a jump.

Domoticz draws the power of a P1 device from the difference between two samples of its energy. So what a register is
ahead of the device, for example because the meter sends registers once an hour, is not added in one step.
"""

from decimal import Decimal

from hanpipe.periods.averages import Number
from hanpipe.unix.typed import Final

_CAUTION: Final = Decimal("0.98")  # of the energy, while no register is known: it must not overtake the register
_HASTE: Final = Decimal("1.05")  # of the energy, while the device catches up
_SLOWEST: Final = 12 * 3600  # s in which a difference is made up, whatever the power
# Wh that are added in one step: after days without posts, or on a new device. Domoticz draws a step of more than
# 8,333 Wh in 5 minutes (100 kW) as 0 W.
_STEP: Final = 9000
_ANOTHER: Final = 50_000  # Wh that a register is below the device: more than a house uses in an hour, so another meter


class Total:
    """One register as one device shows it, in Wh."""

    __slots__ = ("_shown",)

    def __init__(self, start: Number | None = None) -> None:
        """Take the energy that the device has, None if it is not known."""
        self._shown = start

    def show(self, estimate: Number | None, flowed: Decimal | None, seconds: float) -> int | None:
        """Return the energy to show at the end of an interval.

        estimate: the register and the power since it; None if no register is known yet: then the energy that the
                  device has grows by the power
        flowed:   energy of the power in the interval, None if it was not known all the time
        return:   None if neither a register nor the energy of the device is known
        """
        if self._shown is None:
            self._shown = estimate
        elif estimate is None:
            self._shown += (flowed or 0) * _CAUTION
        else:
            self._shown = self._follow(self._shown, estimate, flowed, seconds)
        return None if self._shown is None else int(self._shown)

    def _follow(self, shown: Number, estimate: Number, flowed: Decimal | None, seconds: float) -> Number:
        ahead = estimate - shown
        if flowed is None or ahead > _STEP or ahead < -_ANOTHER:
            return estimate
        slowest = ahead * Decimal(seconds) / _SLOWEST
        return shown + max(0, min(ahead, max(flowed * _HASTE, slowest)))
