"""What in a reading looks as if a power of ten were wrong. It is told to the user; no value is changed."""

from collections.abc import Iterator, Mapping

from hanpipe.unix.typed import Any, Final

_PHASES: Final = ("L1", "L2", "L3")
_LEAST_VOLTS, _MOST_VOLTS = 150, 300  # around 230 V, and 400 V / sqrt 3, at their worst
_SLACK: Final = 1000  # VA: three currents in whole amperes, as many P1 meters send them
_TIMES: Final = 3  # P is never larger than S; an IT net without the current of L2 shows 1.7 times as much


def doubts(reading: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is doubtful, each with the word under which it is told once."""
    for phase in _PHASES:
        volts = reading.get(f"volt_{phase}", 0)
        if volts and not _LEAST_VOLTS < volts < _MOST_VOLTS:
            yield "volts", f"volt_{phase} is {volts} V, far from 230 V: is its power of ten right? see --scale"
            return
    apparent = sum(reading.get(f"volt_{phase}", 0) * reading.get(f"curr_{phase}", 0) for phase in _PHASES)
    power = max(reading.get("act_pow_pos", 0), reading.get("act_pow_neg", 0))
    if "volt_L1" in reading and "curr_L1" in reading and power > _TIMES * abs(apparent) + _SLACK:
        yield "power", f"{power} W with {apparent} VA in all phases: is a power of ten wrong? see --scale and --ct"
