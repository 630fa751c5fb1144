"""Splits a register over periods, so that the sum of what flowed in them is the register's difference.

A register is known at moments only, for many meters once an hour. Each time between two of them is cut into pieces at
the ends of periods. The difference of the register is split over the pieces by the power that was integrated in each;
the time for which no power was known shares what is left evenly. A piece that is the whole time between two moments
needs no estimate.
"""

from collections.abc import Iterator
from decimal import Context, Decimal, localcontext
from itertools import accumulate

from hanpipe.periods.averages import Number
from hanpipe.periods.track import Track
from hanpipe.unix.typed import Final

_HOUR: Final = 3_600_000_000_000  # ns: a Wh is 1 W for so long
_NEAR: Final = 30_000_000_000  # ns: a register that comes so long after the end of a period counts back to it
_REPEATED: Final = 100  # Wh of integrated power, after which an unchanged register is an old one
# Decimal's own 28 digits are too few: a register may have 31, and the sum of the periods is exact for each.
_EXACT: Final = Context(prec=400)


class Flow:
    """The amount that flowed by one register in one period.

    amount:    in the register's unit, None if nothing is known of it
    estimated: whether it does not follow from the register alone
    register:  its value at the end of the period, None if it is not known there
    settled:   whether no later register can change it
    """

    __slots__ = ("amount", "estimated", "register", "settled")

    def __init__(self) -> None:
        self.amount: Number | None = None
        self.estimated = False
        self.register: Number | None = None
        self.settled = False

    def add(self, amount: Number | None, *, estimated: bool) -> None:
        """Add what flowed in a part of the period; None is nothing that is known."""
        if amount is not None:
            self.amount = amount if self.amount is None else self.amount + amount
        self.estimated = self.estimated or estimated


class _Piece:
    """Some time within one period. area, known: of the power; before the piece while it is open, then within it."""

    __slots__ = ("area", "begin", "end", "flow", "known")

    def __init__(self, begin: int, flow: Flow, area: Number, known: int) -> None:
        self.begin = begin
        self.end = 0
        self.flow = flow
        self.area = area
        self.known = known


