"""The limits of a report: a day, or a day and a time, in the zone that it shows."""

import argparse
from collections.abc import Callable
from datetime import datetime, tzinfo


def limit(text: str) -> Callable[[tzinfo], int]:
    """Read a time such as 2026-11-01 or 2026-11-01T18:00; return what tells it in ns since 1970-01-01 UTC for a zone.

    raise: ArgumentTypeError
    """
    try:
        then = datetime.fromisoformat(text)
    except ValueError:
        then = datetime.max
    if not 1971 <= then.year <= 2261:
        raise argparse.ArgumentTypeError(
            f"expected a day such as 2026-11-01 or a time such as 2026-11-01T18:00, got {text!r}"
        )
    return lambda zone: int((then if then.tzinfo else then.replace(tzinfo=zone)).timestamp()) * 1_000_000_000
