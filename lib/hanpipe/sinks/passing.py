"""When a sink passes lines on: at once, or for han-spool once they are delivered."""

import os
from argparse import Namespace

from hanpipe.unix.typed import Final

# han-spool sets this variable for its sink: a line that the sink passes on is then one that it delivered.
DELIVERED: Final = ("HANPIPE_PASS", "delivered")


def keeps_lines(options: Namespace) -> bool:
    """Return whether a sink with a peer has to keep its lines until they are delivered."""
    return bool(options.pass_on) and os.environ.get(DELIVERED[0]) == DELIVERED[1]
