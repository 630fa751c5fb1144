"""Doubts about a reading: values that look as if a scaler were wrong. The user sees them; no value is changed."""

from collections.abc import Iterator, Mapping

from hanpipe.unix.typed import Any, Final

_PHASES: Final = ("L1", "L2", "L3")
# Nets of 3 x 400 V have 230 V in a phase, nets of 3 x 230 V 133 V. Both lie far from ten times or a tenth of the other.
_LEAST_VOLTS, _MOST_VOLTS = 115, 300
_SLACK: Final = 1000  # VA: three currents in whole amperes, as many P1 meters send them
_TIMES: Final = 3  # P is never larger than S; an IT net without the current of L2 shows 1.7 times as much


def doubts(reading: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each doubt as a word, under which it is reported once, and a sentence."""
    for phase in _PHASES:
        volts = reading.get(f"volt_{phase}", 0)
        if volts and not _LEAST_VOLTS < volts < _MOST_VOLTS:
            yield (
                "volts",
                f"volt_{phase} is {volts} V, far from 230 V; if its scaler is wrong, set it with --scale V=POWER",
            )
            return
    apparent = sum(reading.get(f"volt_{phase}", 0) * reading.get(f"curr_{phase}", 0) for phase in _PHASES)
    power = max(reading.get("act_pow_pos", 0), reading.get("act_pow_neg", 0))
    if "volt_L1" in reading and "curr_L1" in reading and power > _TIMES * abs(apparent) + _SLACK:
        yield "power", f"{power} W exceed the {apparent} VA of all phases; if a scaler is wrong, see --scale and --ct"
