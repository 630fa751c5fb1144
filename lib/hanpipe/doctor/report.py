"""Findings -> JSON for programs, or lines of 80 columns for people."""

import textwrap
from collections.abc import Iterator

from hanpipe.doctor.case import LAYERS, Case
from hanpipe.doctor.causes import Finding
from hanpipe.doctor.content import key_trials
from hanpipe.link.kinds import FAULTS
from hanpipe.unix.stderr import counted, printable
from hanpipe.unix.typed import Any, Final

HEALTHY: Final = "healthy"
_WIDTH: Final = 80
_INDENT: Final = 12


def verdict(found: list[Finding]) -> str:
    """Return "healthy", even if single frames failed, or the name of the cause to mend first."""
    return found[0].cause.name if found else HEALTHY


def as_json(case: Case, found: list[Finding]) -> dict[str, Any]:
    """Return the JSON object of docs/formats.md."""
    kind = case.kind.name if case.kind else "octets"
    keys: dict[str, Any] = {"verdict": verdict(found), "input": kind, "findings": [finding.keys() for finding in found]}
    keys["counts"] = case.counts()
    if trials := key_trials(case):
        keys["keys"] = trials
    return keys


def as_text(case: Case, found: list[Finding], name: str, key_file: str | None) -> str:
    """Return the report for people: a line for each layer, then each cause with its evidence and what to do."""
    failing = {finding.cause.layer: finding for finding in reversed(found)}
    lines = []
    for layer in LAYERS:
        if words := _layer(case, layer):
            reached = "ok" if layer == "input" or case.frames else "not reached"
            state = f"FAILS: {failing[layer].cause.title}" if layer in failing else reached
            lines += paragraph(layer, f"{words:<24} {state}")
    lines += [line for finding in found for line in _finding(finding, name)]
    if trials := key_trials(case):
        lines.append("")
        lines += [line for trial in trials for line in paragraph("key", _trial(trial, key_file or "key file"))]
    if not found:
        lines += paragraph("verdict", _healthy(case) + _by_position(case.lists.positional))
    return "\n".join(lines) + "\n"


def _layer(case: Case, layer: str) -> str:
    """Return the figures of a layer, "" if the input did not reach it."""
    counts, lists = case.counts(), case.lists
    if layer == "input":
        return counted(case.octets, "octet") + (
            f" of {case.kind.title}" if case.kind and case.kind.name != "octets" else ""
        )
    if layer == "frames" and case.faults_of_link + case.frames:
        others = case.faults[FAULTS["n"]]
        return f"{case.frames:,} of {case.checked:,} good" + (
            f", {others:,} of noise" if others and not case.bad else ""
        )
    if layer == "ciphering" and counts["ciphered"]:
        return f"{counts['deciphered']:,} of {counts['ciphered']:,} deciphered"
    if layer == "lists" and lists.readings:
        named = lists.readings - lists.positional - lists.open
        return f"{named:,} of {lists.readings:,} named whole"
    if layer == "times" and lists.arrivals:
        return f"{len(lists.arrivals):,} with time of arrival"
    return ""


def _healthy(case: Case) -> str:
    """Return the verdict on an input without a finding; single frames and messages may have failed all the same."""
    refused = sum(case.refusals.values())
    failed = [counted(case.bad, "frame", case.checked)] if case.bad else []
    failed += [counted(refused, "message", refused + case.messages)] if refused else []
    return f"healthy, except for {' and '.join(failed)}" if failed else "healthy: everything that came could be read"


def _by_position(lists: int) -> str:
    return f"; the values of {counted(lists, 'list')} without codes are shown by position" if lists else ""


def _finding(finding: Finding, name: str) -> Iterator[str]:
    cause, found = finding
    yield ""
    yield from paragraph("cause", f"{cause.name}: {cause.title}")
    yield from paragraph("evidence", found.evidence)
    fix = finding.fix.replace("DEVICE", name if name.startswith("/dev/") else "/dev/ttyUSB0")
    if found.mend:
        fix += "; --mend undoes it" if name == "-" else f"; this file: han-doctor --mend {name} > mended.raw"
    yield from paragraph("mend", fix)


def _trial(trial: dict[str, str], key_file: str) -> str:
    return f"{key_file}: the line for {trial['line_title']} on title {trial['title']}: {trial['verdict']}"


def paragraph(word: str, text: str) -> list[str]:
    """Return lines of 80 columns with a word in the margin."""
    return textwrap.wrap(
        printable(text),
        _WIDTH,
        initial_indent=f"{word:<{_INDENT}}",
        subsequent_indent=" " * _INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )
