"""Messages for people on stderr."""

import os


def say(name: str, message: str) -> None:
    """Write one line to stderr. message: may quote a meter or a server; control characters come out escaped."""
    write(f"{name}: {printable(message)}\n".encode())


def printable(text: str) -> str:
    """Return text from outside, with those characters escaped that could control a terminal."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in text
    )


def write(octets: bytes) -> None:
    """Write octets to stderr; do nothing if it is closed."""
    try:
        os.write(2, octets)
    except OSError:
        return


def reason(error: OSError) -> str:
    """Return the reason of an error in the words of the messages, for example "no such file or directory"."""
    number = error.errno or 0  # below 0: a failed look-up of a host name, with its own numbers and words
    text = os.strerror(number) if number > 0 else str(error.strerror or error)
    return text[:1].lower() + text[1:]


def duration(seconds: float) -> str:
    """Return a duration in one unit: 12 s, 60 s, 4 min, 3 h, 2 days."""
    units = (("days", 86400), ("h", 3600), ("min", 60))
    unit, size = next(((unit, size) for unit, size in units if seconds >= 2 * size), ("s", 1))
    return f"{seconds / size:.0f} {unit}"


def counted(number: int, noun: str, of: int | None = None) -> str:
    """Return how many of something there are: 1 frame, 1,200 frames; with the number of all, 1 of 3 frames.

    noun: in the singular; its plural ends in s
    """
    whole = number if of is None else of
    part = "" if of is None else f"{number:,} of "
    return f"{part}{whole:,} {noun}{'s' * (whole != 1)}"