class Split:
    """Splits one register of one meter over periods.

    waiting: whether a later register is to decide what flowed in the pieces so far
    """

    def __init__(self, at: int, *, estimates: bool = True) -> None:
        """Begin at `at`.

        estimates: whether the power alone tells what flowed, as it does not for one of several tariffs
        """
        self.flow = Flow()  # of the period that is open
        self.track: Track | None = None  # of the power that the register counts
        self._estimates = estimates
        self._began = at  # the open period, or this split in it
        self._pieces = [_Piece(at, self.flow, 0, 0)]
        self._register: Number | None = None  # where the pieces begin: the last one, less what has flowed since there
        self._given: Number = 0  # what was given to periods that could not wait, since the last register
        self._gave_up = False  # since then periods could not wait, and were given nothing
        self._sent: Number | None = None  # the last register as the meter sent it, and the clock beside it
        self._clock: str | None = None

    @property
    def waiting(self) -> bool:
        """Whether a later register is to decide what flowed."""
        return self._register is not None

    def follow(self, track: Track, at: int) -> None:
        """Count the power of a track from `at` on."""
        self._cut(at)
        self.track = track
        piece = self._pieces[-1]
        piece.area, piece.known = track.area, track.known

    def end_period(self, end: int) -> Flow:
        """End the open period, and begin the next one; return what is known so far of the one that ends."""
        ended = self.flow
        self.flow = Flow()
        self._began = end
        self._close(end, self.flow)
        if not self.waiting:
            self._estimate()
        return ended

    def so_far(self, at: int) -> Flow:
        """Return what is known of the open period, which is as far as `at`: the power tells what no register does."""
        flowed = Flow()
        flowed.add(self.flow.amount, estimated=self.flow.estimated)
        pending = [piece for piece in self._pieces[:-1] if piece.flow is self.flow]
        for piece in pending:
            flowed.add(self._by_power(piece), estimated=True)
        if self.track is not None and self._estimates:
            last = self._pieces[-1]
            open_one = _Piece(last.begin, self.flow, self.track.area - last.area, self.track.known - last.known)
            open_one.end = at
            flowed.add(self._by_power(open_one) or 0, estimated=True)
        return flowed

    def give_up(self) -> None:
        """Settle all ended pieces by the power alone: no register is waited for any longer."""
        self._estimate()

    def restart(self) -> None:
        """Begin another count: the next register has no difference to the last one."""
        self._estimate()
        self._register = None

    def add(self, register: Number, at: int, clock: str | None, moment: int) -> bool:
        """Take the register. Return False if it fell: another count has begun.

        at:     when the reading came; clock: the meter's clock in it, if any
        moment: when the register had this value, by that clock; `at` if the clock does not tell
        """
        with localcontext(_EXACT):
            return self._add_exactly(register, at, clock, moment)

    def _add_exactly(self, register: Number, at: int, clock: str | None, moment: int) -> bool:
        if self._is_repeated(register, at, clock):
            return True
        fell = self._register is not None and self._sent is not None and register < self._sent
        if fell:
            self.restart()
        place, held = self._place(register, at, moment)
        if place:
            self._hold_from(place, held)
        if place or self._register is None:  # two registers of one moment: the next one has the difference of both
            self._register, self._given, self._gave_up = held, 0, False
            self._sent, self._clock = register, clock
        return not fell

    def _hold_from(self, place: int, register: Number) -> None:
        """Settle the pieces before a place, where the register holds."""
        last, following = self._pieces[place - 1].flow, self._pieces[place].flow
        if self._register is None:
            self._estimate(place)
        else:
            self._share(register - self._register - self._given, place)
        if last is not following:
            last.register = register

    def _is_repeated(self, register: Number, at: int, clock: str | None) -> bool:
        """Tell whether this is the register of an earlier moment once more, as some meters send it."""
        if self._register is None or register != self._sent:
            return False
        if clock is not None and clock == self._clock:
            return True
        return clock is None and sum(self._measure(at)) > _REPEATED * _HOUR

    def _measure(self, at: int) -> list[Number]:
        """Return the area of each piece, the open one up to now."""
        areas = [piece.area for piece in self._pieces[:-1]]
        return [*areas, (self.track.area if self.track else 0) - self._pieces[-1].area]

    def _place(self, register: Number, at: int, moment: int) -> tuple[int, Number]:
        """Return before which piece the register holds, cutting the open one if need be, and its value there."""
        for place in range(len(self._pieces) - 1, -1, -1):
            if self._pieces[place].begin == moment:
                return place, register
        begin = self._pieces[-1].begin
        is_first = begin == self._began and (len(self._pieces) > 1 or self._register is None)
        if is_first and at - begin <= _NEAR and self._is_known_since(begin, at):
            flowed = Decimal(self._measure(at)[-1]) / _HOUR
            lowest = self._register if self._register is not None else 0
            return len(self._pieces) - 1, max(lowest, register - int(flowed))
        self._cut(at)
        return len(self._pieces) - 1, register

    def _is_known_since(self, begin: int, at: int) -> bool:
        return self.track is None or at - begin == self.track.known - self._pieces[-1].known

    def _cut(self, at: int) -> None:
        """Cut the open piece at `at`, within its period."""
        self._close(at, self.flow)

    def _close(self, end: int, flow: Flow) -> None:
        """Close the open piece, and open one of a flow. No calls: a long silence has a hundred thousand pieces."""
        track, piece = self.track, self._pieces[-1]
        area, known = (track.area, track.known) if track else (0, 0)
        piece.end = end
        piece.area = area - piece.area
        piece.known = known - piece.known
        self._pieces.append(_Piece(end, flow, area, known))

    def _estimate(self, place: int | None = None) -> None:
        """Settle the pieces before a place, all ended ones by default, by the power alone."""
        place = len(self._pieces) - 1 if place is None else place
        for piece in self._pieces[:place]:
            if piece.end == piece.begin:
                continue
            piece.flow.estimated = True
            amount = self._by_power(piece)
            if amount is not None:
                self._give(piece.flow, amount)
            else:
                self._gave_up = True
        self._settle(place)

    def _give(self, flow: Flow, amount: Number) -> None:
        """Give an estimate to a period that cannot wait for the next register."""
        with localcontext(_EXACT):
            if self._register is not None:
                self._given += amount
            flow.add(amount, estimated=True)

    def _by_power(self, piece: _Piece) -> Number | None:
        """Return the energy of a piece by its power, whole Wh; a gap counts as the mean of what is known beside it."""
        if not piece.known or not self._estimates:
            return None
        return int(Decimal(piece.area) / _HOUR * (piece.end - piece.begin) / piece.known)

    def _share(self, difference: Number, place: int) -> None:
        """Split a difference of the register over the pieces before a place, to the last unit."""
        pieces, flowed = self._pieces[:place], max(difference, 0)
        estimated = place > 1 or bool(self._given) or self._gave_up
        for piece, part in zip(pieces, _parts(pieces, flowed) if place > 1 else [flowed], strict=True):
            piece.flow.add(_whole(part), estimated=estimated)
        self._settle(place)

    def _settle(self, place: int) -> None:
        """Forget the pieces before a place; mark the periods that end there or before as settled."""
        for piece, after in zip(self._pieces[:place], self._pieces[1 : place + 1], strict=True):
            piece.flow.settled = after.flow is not piece.flow
        del self._pieces[:place]


def _parts(pieces: list[_Piece], flowed: Number) -> Iterator[Number]:
    """Yield what of a difference flowed in each piece."""
    units, unit = _in_units(flowed)
    weights = _weights(pieces, flowed)
    total, given = sum(weights), 0
    for so_far in accumulate(weights):
        upto = int(units * so_far // total)
        yield (upto - given) * unit
        given = upto


def _weights(pieces: list[_Piece], difference: Number) -> list[Number]:
    """Return how a difference is split: by the integrated power, and evenly over the time without a known power."""
    areas = [max(0, piece.area) for piece in pieces]
    gaps = [max(0, piece.end - piece.begin - piece.known) for piece in pieces]
    area, gap = sum(areas), sum(gaps)
    left = difference * _HOUR - area
    if gap and left > 0:
        return [one * gap + left * unknown for one, unknown in zip(areas, gaps, strict=True)]
    if area:
        return areas
    spans = [piece.end - piece.begin for piece in pieces]
    return [*spans[:-1], spans[-1] if any(spans) else 1]


def _in_units(value: Number) -> tuple[int, Number]:
    """Return a number as a multiple of its last decimal, and that: 12.34 is 1234 times 0.01."""
    exponent = Decimal(value).as_tuple().exponent
    if not isinstance(exponent, int) or exponent >= 0:
        return int(value), 1
    return int(Decimal(value).scaleb(-exponent)), Decimal(1).scaleb(exponent)


def _whole(value: Number) -> Number:
    return int(value) if value == int(value) else value
