"""A server over HTTP that answers as it likes."""

import contextlib
import socket
import threading
import time

import pytest

from hanpipe.sinks.peer.http import Away, HttpPeer

PATIENCE = 0.4


def answering(*pieces, pause=0.05):
    """Serve one connection: read what comes, send the pieces, a pause in front of each; return the URL."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve():
        with listening, listening.accept()[0] as connection:
            connection.recv(65536)
            with contextlib.suppress(OSError):  # it has given up
                for piece in pieces:
                    time.sleep(pause)
                    connection.sendall(piece)

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{listening.getsockname()[1]}/base/"


def ask(url):
    return HttpPeer(url, "a URL", PATIENCE, None).exchange("GET", "/", {"Connection": "close"})


@pytest.mark.slow
@pytest.mark.parametrize("head", [b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 200 OK\r\nConnection: close\r\n"])
def test_an_answer_may_come_behind_its_head_also_where_the_connection_ends_with_it(head):
    assert ask(answering(head + b"\r\n", b"a bo", b"dy")) == (200, b"a body")
    assert ask(answering(head + b"Content-Length: 6\r\n\r\n", b"a bo", b"dy")) == (200, b"a body")


@pytest.mark.slow
def test_an_answer_that_drips_is_given_up():
    with pytest.raises(Away, match=r"no answer within 0\.4 s"):
        ask(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", *[b"x"] * 20))


@pytest.mark.parametrize("pieces", [[], [b"\r\n"], [b"SSH-2.0-dropbear\r\n"]])
def test_what_is_no_answer_is_none(pieces):
    with pytest.raises(Away):
        ask(answering(*pieces))


def test_a_url_has_a_host_and_no_login():
    peer = HttpPeer("https://host:81/a/b/", "a URL", PATIENCE, None)
    assert (peer.title, peer.origin, peer.path, peer.secure) == ("https://host:81/a/b", "https://host:81", "/a/b", True)
    for url in (
        "host:80",
        "ftp://host",
        "http://",
        "http://host/?a",
        "http://host/#a",
        "http://host:x",
        "http://a..b",
        "http://h/a b",
        "http://h/å",
    ):
        with pytest.raises(ValueError, match=r"expected|[Pp]ort"):
            HttpPeer(url, "a URL", PATIENCE, None)
    with pytest.raises(ValueError, match="belong in a file"):
        HttpPeer("http://me:secret@host", "a URL", PATIENCE, None)
