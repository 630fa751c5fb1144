"""Run the programs of this checkout as their users do: run() to the end, Running while a test talks to it."""

import fcntl
import importlib.util
import os
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from conftest import ROOT
from patience import PATIENCE

BIN = os.path.join(ROOT, "bin")


class Ran(NamedTuple):
    """How a program ended. status: below 0 for a signal; out: octets of stdout; words: text of stderr."""

    status: int
    out: bytes
    words: str


def environment(changes: Mapping[str, str | None] | None = None) -> dict[str, str]:
    """Return the environment of a program: the programs and this Python are found first. None removes a variable."""
    path = os.pathsep.join((BIN, os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)))
    changed = {**os.environ, "PATH": path, **(changes or {})}
    return {name: value for name, value in changed.items() if value is not None}


def run(
    program: str, *options: str, given: bytes = b"", env: Mapping[str, str | None] | None = None, **more: Any
) -> Ran:
    """Run a program to its end. given: octets of its stdin; env: changes to the environment; more: see subprocess."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more
    if "stdin" not in streams:
        streams["input"] = given
    done = subprocess.run([_path(program), *options], env=environment(env), timeout=PATIENCE, check=False, **streams)
    return Ran(done.returncode, done.stdout or b"", (done.stderr or b"").decode(errors="backslashreplace"))


def shell(script: str, given: bytes = b"", **more: Any) -> Ran:
    """Run a line of bash, for example a pipe; its status is that of the last program that failed."""
    return run("bash", "-o", "pipefail", "-c", script, given=given, **more)


def unread(pipe: Any) -> int:
    """Return how many octets wait in a pipe or a terminal, a descriptor or a file, that nobody has read."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def docs_script(name: str) -> Any:
    """Return a script of the docs folder as a module."""
    spec = importlib.util.spec_from_file_location(name, os.path.join(ROOT, "docs", f"{name}.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _path(program: str) -> str:
    return os.path.join(BIN, program) if program.startswith("han-") else program


class Running:
    """A program whose input and output the test holds; it is killed where the test leaves it."""

    def __init__(
        self, program: str, *options: str, env: Mapping[str, str | None] | None = None, **streams: Any
    ) -> None:
        """Start a program. streams: of subprocess.Popen, all three are pipes otherwise."""
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE) | streams
        self.process = subprocess.Popen([_path(program), *options], env=environment(env), **pipes)
        self.pid = self.process.pid

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream:
                stream.close()
        self.process.wait()

    def say(self, octets: bytes) -> None:
        """Write to its stdin, at once."""
        assert self.process.stdin
        view = memoryview(octets)
        while view:
            view = view[os.write(self.process.stdin.fileno(), view) :]

    def hear(self, size: int = 1) -> bytes:
        """Return what it writes to stdout, once that is so many octets."""
        return _read(self.process.stdout, lambda heard: len(heard) >= size)

    def line(self) -> bytes:
        """Return its next line on stdout, if it writes lines one at a time."""
        return _read(self.process.stdout, lambda heard: heard.endswith(b"\n"))

    def words(self, text: str) -> str:
        """Return what it writes to stderr, in whole lines, once the text is among it."""
        return _read(self.process.stderr, lambda heard: text.encode() in heard and heard.endswith(b"\n")).decode()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def end(self, octets: bytes = b"") -> Ran:
        """Write octets to its stdin, close that, and return how it ended and what it had still to say."""
        given = octets if self.process.stdin else None
        out, words = self.process.communicate(given, timeout=PATIENCE)
        return Ran(self.process.returncode, out or b"", (words or b"").decode())


def _read(file: Any, enough: Callable[[bytes], bool]) -> bytes:
    """Read from a pipe until it is enough."""
    heard = b""
    end = time.monotonic() + PATIENCE
    while not enough(heard):
        ready, _, _ = select.select([file], [], [], max(0.0, end - time.monotonic()))
        assert ready, f"nothing more came after {heard!r}"
        octets = os.read(file.fileno(), 65536)
        assert octets, f"it ended after {heard!r}"
        heard += octets
    return heard


def wait_until(happened: Callable[[], object]) -> None:
    """Wait for something of which no descriptor tells."""
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def handles(pid: int, number: signal.Signals) -> bool:
    """Return whether a process has set a handler for a signal: a program does before it reads."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        caught = next(line for line in file if line.startswith("SigCgt:")).split()[1]
    return bool(int(caught, 16) >> (number - 1) & 1)
