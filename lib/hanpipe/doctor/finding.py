"""The evidence for a cause."""

from collections.abc import Callable

from hanpipe.unix.typed import Any, NamedTuple

Mend = Callable[[bytes], bytes]  # octets as they arrived -> octets as the meter sent them


class Found(NamedTuple):
    """The evidence for a cause.

    evidence: a sentence with the figures that speak for the cause
    lost:     the share of messages or of their names that the cause costs, 0 to 1
    figures:  the same figures by name, for programs
    mend:     undoes the cause without loss; None where that is impossible
    fix:      what to do in this case; "" where that of the cause fits
    """

    evidence: str
    lost: float
    figures: dict[str, Any]
    mend: Mend | None = None
    fix: str = ""


def share(part: int, whole: int) -> float:
    """Return part / whole, 0 of nothing."""
    return part / whole if whole else 0.0
