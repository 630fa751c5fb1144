"""The work of han-fields: lines of han-decode to readings, or to a proposed meter file."""

from collections.abc import Callable

from hanpipe.readings.naming import Naming
from hanpipe.readings.reader import LineReader
from hanpipe.readings.reading import Plan
from hanpipe.readings.values import Values
from hanpipe.unix.program import Program
from hanpipe.unix.stderr import counted
from hanpipe.unix.typed import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hanpipe.readings.layouts import Layout

View = Callable[[Plan, Values, str], str]  # plan, values and the keys before them -> a line

_BEGINNING: Final = 4096  # octets that show which kind of input this is


def to_readings(
    program: Program,
    naming: Naming,
    layouts: "dict[str, list[Layout]]",
    view: View | None,
    wrong_kind: Callable[[bytes], str],
) -> bool:
    """Write a reading per line; return whether there was one.

    layouts:    by the names that the user gave
    view:       how a reading is shown, None for flat JSON
    wrong_kind: returns which program is missing before han-fields, by the first octets of the input
    """
    reader = LineReader(naming)
    begin, written = b"", 0  # reader.read also counts those after the last one of -n

    def step(data: bytes, _: int) -> list[str]:
        nonlocal begin
        begin = begin or data[:_BEGINNING]
        if view is None:
            return [line + "\n" for line in reader.lines(data)]
        return [view(plan, values, front) + "\n" for plan, values, front in reader.feed(data)]

    def write(lines: list[str], _: int) -> bytes:
        nonlocal written
        written += len(lines)
        return "".join(lines).encode()

    show_stats = program.stats(lambda: reader.counters() | {"readings": written})
    found = program.stream(step, write, lambda reading: True)
    show_stats()
    if reader.wrong and not (found or reader.passed):
        program.warn(wrong_kind(begin) or "found no line of han-decode in the input; run han-decode first")
    if found:
        _report_unmet(program, naming, layouts)
    others = f"{counted(reader.passed, 'line')} without a list, {counted(reader.wrong, 'wrong line')}"
    program.explain(f"{counted(written, 'reading')}, {others}")
    return found


def _report_unmet(program: Program, naming: Naming, layouts: "dict[str, list[Layout]]") -> None:
    """Say which of the user's names and layouts met nothing."""
    if naming.unmet:
        program.warn(f"--only: no reading has {', '.join(sorted(naming.unmet))}")
    unfit = [name for name, known in layouts.items() if naming.unfit.issuperset(layout.name for layout in known)]
    if unfit:
        program.warn(f"--layout: no list has the elements of {', '.join(unfit)}; han-fields --learn shows what is sent")


def learn(program: Program) -> bool:
    """Write a meter file for the lists that no file knows; return whether there was a list."""
    from hanpipe.readings.learn import Learner

    learner = Learner()
    for data, _ in program.pieces():
        learner.feed(data)
    learner.feed(b"")
    if learner.left_out:
        program.warn(f"left out {counted(learner.left_out, 'list')}: there are too many kinds of unknown list")
    for known in learner.known():
        program.explain(known)
    proposal = learner.proposal()
    program.write(proposal.encode())
    if not proposal:
        program.warn("found no list that needs a meter file")
    return bool(learner.lists)
