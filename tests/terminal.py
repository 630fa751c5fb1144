"""A terminal of a test's own: tmux, in which a shell runs programs, and whose screen and modes a test can read."""

import os
import shlex
import subprocess
from collections.abc import Callable, Mapping

from programs import environment, wait_until

PROMPT = "ready:"


class Tmux:
    """A terminal with a shell without line editing, which leaves the modes of the terminal alone."""

    def __init__(
        self, folder: str, columns: int = 80, rows: int = 24, env: Mapping[str, str | None] | None = None
    ) -> None:
        """Start it. folder: for its socket, and the working directory; env: changes to the shell's environment."""
        self._socket = os.path.join(folder, "tmux")
        variables = {"PS1": PROMPT, "LC_ALL": "C.UTF-8", "TZ": "UTC", "NO_COLOR": None, "ENV": None, **(env or {})}
        sets = [f"{name}={value}" for name, value in variables.items() if value is not None]
        unsets = [word for name, value in variables.items() if value is None for word in ("-u", name)]
        shell = shlex.join(["env", *unsets, *sets, "sh"])
        self._run("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows), "-c", folder, shell)
        self.wait_for(PROMPT)

    def __enter__(self) -> "Tmux":
        return self

    def __exit__(self, *_: object) -> None:
        self._run("kill-server")

    def _run(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-u", "-S", self._socket, *words],
            env=environment({"TMUX": None, "LC_ALL": "C.UTF-8"}),
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return done.stdout

    def type(self, line: str) -> None:
        """Type a line, and Enter."""
        self._run("send-keys", "-l", line)
        self.press("Enter")

    def press(self, *keys: str) -> None:
        """Press keys, by tmux's names for them."""
        self._run("send-keys", *keys)

    def resize(self, columns: int, rows: int) -> None:
        self._run("resize-window", "-x", str(columns), "-y", str(rows))

    def screen(self, *, colours: bool = False) -> str:
        """Return what it shows, a line for each row. colours: with their codes."""
        return self._run("capture-pane", "-p", *(["-e"] if colours else []))

    def scrolled(self) -> str:
        """Return what it shows, and the rows that have moved out at the top."""
        return self._run("capture-pane", "-p", "-S", "-")

    def wait_until(self, right: Callable[[str], object]) -> str:
        """Return the screen once it is right."""
        shown = ""

        def is_right() -> object:
            nonlocal shown
            shown = self.screen()
            return right(shown)

        try:
            wait_until(is_right)
        except AssertionError:
            raise AssertionError(f"it did not come; this is shown:\n{shown}") from None
        return shown

    def wait_for(self, *texts: str, absent: str = "\0") -> str:
        """Return the screen once it shows all texts, and not the one that must be absent."""
        return self.wait_until(lambda shown: all(text in shown for text in texts) and absent not in shown)

    def wait_for_prompt(self) -> str:
        """Return the screen once the shell is ready for the next line."""
        return self.wait_until(lambda shown: shown.rstrip().endswith(PROMPT) and not self.is_alternate())

    def is_alternate(self) -> bool:
        """Return whether a program has the screen to itself."""
        return self._ask("alternate_on") == "1"

    def has_cursor(self) -> bool:
        return self._ask("cursor_flag") == "1"

    def modes(self) -> str:
        """Return the modes of the terminal, as stty -g writes them."""
        done = subprocess.run(
            ["stty", "-F", self._ask("pane_tty"), "-g"], capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout

    def _ask(self, variable: str) -> str:
        return self._run("display-message", "-p", f"#{{{variable}}}").strip()
