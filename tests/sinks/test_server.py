"""The HTTP server of the sinks: what it answers, what it refuses, and that its bounds hold whatever clients do."""

import contextlib
import http.client
import json
import os
import re
import resource
import socket
import ssl
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domoticz_server import self_signed
from hanpipe.sinks.errors import Misconfigured
from hanpipe.sinks.peer import listener as listening
from hanpipe.sinks.peer.listener import MOST, UNTAKEN, Listener
from hanpipe.sinks.peer.server import LONGEST_HEAD, OK, Answer, Server
from hanpipe.sinks.peer.tls import server_context
from needs import needs
from programs import PATIENCE, Running, run, wait_until

LINE = b'{"act_pow_pos":826}\n'
METRIC = b"han_active_power_import_watts 826"


def echo(request):
    """Answer with the request; /live stays connected."""
    return Answer(OK, "application/json", json.dumps(request).encode(), stays=request.path == "/live")


@contextlib.contextmanager
def serving(**more):
    server = Server("127.0.0.1", 0, echo, **more)
    try:
        yield server
    finally:
        server.close()


def ask(port, octets, *, shut=False):
    """Return all that a client hears that sends these octets."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
        client.sendall(octets)
        if shut:
            client.shutdown(socket.SHUT_WR)
        heard = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := client.recv(65536):
                heard += piece
        return heard


def hear(client, end):
    """Return what a client hears up to these octets."""
    heard = b""
    while not heard.endswith(end):
        heard += client.recv(65536)
    return heard


def connect(port):
    return socket.create_connection(("127.0.0.1", port), PATIENCE)


# Its answers -----------------------------------------------------------------------------------------------------


def test_a_client_of_the_library_gets_the_answer():
    with serving() as server:
        client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        for _ in range(3):  # a connection each
            client.request("GET", "/a%20b?c=d", headers={"X-Meter": " 1 "})
            answer = client.getresponse()
            assert (answer.status, answer.getheader("Content-Type")) == (200, "application/json")
            path, query, headers = json.loads(answer.read())
            assert (path, query, headers["x-meter"]) == ("/a%20b", "c=d", "1")
        client.request("HEAD", "/a")
        assert client.getresponse().read() == b""


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (b"GET / HTTP/1.0\n\n", 200),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\nand a body that nobody reads", 200),
        (b"POST / HTTP/1.1\r\n\r\n", 405),
        (b"GET /\r\n\r\n", 400),
        (b"GET http://a/ HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno header\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * LONGEST_HEAD, 431),
    ],
)
def test_each_kind_of_request_has_its_status(octets, status):
    with serving() as server:
        for shut in (False, True):
            assert int(ask(server.port, octets, shut=shut).split()[1]) == status


@given(st.binary(max_size=200), st.booleans())
def test_any_octets_give_one_whole_answer_or_none(octets, whole):
    with serving() as server:
        heard = ask(server.port, octets + b"\r\n\r\n" * whole, shut=True)
        found = re.match(rb"HTTP/1\.1 \d{3} [\w ]+\r\n(?:[\w-]+: [^\r\n]+\r\n)+\r\n", heard)
        assert found if whole else found or not heard
        if found:
            assert len(heard) - found.end() == int(re.search(rb"Content-Length: (\d+)", heard)[1])


def test_a_request_may_come_octet_by_octet():
    with serving() as server, connect(server.port) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n":
            client.sendall(bytes([octet]))
        assert client.recv(65536).startswith(b"HTTP/1.1 200 OK")


def test_only_the_hosts_that_are_named_can_be_addressed():
    with serving(hosts=("localhost", "127.0.0.1", "[::1]")) as server:
        for host in ("localhost", "LOCALHOST:80", "127.0.0.1:9842", "[::1]:9842", "[::1]"):
            assert ask(server.port, f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()).startswith(b"HTTP/1.1 200")
        for headers in ("", "Host: evil.example\r\n", "Host: localhost.evil\r\n", "Host: a\r\nHost: localhost\r\n"):
            assert ask(server.port, f"GET / HTTP/1.1\r\n{headers}\r\n".encode()).startswith(b"HTTP/1.1 421")


def test_a_long_answer_reaches_a_client_that_reads_late():
    body = os.urandom(8_000_000)
    server = Server("127.0.0.1", 0, lambda _: Answer(OK, "application/octet-stream", body))
    with connect(server.port) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert ask(server.port, b"GET / HTTP/1.1\r\n\r\n").endswith(body)
        heard = b""
        while piece := client.recv(1 << 20):
            heard += piece
        assert heard.endswith(body)
    server.close()


def test_a_client_that_stays_gets_what_is_sent_from_then_on_until_the_end():
    with serving() as server, connect(server.port) as before, connect(server.port) as client:
        before.sendall(b"GET /live HTTP/1.1\r\n\r\n")
        hear(before, b"]")
        server.send(b"too early")
        hear(before, b"too early")
        client.sendall(b"GET /live HTTP/1.1\r\n\r\n")
        heard = hear(client, b"]")
        assert b"Content-Length" not in heard
        server.send(b"first,")
        server.send(b"last")
        server.close()
        while piece := client.recv(65536):
            heard += piece
        assert heard.endswith(b"]first,last")


def test_a_server_over_tls_answers_and_sends_like_one_without(tmp_path):
    needs("openssl")
    certificate, _ = self_signed(tmp_path)
    trusting = ssl.create_default_context(cafile=certificate)
    trusting.check_hostname = False
    with serving(tls=server_context(certificate, f"{tmp_path}/server.key")) as server:
        with trusting.wrap_socket(connect(server.port)) as client:
            client.sendall(b"GET /live HTTP/1.1\r\nX: " + b"x" * 5000 + b"\r\n\r\n")  # longer than a piece
            assert hear(client, b"]").startswith(b"HTTP/1.1 200 OK")
            assert ask(server.port, b"GET / HTTP/1.1\r\n\r\n") == b""  # not TLS
            server.send(b"x" * 100_000)
            heard = b""
            while len(heard) < 100_000:
                heard += client.recv(65536)
        with connect(server.port) as silent:
            silent.sendall(b"\x16\x03\x01")
            wait_until(
                lambda: server.send(b"x") or len(server) == 1
            )  # that the other has left shows when it is sent to
        wait_until(lambda: len(server) == 0)


@pytest.mark.parametrize("wrong", ["none", "text", "other"])
def test_a_certificate_that_cannot_be_used_is_named(wrong, tmp_path):
    needs("openssl")
    certificate, _ = self_signed(tmp_path)
    (tmp_path / "text").write_text("no certificate")
    (tmp_path / "deep").mkdir()
    self_signed(tmp_path / "deep")
    key = {"none": f"{tmp_path}/none", "text": f"{tmp_path}/text", "other": f"{tmp_path}/deep/server.key"}[wrong]
    with pytest.raises(Misconfigured, match=f"^{re.escape(f'{certificate}, {key}: ')}"):
        server_context(certificate, key)


# Its bounds ----------------------------------------------------------------------------------------------------------


def test_a_client_that_does_not_ask_is_disconnected_in_time(monkeypatch):
    monkeypatch.setattr(listening, "REQUEST", 0.2)
    with serving() as server, connect(server.port) as client:
        client.sendall(b"GET / HT")
        assert client.recv(100) == b""
        wait_until(lambda: len(server) == 0)


def test_a_client_that_does_not_take_its_answer_is_disconnected_in_time(monkeypatch):
    monkeypatch.setattr(listening, "ANSWER", 0.2)
    server = Server("127.0.0.1", 0, lambda _: Answer(OK, "text/plain", bytes(30_000_000)))
    with connect(server.port) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        wait_until(lambda: len(server) == 1)
        wait_until(lambda: len(server) == 0)
    server.close()


def test_a_client_that_stays_and_does_not_read_is_disconnected():
    server = Listener("127.0.0.1", 0)
    with connect(server.port) as idle, connect(server.port) as reading:
        wait_until(lambda: len(server) == 2)
        total = [0]

        def read():
            while piece := reading.recv(1 << 20):
                total[0] += len(piece)

        reader = threading.Thread(target=read)
        reader.start()
        sent = 0
        while len(server) == 2:
            server.send(bytes(65536))
            sent += 65536
            wait_until(lambda: total[0] >= sent)  # noqa: B023
        assert sent > UNTAKEN
        server.close()
        reader.join()
        assert total[0] == sent
        idle.close()


def test_places_are_bounded_and_those_who_stay_keep_theirs():
    server = Listener("127.0.0.1", 0)
    with contextlib.ExitStack() as stack:
        readers = [stack.enter_context(connect(server.port)) for _ in range(MOST)]
        wait_until(lambda: len(server) == MOST)
        assert connect(server.port).recv(1) == b""
        server.send(b"x")
        assert [reader.recv(1) for reader in readers] == [b"x"] * MOST
        readers[0].close()
        readers[1].shutdown(socket.SHUT_WR)  # it may still read
        while len(server) == MOST:
            server.send(b"y")
        assert readers[1].recv(1) == b"y"
    server.close()


def test_a_thousand_slow_clients_keep_nobody_out():
    """They take all places again and again, and each sends an octet at a time; scrapes are answered meanwhile."""
    with Running("han-prom", "--listen", "0", "--pass", "-v") as program, contextlib.ExitStack() as stack:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        port = int(re.search(r":(\d+)/metrics", program.words("/metrics"))[1])
        program.say(LINE)
        assert program.hear(len(LINE)) == LINE
        before = descriptors(program.pid), threads(program.pid)
        slow = []
        for number in range(1000):
            slow.append(stack.enter_context(connect(port)))
            for client in slow[number % 7 :: 50]:
                with contextlib.suppress(OSError):  # disconnected
                    client.send(b"G")
            if number % 50 == 49:
                assert METRIC in ask(port, b"GET /metrics HTTP/1.1\r\n\r\n")
                assert descriptors(program.pid) <= before[0] + MOST
                assert threads(program.pid) == before[1]
        assert program.end().status == 0


def test_a_lack_of_descriptors_is_outlived():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    server = Listener("127.0.0.1", 0)
    with socket.socket() as client:
        resource.setrlimit(resource.RLIMIT_NOFILE, (client.fileno(), hard))
        try:
            client.connect(("127.0.0.1", server.port))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        wait_until(lambda: len(server) == 1)
    server.close()


def test_han_p1_sends_its_last_telegram_before_it_ends():
    with Running("han-p1", "--listen", "0", "-v") as program:
        port = int(re.search(r":(\d+)\n", program.words("127.0.0.1:"))[1])
        with connect(port) as reader:
            heard = b""
            reader.settimeout(0.05)
            while not heard:  # until it is accepted
                program.say(LINE)
                with contextlib.suppress(TimeoutError):
                    heard = reader.recv(65536)
            reader.settimeout(PATIENCE)
            assert program.end(b'{"act_pow_pos":4321}\n').status == 0
            while piece := reader.recv(65536):
                heard += piece
        assert heard.rstrip().rpartition(b"/HAN5")[2].count(b"(04.321*kW)") == 1


@pytest.mark.parametrize("program", ["han-prom", "han-p1"])
def test_only_this_machine_can_connect_by_default(program):
    with Running(program, "--listen", "0", "-v") as running:
        port = int(re.search(r"127\.0\.0\.1:(\d+)", running.words("127.0.0.1:"))[1])
        with open(f"/proc/{running.pid}/net/tcp") as file:
            assert any(line.split()[1] == f"0100007F:{port:04X}" for line in file)
        assert run(program, "--listen", str(port)).status == 4


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def threads(pid):
    return len(os.listdir(f"/proc/{pid}/task"))
