"""Typed JSON of an unknown list -> a proposal of its meter file.

Each guess has its reason beside it, for a person to judge: hanpipe uses nothing of this before somebody puts it into
lib/hanpipe/meters/. A value without a likely meaning stays "-".
"""

import json
import re
from itertools import pairwise

from hanpipe.link.octets import Malformed
from hanpipe.readings import quantities
from hanpipe.readings.items import Item, read_items, text_of
from hanpipe.readings.naming import Naming
from hanpipe.unix.lines import Lines
from hanpipe.unix.stderr import counted
from hanpipe.unix.typed import Any, Final, NamedTuple

_MOST_LISTS: Final = 64  # kinds of unknown list that are proposed
_MOST_VALUES: Final = 10_000  # of each element that are kept: a day of lists each 10 s, which is enough to judge by
_LONGEST: Final = 4_000_000  # octets of a line: more than any APDU makes
_POWERS: Final = ("1-0:21.7.0", "1-0:41.7.0", "1-0:61.7.0")
_VOLTAGES: Final = ("1-0:32.7.0", "1-0:52.7.0", "1-0:72.7.0")
_CURRENTS: Final = ("1-0:31.7.0", "1-0:51.7.0", "1-0:71.7.0")
_REGISTERS: Final = (("1-0:1.8.0", "1-0:1.8.1", "1-0:1.8.2"), ("1-0:2.8.0", "1-0:2.8.1", "1-0:2.8.2"))
_POWER: Final = "1-0:1.7.0"
_ROUNDED: Final = 2  # W: the sum of the phases may differ that much from their total
_NEAR: Final = 0.3  # P may be less than S by this part of S, where some power is reactive
_FAR: Final = 0.6  # and by this part where much of it is
_MOST_AMPERES: Final = 400  # a meter without transformers measures less
_FEW: Final = 3  # in fewer lists a product or sum may be right by chance
_NEAR_230: Final = (200, 260)  # V
_LEAST_REGISTER: Final = 10_000  # a smaller number that grows may be anything

# The pattern of a text, its likely code, and the reason.
_TEXTS: Final = (
    (re.compile(r"\d{16}"), "0-0:96.1.0", "16 digits: the meter's number"),
    (re.compile(r"[A-Z]{3}\d{10,13}"), "0-0:42.0.0", "three letters and digits: the logical device name"),
)

# Where neither a clock nor anything else in the list proves what it is: CONTRIBUTING.md, "How to add a meter".
_NO_PROOF: Final = '# texts = { "#1" = "?" }, title or destination: without one, only --layout chooses this list'


class Guess(NamedTuple):
    """The likely code of a value, and the reason. scaler: of its unit, None if the reason does not give one."""

    code: str
    reason: str
    scaler: int | None = None


class Seen:
    """The lists of one kind. lists: how many; columns: the values of each element, of the first _MOST_VALUES lists."""

    def __init__(self, items: list[Item]) -> None:
        """Take the first of its kind."""
        self.items = items
        self.columns: list[list[Any]] = [[] for _ in items]
        self.lists = 0

    def add(self, items: list[Item]) -> None:
        """Take the next one."""
        self.lists += 1
        if self.lists > _MOST_VALUES:
            return
        for column, item in zip(self.columns, items, strict=True):
            column.append(text_of(item) if isinstance(item.value, str) else item.value)

    def numbers(self, at: int) -> list[int]:
        """Return the numbers of an element; [] if any of its values is not a number."""
        column = self.columns[at] if at < len(self.columns) else []
        return column if all(type(value) is int for value in column) else []


class Learner:
    """Feed it lines of han-decode, then ask for the proposal.

    lists: how many it has seen; left_out: how many it could not keep, because there are too many kinds
    """

    def __init__(self) -> None:
        self.lists = self.left_out = 0
        self._lines = Lines(_LONGEST)
        self._seen: dict[Any, Seen] = {}
        self._known: dict[str, None] = {}
        self._doubts: list[str] = []
        self._naming = Naming(warn=self._doubts.append)

    def feed(self, data: bytes) -> None:
        """Take octets of lines; b"" is the end."""
        for line in self._lines.feed(data):
            try:
                keys = json.loads(line)
                if isinstance(keys, dict) and "body" in keys:
                    self._take(keys)
            except (ValueError, RecursionError, Malformed):
                continue

    def known(self) -> list[str]:
        """Return a sentence for each kind of list that needs no meter file, or has one."""
        return list(self._known)

    def proposal(self) -> str:
        """Return the text of a meter file for all unknown lists; "" if every list is known."""
        if not self._seen:
            return ""
        head = (
            "# Proposed by han-fields --learn: judge each line by its reason, then name the meter and add an example.\n"
            'meter = "unknown"\ntitle = "Unknown meter"\nmaker = "?"\nmodels = []\ncountry = []\nlink = []\n'
            'line = { baud = 2400, parity = "even" }\nciphered = "?"\ntested = "?"\nsource = "?"\n'
        )
        return head + "".join(_proposed(seen, number) for number, seen in enumerate(self._seen.values(), 1))

    def _take(self, keys: dict[str, Any]) -> None:
        self.lists += 1
        items = read_items(keys["body"])
        kind = tuple((item.key, item.type) for item in items)
        if kind not in self._seen:
            if self._is_known(keys):
                self._known[f"a list of {counted(len(items), 'value')} needs no file, or has one"] = None
                return
            if len(self._seen) == _MOST_LISTS:
                self.left_out += 1
                return
            self._seen[kind] = Seen(items)
        self._seen[kind].add(items)

    def _is_known(self, keys: dict[str, Any]) -> bool:
        """Return whether each number of a list has a name."""
        self._doubts.clear()
        plan = self._naming.plan(keys)
        return not self._doubts and not all(field.code.startswith("#") for field in plan.fields if field.code)


