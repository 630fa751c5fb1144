"""Connections within a time of our own, whatever the name server does."""

import socket
import threading
import time

import pytest

from hanpipe.line.port import open_source
from hanpipe.line.settings import Line
from hanpipe.sinks.errors import Away
from hanpipe.sinks.peer.http import HttpPeer
from hanpipe.unix import connect as module
from hanpipe.unix.connect import NoAnswer, connect, look_up

NAME = "meter.example"


@pytest.fixture
def name_server(monkeypatch):
    """A name server that answers once the event is set; asked: how often it was asked."""
    answers, real, asked = threading.Event(), socket.getaddrinfo, []

    def look(host, *more, flags=0, **named):
        if host != NAME or flags:
            return real(host, *more, flags=flags, **named)
        asked.append(host)
        answers.wait()
        return real("127.0.0.1", *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", look)
    monkeypatch.setattr("hanpipe.line.port._CONNECT_PATIENCE", 0.05)
    answers.asked = asked
    yield answers
    answers.set()


def test_a_name_server_that_does_not_answer_is_given_up_and_asked_once(name_server):
    for _ in range(5):
        with pytest.raises(NoAnswer, match="did not answer in time"):
            connect(NAME, 80, 0.01)
    assert len(name_server.asked) == 1
    assert sum(isinstance(thread, module._LookUp) for thread in threading.enumerate()) == 1
    name_server.set()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        connect(NAME, port, 30).close()
    assert [address[4][0] for address in look_up(NAME, 80, 30)] == ["127.0.0.1"]
    assert not module._going


def test_all_that_connects_gives_up_in_time(name_server):
    with pytest.raises(Away, match="the name server did not answer in time"):
        HttpPeer(f"http://{NAME}:1", "", 0.05, None).exchange("GET", "/", {})
    for scheme in ("socket", "rfc2217"):
        with pytest.raises(NoAnswer):
            open_source(f"{scheme}://{NAME}:1", Line())


def test_an_address_asks_no_name_server_and_an_unknown_name_says_so(monkeypatch):
    monkeypatch.setattr(module, "_LookUp", pytest.fail)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        connect("127.0.0.1", listening.getsockname()[1], 30).close()
    monkeypatch.undo()
    with pytest.raises(socket.gaierror):
        connect("no-such-name.invalid", 80, 30)


def test_every_address_is_tried_until_one_answers_or_the_time_is_over(monkeypatch):
    def row(address):
        return (socket.AF_INET, socket.SOCK_STREAM, 6, "", address)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        open_address = listening.getsockname()
        monkeypatch.setattr(module, "look_up", lambda *_: [row(("127.0.0.2", open_address[1])), row(open_address)])
        connect(NAME, 1, 30).close()
        monkeypatch.setattr(module, "look_up", lambda *_: time.sleep(0.02) or [row(open_address)])
        with pytest.raises(TimeoutError):
            connect(NAME, 1, 0.01)
        monkeypatch.setattr(module, "look_up", lambda *_: [row(("127.0.0.2", open_address[1]))])
        with pytest.raises(ConnectionRefusedError):
            connect(NAME, 1, 30)


def test_an_address_that_swallows_what_is_sent_leaves_time_for_the_next_ones(monkeypatch):
    """And a kind of address that this machine does not have is passed over."""
    waited = []

    class Net(socket.socket):
        def connect(self, address):
            waited.append(self.gettimeout())
            if address[0] == "192.0.2.1":
                raise TimeoutError("timed out")
            super().connect(address)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        addresses = [("192.0.2.1", 80), ("192.0.2.1", 81), listening.getsockname()]
        rows = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in addresses]
        monkeypatch.setattr(module, "look_up", lambda *_: [(1000, socket.SOCK_STREAM, 6, "", ()), *rows])
        monkeypatch.setattr(module.socket, "socket", Net)
        opened = connect(NAME, 1, 120.0)
    assert [share <= most for share, most in zip(waited, (40, 60, 120), strict=True)] == [True] * 3
    assert opened.gettimeout() > 60
    opened.close()
