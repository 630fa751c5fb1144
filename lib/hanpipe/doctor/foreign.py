"""Input that a meter did not send, or not on this port: nothing at all, other protocols, other files."""

import re

from hanpipe.doctor.case import Case
from hanpipe.doctor.finding import Found, share
from hanpipe.doctor.intake import BASE64, LINES, OCTETS, UTF_16
from hanpipe.unix.stderr import counted
from hanpipe.unix.typed import Final

_REPLACEMENT: Final = b"\xef\xbf\xbd"  # U+FFFD in UTF-8
_LEAST: Final = 3
_SOME: Final = 0.02  # share of the octets

# Protocols of other meters and gateways: name, users, and a pattern that their octets hold again and again.
PROTOCOLS: Final = (
    ("SML", "German meters, optical port", rb"\x1b\x1b\x1b\x1b\x01\x01\x01\x01"),
    ("Linky TIC", "French meters, customer output", rb"\n(?:ADCO|ADSC|PAPP|SINSTS|BASE|EAST)[ \t]"),
    ("wM-Bus", "radio meters", rb"[\x00-\xff]\x44(?:\x2d\x2c|\x24\x23|\x68\x50|\x93\x15)"),
    ("M-Bus", "heat and water meters", rb"\x10[\x40\x5b\x7b].[\x00-\xff]\x16|h..h\x08.[\x72\x76]"),
    ("NMEA 0183", "a GPS receiver", rb"\$G[PNL][A-Z]{3},"),
    ("AT commands", "a modem", rb"(?:^|[\r\n])(?:AT[+&]|\+C[A-Z]{3}:|OK\r|RING\r)"),
    ("protobuf", "a gateway that puts its own envelope around frames", rb"\x08....\x12.\x09........\x12\x03HAN\x1a"),
)


def silent(case: Case) -> Found | None:
    """Look for an input without octets."""
    return None if case.begin else Found("not one octet came", 1.0, {"octets": 0})


def other_protocol(case: Case) -> Found | None:
    """Look for the signatures of other protocols, and for good frames that carry another application."""
    others = case.refusals.get("no apdu", 0)
    if others and not case.messages and not case.refused:
        evidence = f"another application than DLMS is in {counted(others, 'good frame', case.frames)}"
        return Found(evidence, share(others, case.frames), {"frames": others})
    if case.frames > 0.2 * case.checked and case.frames:
        return None
    for name, users, signature in PROTOCOLS:
        times = len(re.findall(signature, case.sample, re.DOTALL | re.MULTILINE))
        if times >= min(_LEAST, 1 + len(case.sample) // 64):
            evidence = f"the beginning of {name} ({users}) comes {counted(times, 'time')}"
            return Found(evidence, 1.0, {"protocol": name, "times": times})
    return None


def not_a_meter(case: Case) -> Found | None:
    """Look for text and files of other kinds."""
    if case.frames or case.refused or case.kind is None or not case.begin:
        return None
    if case.kind.name in ("text", "other", "readings"):
        program = case.kind.program if case.kind in (UTF_16, BASE64) else ""
        fix = f"convert it, and give the result: {program} FILE" if program else ""
        return Found(f"the input is {case.kind.title}", 1.0, {"kind": case.kind.title}, fix=fix)
    if not case.begin.strip():
        return Found("the input holds nothing but blanks", 1.0, {"kind": "blank"})
    if case.kind == LINES and not case.messages and not case.bad:
        return Found("the lines hold no message", 1.0, {"kind": case.kind.title})
    return None


def text_encoding_lost(case: Case) -> Found | None:
    """Look for octets that a decoder of UTF-8 has replaced by U+FFFD: they are lost."""
    times = case.sample.count(_REPLACEMENT)
    if case.kind != OCTETS or not case.faults_of_link or times < _LEAST or 3 * times < _SOME * len(case.sample):
        return None
    others = len(case.sample.replace(_REPLACEMENT, b"").translate(None, bytes(range(0x80))))
    if others > times:
        return None
    often = f"{counted(times, 'time')} in {counted(len(case.sample), 'octet')}"
    evidence = f"EF BF BD, the replacement character of UTF-8, comes {often}"
    return Found(evidence, 1.0, {"change": "octets from 80 on are replaced by EF BF BD", "times": times})
