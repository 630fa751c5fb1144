"""One line that says why a program finds nothing in its input, from a bounded sample and in milliseconds."""

from hanpipe.doctor import causes, intake
from hanpipe.doctor.case import Case
from hanpipe.doctor.wire import NOT_TRIED
from hanpipe.link import FRAMERS
from hanpipe.link.kinds import GOOD
from hanpipe.link.tally import TITLES
from hanpipe.unix.typed import Final

SAMPLE: Final = 8192  # octets that a program keeps for this

# The input of each program of the pipe.
_READS: Final = {"han-frame": intake.OCTETS, "han-decode": intake.RECORDS, "han-fields": intake.LINES}
_WAY: Final = (intake.OCTETS, intake.RECORDS, intake.LINES, intake.READINGS)  # in the order of the pipe
_OF_ANY_SETTING: Final = ("line-setting", "noise", "not-a-meter")  # octets look so at any setting but the meter's
_PROGRAMS: Final = ("han-frame", "han-decode", "han-fields")  # that lead from each of these to the next


def wrong_kind(program: str, octets: bytes) -> str:
    """Return what the input of a program is if it is not what the program reads, and what to do; "" if it is.

    octets: the first ones of the input, SAMPLE at most
    """
    expected, kind = _READS[program], intake.recognise(octets[: intake.ENOUGH])
    if kind == expected or not octets:
        return ""
    found = f"expected {expected.title}, found {kind.title}"
    if kind not in _WAY:
        return found + (f": read it with {kind.program} first" if kind.program else "")
    here, there = _WAY.index(kind), _WAY.index(expected)
    missing = _PROGRAMS[here:there]
    return f"{found}: run {' and '.join(missing)} first" if missing else f"{found}, which {kind.program} reads"


def why_nothing(program: str, octets: bytes) -> str:
    """Return why a program finds nothing in its input. octets: a sample, SAMPLE at most."""
    if kind := wrong_kind(program, octets):
        return kind
    found = _findings(octets)
    if not found:
        return "found nothing wrong in a sample; han-doctor looks at all of it"
    return f"{_sentence(found[0])}; han-doctor finds out more"


def why_no_frame(option: str, octets: bytes) -> str:
    """Return why han-frame finds nothing in its input, as the end of a sentence.

    option: that of the link to expect, "" without one; octets: a sample, SAMPLE at most
    """
    if option:
        framer = FRAMERS["auto"]()
        kinds = {kind for kind, _ in framer.feed(octets) + framer.feed(b"") if kind in GOOD}
        if kinds:
            names = " and ".join(sorted(TITLES[GOOD[kind].name] for kind in kinds))
            return f", but good {names} frames: leave out {option}"
    return f": {why_nothing('han-frame', octets)}"


def why_no_hex(text: bytes) -> str:
    """Return why han-frame --from-hex finds nothing in its input, and what to do; "" if the input looks as expected."""
    kind = intake.recognise(text[: intake.ENOUGH])
    if not text or kind == intake.HEX or (kind == intake.OCTETS and text.isascii()):  # a telegram has its own message
        return ""
    found = f"expected hex text, found {kind.title}"
    if kind == intake.OCTETS:
        return f"{found}: leave out --from-hex"
    if kind == intake.TEXT:
        return f"{found} without hex digits"
    return found + (f": read it with {kind.program}" if kind.program else "")


def why_setting_failed(octets: bytes) -> str:
    """Return the likely cause if a setting gave no good frame; "" if the octets show only that it is not the meter's.

    octets: the last ones of that setting, SAMPLE at most
    """
    found = _findings(octets) if octets else []
    return _sentence(found[0]) if found and found[0].cause.name not in _OF_ANY_SETTING else ""


def _findings(octets: bytes) -> list[causes.Finding]:
    case = Case()
    case.imitations = NOT_TRIED
    case.feed(octets)
    case.feed(b"")
    return causes.findings(case)


def _sentence(finding: causes.Finding) -> str:
    cause, found = finding
    return f"{cause.name}: {cause.title}: {found.evidence}"
