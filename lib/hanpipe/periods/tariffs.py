"""Registers of tariffs -> their sum, where a meter does not send it."""

from collections.abc import Iterable

from hanpipe.periods.averages import Number
from hanpipe.periods.names import total_of

Register = tuple[str, Number]  # name and Wh


class Tariffs:
    """Feed it the registers of a meter, message by message; it adds the sum of all tariffs if that is not sent.

    A message with some of the tariffs only has no sum.
    """

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._sent: set[str] = set()  # the registers that the meter itself sends
        self._summed: dict[str, list[str]] = {}  # those that are the sum of tariffs, with the registers of these

    def with_totals(self, registers: Iterable[Register]) -> tuple[list[Register], list[str]]:
        """Return the registers of a message with their sums.

        return: also the names whose sum was given so far, and which the meter now sends itself, or which are the sum of
                other registers: they count anew
        """
        found, anew = list(registers), []
        tariffs: dict[str, dict[str, Number]] = {}
        for name, value in found:
            if total := total_of(name):
                tariffs.setdefault(total, {})[name] = value
            elif self._summed.pop(name, None):
                anew.append(name)
            self._sent.add(name)
        for total, values in tariffs.items():
            whole = len(values) > 1 and len(values) == sum(total_of(one) == total for one in self._sent)
            if whole and total not in self._sent:
                names = sorted(values)
                if self._summed.setdefault(total, names) != names:
                    self._summed[total] = names
                    anew.append(total)
                found.append((total, sum(values.values())))
        return found, anew
