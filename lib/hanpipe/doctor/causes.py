"""All causes, in the order in which they are looked for. A new cause is one row, with what looks for it.

Of each layer the first cause that shows evidence is the finding; the layers are those that octets pass on their way.
docs/doctor.md has a section for each name.
"""

from collections.abc import Callable

from hanpipe.doctor import content, foreign, loss, missing, times, undo, wire
from hanpipe.doctor.case import Case
from hanpipe.doctor.finding import Found
from hanpipe.unix.typed import Any, Final, NamedTuple


class Cause(NamedTuple):
    """A cause and how to recognise it.

    name:  the verdict
    layer: one of case.LAYERS, the first that fails
    title: what it is, in one line
    fix:   what to do about it
    look:  returns the evidence, None if the case shows none
    """

    name: str
    layer: str
    title: str
    fix: str
    look: Callable[[Case], Found | None]


class Finding(NamedTuple):
    """A cause that was found, with its evidence."""

    cause: Cause
    found: Found

    @property
    def fix(self) -> str:
        """What to do about it."""
        return self.found.fix or self.cause.fix

    def keys(self) -> dict[str, Any]:
        """Return the keys of the JSON object in docs/formats.md."""
        cause, found = self
        words = {"cause": cause.name, "layer": cause.layer, "title": cause.title, "evidence": found.evidence}
        return words | {"fix": self.fix, "mendable": found.mend is not None, "figures": found.figures}


_TEXT: Final = "something between the meter and this file treats the octets as text"
_DECODED: Final = "a program decodes the octets as text"
_BINARY: Final = "read the port in binary, and write the file in binary"
_RAW: Final = (
    'put the port into raw mode (stty -F DEVICE raw -echo), or set the gateway to "raw" instead of text or telnet'
)
_RFC2217: Final = _RAW + "; or read it as rfc2217://HOST:PORT"
_SETTING: Final = "run han-doctor DEVICE, which tries the settings of all meters"
_CABLE: Final = "use a shorter or better cable, away from power lines"
_KEYS: Final = "the line SYSTEM-TITLE KEY [AUTHENTICATION-KEY] in the key file (--key-file)"

CAUSES: Final = (
    Cause("silent", "input", "nothing comes",
          "check plug and cable; ask the grid company to open the port; on P1 connect the request line (pin 2) to 5 V",
          foreign.silent),
    Cause("not-a-meter", "input", "this did not come from a meter",
          "give the octets of the port: han-read DEVICE > FILE", foreign.not_a_meter),
    Cause("newlines", "frames", _TEXT, _RAW, undo.looking_for("newlines")),
    Cause("telnet", "frames", "a telnet server escapes octets", _RFC2217, undo.looking_for("telnet")),
    Cause("text-encoding", "frames", _DECODED, _BINARY, undo.looking_for("text-encoding")),
    Cause("stuffing", "frames", "the line has octet stuffing",
          "read it with han-frame --escapes", undo.looking_for("stuffing")),
    Cause("text-encoding", "frames", _DECODED + ", and replaces octets that are not UTF-8",
          _BINARY + "; what was replaced is lost", foreign.text_encoding_lost),
    Cause("newlines", "frames", _TEXT, _RAW, missing.newlines_lost),
    Cause("flow-control", "frames", "software flow control takes 11 and 13 out",
          "switch XON/XOFF off: stty -F DEVICE raw -ixon -ixoff", missing.flow_control),
    Cause("seven-bit", "frames", "the top bit of each octet is lost",
          "set the port to 8 data bits: stty -F DEVICE raw -istrip cs8", wire.seven_bit),
    Cause("other-protocol", "frames", "these octets are of another protocol",
          "ask the grid company which port the meter has: hanpipe reads HDLC, wired M-Bus and P1 that the meter pushes",
          foreign.other_protocol),
    Cause("stuck", "frames", "the line does not change",
          "check the wiring: ground, the pins, and whether the adapter expects the levels of the port", wire.stuck),
    Cause("baud", "frames", "the baud rate of the port is not the meter's", _SETTING, wire.baud),
    Cause("parity", "frames", "the parity of the port is not the meter's", _SETTING, wire.parity),
    Cause("inverted", "frames", "the levels of the line are exchanged",
          "use an adapter that inverts the line, which a P1 port needs, or set its inversion the other way",
          wire.is_inverted),
    Cause("line-setting", "frames", "the setting of the port is not the meter's", _SETTING, wire.line_setting),
    Cause("tail-loss", "frames", "long frames lose their ends",
          "the adapter runs out of power or of buffer: use a powered one, or one for longer frames", loss.tail_loss),
    Cause("dropped", "frames", "octets are lost on the way",
          "let one program alone read the port; use a faster machine or an adapter with a larger buffer", loss.dropped),
    Cause("noise", "frames", "octets change on the way, or are lost",
          _CABLE, loss.noise),
    Cause("noise", "ciphering", "octets change on the way", _CABLE, content.damaged_messages),
    Cause("no-key", "ciphering", "the messages are ciphered",
          "ask the grid company for the key, and write " + _KEYS, content.no_key),
    Cause("wrong-authentication-key", "ciphering", "the authentication key is wrong, the encryption key is right",
          "correct the authentication key, or leave it out, and no tag is checked; " + _KEYS,
          content.wrong_authentication_key),
    Cause("wrong-key", "ciphering", "the key is wrong",
          "ask the grid company for the key of this meter, and write " + _KEYS,
          content.wrong_key),
    Cause("unknown-list", "lists", "no meter file knows the list",
          "run han-fields --learn, which proposes a meter file, or choose a layout with han-fields --layout",
          content.unknown_list),
    Cause("open-scale", "lists", "the power of ten of some values is open",
          "compare them with the meter's display, and give it: han-fields --scale UNIT=POWER", content.open_scale),
    Cause("missed-lists", "times", "lists do not arrive",
          "look for what else reads the port, sleeps, or loses the connection", times.missed_lists),
    Cause("repeated-hour", "times", "the meter sends an hourly list again",
          "the meter does that: use the first list with each clock", times.repeated_hour),
    Cause("clock", "times", "the clock of the meter and that of this machine differ",
          "check this machine's clock (timedatectl); the grid company sets the meter's", times.clock),
)  # fmt: skip

# Layers where one cause explains all the damage; in the others several may come together.
_ONE_ALONE: Final = frozenset(("input", "frames", "ciphering"))


def findings(case: Case) -> list[Finding]:
    """Return what is wrong, the cause that costs most messages first."""
    found: list[Finding] = []
    for cause in CAUSES:
        if any(each.cause.layer == cause.layer for each in found) and cause.layer in _ONE_ALONE:
            continue
        if any(each.cause.layer == "input" for each in found):
            break
        if evidence := cause.look(case):
            found.append(Finding(cause, evidence))
    return sorted(found, key=lambda finding: -finding.found.lost)
