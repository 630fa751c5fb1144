"""The energy that a device of Domoticz shows: never backwards, never a jump, and no more than a little off.

Domoticz draws the power of a P1 device from the difference between two samples of its energy, and a day is the last
sample less the first. So between two registers, which many meters send once an hour, the energy of the device grows by
the power; and a difference from the register is not made up in one step, but little by little.
"""

from decimal import Decimal

from hanpipe.periods.averages import Number
from hanpipe.unix.typed import Final

_HASTE: Final = Decimal("1.05")  # of the energy of the power, while the device catches up
_SLOWEST: Final = 12 * 3600  # s in which a difference is made up, whatever the power
# Wh that the device is ahead of the meter at which it grows by half of the power; the less it is ahead, the faster. A
# register counts in steps of 10 Wh or less, which slow the device by 5 %.
_HALF: Final = 200
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
            self._shown += flowed or 0
        else:
            self._shown = self._follow(self._shown, estimate, flowed, seconds)
        return None if self._shown is None else int(self._shown)

    def _follow(self, shown: Number, estimate: Number, flowed: Decimal | None, seconds: float) -> Number:
        lag = estimate - shown  # below 0: the device is ahead
        if lag > _STEP or lag < -_ANOTHER:
            return estimate
        if flowed is None:
            return max(shown, estimate)
        if lag >= flowed:
            slowest = lag * Decimal(seconds) / _SLOWEST
            return shown + min(lag, max(flowed * _HASTE, slowest))
        ahead = flowed - lag  # if it grew by the power
        return shown + max(lag, flowed * _HALF / (_HALF + ahead))
