"""The start of han-web: its login, its certificate, and where its store is."""

import os

from hanpipe.periods.peaks import rules
from hanpipe.sinks.errors import SinkError
from hanpipe.sinks.house.house import HIGHEST_HOUR
from hanpipe.sinks.peer.login import find_login
from hanpipe.sinks.run import failure, run
from hanpipe.sinks.web.door import door
from hanpipe.sinks.web.sink import WebSink
from hanpipe.unix.program import Program
from hanpipe.unix.zones import local_zone


def start(program: Program) -> int:
    """Run han-web; return its exit status. raise: ValueError: the options do not fit; Failure."""
    try:
        opened = door(program.options, find_login(program.options.login, program.name, program.warn))
    except SinkError as error:
        raise failure(error) from error
    options = program.options
    rule = rules()[options.rule] if options.rule else HIGHEST_HOUR
    return run(program, WebSink(program, opened, options.store or _usual_store(), options.zone or local_zone(), rule))


def _usual_store() -> str:
    """Return where the store is by default: where systemd or the user keeps state."""
    # systemd separates several directories by a colon.
    folder = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    home = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return os.path.join(folder or os.path.join(home, "hanpipe"), "han-web.db")
