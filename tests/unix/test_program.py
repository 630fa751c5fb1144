"""The unix room, where no program need run: words for what went wrong, and hosts. test_bin.py runs the rest."""

import errno
import socket

import pytest

from hanpipe.unix.options import is_host
from hanpipe.unix.stderr import reason, say


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOENT, "whatever"), "no such file or directory"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "name or service not known"),
        (OSError("Closed by peer"), "closed by peer"),
    ],
)
def test_a_reason_is_in_words_whatever_numbered_it(error, words):
    assert reason(error) == words


@pytest.mark.parametrize("name", ["han.lan", "127.0.0.1", "::1", "fe80::1%eth0", "strøm.example"])
def test_a_host_is_a_name_or_an_address(name):
    assert is_host(name)


@pytest.mark.parametrize("name", ["", ".", "a..b", ".a", "x" * 64])
def test_what_no_look_up_takes_is_no_host(name):
    assert not is_host(name)


def test_no_message_moves_a_terminal_s_cursor_or_begins_a_line(capfd):
    say("han-x", "meter b\x1b[31m\x9b2J\nhan-x: forged, \udcff, strøm")
    assert capfd.readouterr().err == "han-x: meter b\\x1b[31m\\x9b2J\\nhan-x: forged, \\udcff, strøm\n"