def _proposed(seen: Seen, number: int) -> str:
    """Write one list of the proposal."""
    guesses = _guesses(seen)
    scaler: dict[str, int] = {}
    for guess in guesses.values():
        quantity = quantities.quantity(guess.code)
        if guess.scaler is not None and quantity and quantity.unit:
            scaler[quantity.unit] = guess.scaler
    scalers = ", ".join(f"{unit} = {power}" for unit, power in scaler.items())
    times = seen.lists
    doubt = ": too few to trust what agrees in them, record more" if times < _FEW else ""
    lines = [
        f"\n[[list]]  # {counted(len(seen.items), 'value')}, seen {counted(times, 'time')}{doubt}",
        f'name = "unknown-{number}"',
        'about = "?"',
        f"scaler = {{ {scalers} }}" if scalers else "scaler = {}",
        *([] if _has_clock(seen) else [_NO_PROOF]),
        "elements = [",
    ]
    for at, item in enumerate(seen.items):
        guess = guesses.get(at, Guess("-" if item.key.startswith("#") else item.key, "unknown"))
        row = f'  "{guess.code:<11}  {item.type if item.kind == "number" else item.kind}",'
        lines.append(f"{row:<46}  # {_position(item)}: {_range(seen, at)}: {guess.reason}")
    return "\n".join([*lines, "]"]) + "\n"


def _has_clock(seen: Seen) -> bool:
    """Return whether the list proves itself by a clock, whatever its texts are (layouts.Layout.proof)."""
    return any(item.kind in ("clock", "date", "time", "name") for item in seen.items)


def _position(item: Item) -> str:
    return item.key if item.key.startswith("#") else "sent with its code"


def _range(seen: Seen, at: int) -> str:
    """Return the values of an element for people, short enough for a comment."""
    if numbers := seen.numbers(at):
        low, high = min(numbers), max(numbers)
        return str(low) if low == high else f"{low} to {high}"
    values = sorted({"?" if value is None else str(value) for value in seen.columns[at]})
    some = ", ".join(values[:3])[:60] + (" ..." if len(values) > 3 else "")
    return "".join(character if character.isprintable() else "?" for character in some)


def _guesses(seen: Seen) -> dict[int, Guess]:
    """Guess each element: position -> guess."""
    found = {at: guess for at, item in enumerate(seen.items) if (guess := _guess_text(seen, at, item))}
    found |= (voltages := _voltages(seen, found))
    found |= _powers(seen, found)
    found |= _currents_and_power(seen, found, voltages)
    found |= _registers(seen, found)
    found |= {at: guess for at, guess in _growing(seen).items() if at not in found}
    return found


def _guess_text(seen: Seen, at: int, item: Item) -> Guess | None:
    if item.kind == "clock" and _is_clock(str(item.value)):
        return Guess("0-0:1.0.0", "reads as a date and time")
    texts = {value for value in seen.columns[at] if isinstance(value, str)}
    for pattern, code, reason in _TEXTS:
        if texts and all(pattern.fullmatch(text) for text in texts):
            return Guess(code, reason)
    return None


def _is_clock(digits: str) -> bool:
    from hanpipe.apdu.cosem import read_clock

    try:
        read_clock(bytes.fromhex(digits))
    except (ValueError, Malformed):
        return False
    return True


def _voltages(seen: Seen, found: dict[int, Guess]) -> dict[int, Guess]:
    """Find one or three neighbours of one type that stay near 230 x 10^n; one of three may always be 0."""
    scalers = {at: _near_230(seen.numbers(at)) for at in range(len(seen.items)) if at not in found}
    near = {at: scaler for at, scaler in scalers.items() if scaler is not None}
    for at, scaler in near.items():
        group = [at, at + 1, at + 2]
        absent = [n for n in group if n in scalers and seen.numbers(n) and not any(seen.numbers(n))]
        same = [n for n in group if near.get(n) == scaler]
        if len(same) >= 2 and len(same) + len(absent) == 3 and all(_same_type(seen, at, n) for n in (1, 2)):
            return {n: Guess(code, _volts(scaler), scaler) for n, code in zip(group, _VOLTAGES, strict=True)}
    alone = next((at for at in near if seen.items[at].type == "long-unsigned"), None)
    return {} if alone is None else {alone: Guess(_VOLTAGES[0], _volts(near[alone]), near[alone])}


def _volts(scaler: int) -> str:
    return f"near 230 x 10^{-scaler}: voltage"


def _same_type(seen: Seen, at: int, further: int) -> bool:
    return at + further < len(seen.items) and seen.items[at].type == seen.items[at + further].type


def _near_230(numbers: list[int]) -> int | None:
    """Return the scaler, 0 to -2, with which all numbers are near 230 V; None if none fits."""
    low, high = _NEAR_230
    powers = (p for p in range(3) if numbers and all(low * 10**p <= number <= high * 10**p for number in numbers))
    power = next(powers, None)
    return None if power is None else -power


def _powers(seen: Seen, found: dict[int, Guess]) -> dict[int, Guess]:
    """Find a total and three neighbours that add up to it in each list, but for what was rounded."""
    free = [at for at in range(len(seen.items)) if at not in found and seen.numbers(at)]
    for at in free:
        for first in free:
            parts = [seen.numbers(n) for n in range(first, first + 3) if n in free and n != at]
            if len(parts) < 3 or sum(any(part) for part in parts) < 2:
                continue
            sums = [sum(values) for values in zip(*parts, strict=True)]
            if all(abs(total - added) <= _ROUNDED for total, added in zip(seen.numbers(at), sums, strict=True)):
                reason = f"#{at + 1} = #{first + 1} + #{first + 2} + #{first + 3}: power and its phases"
                phases = {first + n: Guess(code, reason, 0) for n, code in enumerate(_POWERS)}
                return {at: Guess(_POWER, reason, 0)} | phases
    return {}


def _currents_and_power(seen: Seen, found: dict[int, Guess], voltages: dict[int, Guess]) -> dict[int, Guess]:
    """Find as many neighbours as voltages, and the power, with P about U x I in each list."""
    free = [at for at in range(len(seen.items)) if at not in found and seen.numbers(at)]
    known = [at for at, guess in found.items() if guess.code == _POWER]
    best: dict[int, Guess] = {}
    least = _FAR if known else _NEAR
    for first in free if voltages else ():
        places = range(first, first + len(voltages))
        if first - 1 not in voltages and places.stop not in voltages:
            continue  # every list known has them side by side
        if not all(at in free and _same_type(seen, first, at - first) for at in places):
            continue
        for at in known or [at for at in free if at not in places]:
            for scaler in (0, -1, -2, -3):
                away = _away(seen, voltages, places, scaler, at)
                if away < least:
                    least = away
                    reason = f"U x I is within {away:.0%} of #{at + 1}"
                    best = {
                        n: Guess(code, f"{reason}: current", scaler) for n, code in zip(places, _CURRENTS, strict=False)
                    }
                    best |= {} if known else {at: Guess(_POWER, f"{reason}: active power", 0)}
    return best


def _away(seen: Seen, voltages: dict[int, Guess], currents: range, scaler: int, power: int) -> float:
    """Return how far the sum of U x I is from a power, as a part of the larger one: the mean of all lists.

    return: 1.0 without any power, or with more amperes than any house draws
    """
    away = 0.0
    powers = seen.numbers(power)
    for number, watts in enumerate(powers):
        apparent = 0.0
        for (at, guess), current in zip(voltages.items(), currents, strict=True):
            volts, amperes = seen.numbers(at)[number], abs(seen.numbers(current)[number]) * 10.0**scaler
            if amperes > _MOST_AMPERES:
                return 1.0
            apparent += abs(volts) * 10.0 ** (guess.scaler or 0) * amperes
        away += abs(apparent - watts) / max(apparent, watts, 1)
    return away / len(powers) if any(powers) else 1.0


def _registers(seen: Seen, found: dict[int, Guess]) -> dict[int, Guess]:
    """Find totals: an element that is the sum of the next two, in each list."""
    registers: dict[int, Guess] = {}
    left = list(_REGISTERS)
    for at in range(len(seen.items) - 2):
        total, first, second = (seen.numbers(at + n) for n in range(3))
        if not (left and total and first and second and max(total) >= _LEAST_REGISTER and not registers.get(at)):
            continue
        if any(at + n in found for n in range(3)) or not any(first) or not any(second):
            continue
        if all(t == a + b for t, a, b in zip(total, first, second, strict=True)):
            codes = left.pop(0)
            reason = f"#{at + 1} = #{at + 2} + #{at + 3}: a register and its tariffs"
            registers |= {at + n: Guess(codes[n], reason, 0) for n in range(3)}
    return registers


def _growing(seen: Seen) -> dict[int, Guess]:
    """Find the numbers that grow and never fall: registers of an unknown quantity."""
    growing: dict[int, Guess] = {}
    for at, item in enumerate(seen.items):
        numbers = seen.numbers(at)
        grows = len(numbers) > 2 and numbers[-1] > numbers[0] >= _LEAST_REGISTER
        if grows and all(a <= b for a, b in pairwise(numbers)) and item.key.startswith("#"):
            growing[at] = Guess("-", "never falls: a register, energy likely")
    return growing
