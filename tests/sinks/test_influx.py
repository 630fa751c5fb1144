"""han-influx: lines that a real InfluxDB takes, and a server that is away, slow, strict or closed to us."""

import argparse
import http.server
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker import free_port
from conftest import ROOT
from hanpipe.readings.flat import nanoseconds
from hanpipe.sinks.errors import Away, Refused, TooLarge, Wrong
from hanpipe.sinks.influx import sink as influx_sink
from hanpipe.sinks.influx.line_protocol import point
from hanpipe.sinks.influx.server import Influx
from hanpipe.sinks.meter_finder import Whose
from hanpipe.sinks.readings_in import ReadingReader
from influx_server import InfluxServer, answer
from needs import needs
from programs import PATIENCE, wait_until

PROGRAM = [sys.executable, f"{ROOT}/bin/han-influx"]
LIST_1 = b'{"time":"2026-11-22T10:15:04.123Z","act_pow_pos":826}\n'
LIST_2 = (
    b'{"time":"2026-11-22T10:15:06.123Z","meter_ID":"7359992890123456","meter_model":"6515","act_pow_pos":830,'
    b'"volt_L1":236.2}\n'
)
AT = 1795342504123000000


def run(lines, *arguments, **env):
    """Run han-influx over pipes."""
    return subprocess.run(
        [*PROGRAM, *arguments], input=lines, capture_output=True, timeout=PATIENCE, env={**os.environ, **env}
    )


def readings(count, **more):
    """Lines of readings, 2.5 s from each other."""
    start = 1_800_000_000
    result = [time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(start + 3 * number)) for number in range(count)]
    lines = [{"time": f"{at}.500Z", "act_pow_pos": number} | more for number, at in enumerate(result)]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


HOUR = b'{"time":"2026-11-22T11:00:00Z","begin":"2026-11-22T10:00:00Z","end":"2026-11-22T11:00:00Z",'


def test_periods_and_peaks_have_measurements_of_their_own():
    at = 1795345200 * 10**9
    done = run(
        HOUR + b'"act_pow_pos":826.5,"act_energy_pos_delta":827,"estimated":false}\n'
        + HOUR + b'"running":true,"projected":900}\n'
        + HOUR + b'"rule":"no","month":"2026-11","peak":4711.5}\n'
        + HOUR + b'"limit":5000,"above_limit":true}\n'
    )  # fmt: skip
    assert done.stdout.decode().splitlines() == [
        f"han_1h act_pow_pos=826.5,act_energy_pos_delta=827,estimated=false {at}",
        f"han_1h_running running=true,projected=900 {at}",
        f"han_peaks_no peak=4711.5 {at}",
        f"han_limit limit=5000,above_limit=true {at}",
    ]


# Lines ---------------------------------------------------------------------------------------------------------------


def test_lines_on_standard_output():
    done = run(LIST_1 + LIST_2 + b'{"meter_model":"6515"}\n' + LIST_1 + b'{"date_time":"2026-11-22T11:15:04","a":1}\n')
    assert done.stdout.decode().splitlines() == [
        f"han act_pow_pos=826 {AT}",
        f"han,meter_id=7359992890123456 act_pow_pos=830,volt_L1=236.2 {AT + 2 * 10**9}",
        f"han,meter_id=7359992890123456 act_pow_pos=826 {AT}",
        "han,meter_id=7359992890123456 a=1",
    ]
    assert (done.returncode, done.stderr) == (0, b"")
    assert run(LIST_1, "--measurement", "my power,W").stdout == b"my\\ power\\,W act_pow_pos=826 %d\n" % AT
    assert run(b'{"meter_model":"6515"}\n').stdout == b""
    assert run(b'{"\\ud800":1,"a\\udc00":2,"meter_ID":"\\ud800"}\n').stdout == b"han a=2\n"


def unescaped(text, marks):
    """Split at marks without a backslash before them, as InfluxDB does."""
    return [re.sub(rf"\\([{marks}])", r"\1", part) for part in re.split(rf"(?<!\\)[{marks}]", text)]


def test_the_source_is_a_tag_and_its_meters_are_kept_apart():
    assert point("han", "7", {"source": "house 1", "x": 1}) == "han,meter_id=7,source=house\\ 1 x=1"
    assert point("han", "", {"source": 5, "x": 1}) == "han x=1"
    whose = Whose(lambda text: None)
    for source in "ab":
        assert whose.of({"source": source, "meter_ID": source * 3}) == source * 3
    assert [whose.of({"source": source}) for source in "abc"] == ["aaa", "bbb", ""]
    assert whose.of({}) == ""


@given(
    st.text('a ,="#\u00e5\n\\', min_size=1),
    st.dictionaries(st.text('b ,="#1-0:.\n', min_size=1), st.integers() | st.decimals(-9999, 9999, places=4)),
)
def test_every_character_is_escaped_or_left_out(meter, numbers):
    text = point("han", meter, numbers)
    kept = {re.sub(r"[\x00-\x1f]", "", name): value for name, value in numbers.items()}
    kept.pop("", None)
    if not kept:
        assert text == ""
        return
    assert "\n" not in text
    head, fields = re.split(r"(?<!\\) ", text)
    pairs = [unescaped(pair, "=") for pair in re.split(r"(?<!\\),", fields)]
    result = {name.replace("\\,", ",").replace("\\ ", " "): value for name, value in pairs}
    assert set(result) == set(kept)
    assert all(re.fullmatch(r"-?\d+(\.\d+)?", value) for value in result.values())
    assert head.count("\\") - meter.count("\\") <= sum(map(meter.count, " ,="))


@pytest.mark.parametrize("text", ["a\\", "a\\\x00", "a\\\x00\\\n", "\x00a\\\ud800"])
def test_no_backslash_at_an_end_escapes_what_stands_behind(text):
    assert point("han", text, {"x": 1}) == "han,meter_id=a x=1"
    assert point("han", "", {text: 1}) == "han a=1"
    assert point(text, "", {"x": 1}) == "a x=1"


def test_time_is_when_the_frame_came_else_a_clock_that_warns_its_offset():
    local = {"date_time": "2026-11-22T11:15:04.123+01:00"}
    assert nanoseconds({"time": "2026-11-22T10:15:04.123Z"} | local) == AT
    assert nanoseconds(local) == AT
    assert nanoseconds({"date_time": "2026-11-22T11:15:04"}) is None
    assert nanoseconds({"time": 5, "date_time": "soon"}) is None
    assert nanoseconds({"time": "9999-01-01T00:00:00Z"}) is None


def test_a_reading_without_a_number_is_of_the_one_meter_heard():
    result = []
    whose = Whose(result.append)
    assert [whose.of(reading) for reading in ({}, {"meter_ID": "a"}, {}, {"meter_ID": 5}, {"meter_ID": "a"})] == [
        *["", "a", "a", "a", "a"]
    ]
    assert whose.of({"meter_ID": "b"}) == "b"
    assert [whose.of({}), whose.of({"meter_ID": "a"}), len(result)] == ["", "a", 1]


# Posting -------------------------------------------------------------------------------------------------------------


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Server:
    """Takes writes, or raises what it is given first."""

    title = "peer"

    def __init__(self):
        self.batches, self.trouble = [], []

    def write(self, lines):
        if self.trouble:
            raise self.trouble.pop(0)
        self.batches.append(lines)


class Program:
    """The part of a program that a sink uses."""

    def __init__(self):
        self.options = argparse.Namespace(measurement="m", interval=10, pass_on=True)
        self.said = []
        self.report = self.warn = lambda words: words in self.said or self.said.append(words)


@pytest.fixture
def posting(monkeypatch):
    monkeypatch.setenv("HANPIPE_PASS", "delivered")
    server, clock, program = Server(), Clock(), Program()
    return server, clock, program.said, influx_sink.InfluxSink(program, server, clock)


def numbered(*numbers):
    """Lines of readings, read; their points are points(...)."""
    return ReadingReader().feed(b"".join(b'{"time":"1970-01-01T00:00:00Z","a":%d}\n' % one for one in numbers))


def points(*numbers):
    return b"".join(b"m a=%d 0\n" % one for one in numbers)


def test_points_are_posted_in_batches_and_their_lines_delivered_after_them(posting):
    server, clock, _, sink = posting
    assert sink.seconds() is None
    sink.take(numbered(1))
    clock.now += 4
    sink.take(ReadingReader().feed(b"blank\n") + numbered(2))
    sink.turn()
    assert (sink.seconds(), server.batches, sink.delivered()) == (6, [], b"")
    clock.now += 6
    sink.turn()
    assert server.batches == [points(1, 2)]
    assert sink.delivered().count(b"\n") == 3
    assert (sink.seconds(), sink.counters()["posted"]) == (None, 2)
    sink.take(numbered(*[3] * (influx_sink.BATCH + 1)))
    assert sink.seconds() == 0
    sink.turn()
    assert server.batches[1:] == [points(*[3] * influx_sink.BATCH), points(3)]


def test_a_server_that_is_away_is_tried_with_growing_pauses_and_nothing_is_lost(posting):
    server, clock, said, sink = posting
    server.trouble = [Away("closed")] * 4
    sink.take(numbered(1))
    pauses = []
    clock.now += 10
    while server.trouble:
        sink.turn()
        pauses.append(sink._waiting.seconds())
        clock.now += max(10, pauses[-1])
        sink.take(numbered(2))
    sink.turn()
    assert pauses == [1, 2, 4, 8]
    assert server.batches == [points(1, 2, 2, 2, 2)]
    assert said == ["peer: closed; trying again", "peer: back after 40 s"]


def test_under_han_spool_nothing_is_given_up(posting):
    server, clock, said, sink = posting
    sink._queue._most = 100
    sink.take(numbered(*range(50)))
    assert (sink.delivered(), sink.counters()["given_up"], said) == (b"", 0, [])
    clock.now += 10
    sink.turn()
    assert (server.batches, sink.delivered().count(b"\n")) == ([points(*range(50))], 50)


def test_a_batch_that_is_refused_is_given_up_and_never_tried_again(posting):
    server, clock, said, sink = posting
    server.trouble = [Refused("bad"), Refused("worse")]
    for number in range(3):
        sink.take(numbered(number))
        clock.now += 10
        sink.turn()
    assert (server.batches, sink.counters()["refused"]) == ([points(2)], 2)
    assert sink.delivered().count(b"\n") == 3
    assert [words[:34] for words in said] == ["the server refused 1 reading, or a", "taken again"]


def test_a_batch_is_bounded_in_octets_and_cut_until_the_server_takes_it(posting):
    """A proxy may refuse large requests; only a reading that is too large by itself is given up."""
    server, clock, said, sink = posting
    write = server.write

    def refuse_large(lines):
        if len(lines) > 100_000:
            raise TooLarge("too large")
        write(lines)

    wide = b'{"time":"1970-01-01T00:00:00Z","%b":1}\n'
    sink.take(ReadingReader().feed(b"".join(wide % (b"a" * 1000) for _ in range(1500))))
    clock.now += 10
    sink.turn()
    sizes = [len(lines) for lines in server.batches]
    assert max(sizes) <= 500_000 < 2 * max(sizes)
    assert (sum(sizes), sink.counters()["posted"]) == (1500 * len(b"m %b=1 0\n" % (b"a" * 1000)), 1500)

    server.write = refuse_large
    lines = [wide % (b"a" * 1000)] * 700 + [wide % (b"b" * 200_000)] + [wide % (b"c" * 1000)] * 700
    sink.take(ReadingReader().feed(b"".join(lines)))
    clock.now += 10
    sink.turn()
    assert (sink.counters()["posted"], sink.counters()["refused"]) == (1500 + 1400, 1)
    assert said == ["the server refused 1 reading, or a part of that: too large", "taken again"]
    assert sink.delivered().count(b"\n") == 1500 + 1401


def test_what_must_be_changed_ends_at_first_and_is_waited_for_later(posting):
    server, clock, said, sink = posting
    server.trouble = [Wrong("no database")]
    sink.take(numbered(1))
    clock.now += 10
    with pytest.raises(Wrong):
        sink.turn()
    sink.turn()
    server.trouble = [Wrong("no database")]
    sink.take(numbered(2))
    clock.now += 10
    sink.turn()
    assert said == ["peer: no database; trying again"]
    assert sink.seconds() is not None


# A server of our own, strict about the request of version 2 -----------------------------------------------------------


class Strict(http.server.BaseHTTPRequestHandler):
    """Version 2's /api/v2/write, as its API page has it. The server's answers come first, then 204."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, self.headers["Authorization"], body))
        if self.server.hang.is_set():
            self.server.hang.wait()
            time.sleep(30)
        status, answer = self.server.answers.pop(0) if self.server.answers else (204, b"")
        if urllib.parse.urlsplit(self.path).path not in ("/api/v2/write", "/write"):
            status, answer = 404, b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *result):
        pass


@pytest.fixture
def server():
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Strict)
    made.requests, made.answers, made.hang = [], [], threading.Event()
    made.url = f"http://127.0.0.1:{made.server_port}"
    threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.mark.slow
def test_version_2_has_org_bucket_and_token(server, tmp_path):
    token = tmp_path / "token"
    token.write_text("s3cret==\n")
    token.chmod(0o600)
    arguments = ["--url", server.url, "--org", "my home", "--bucket", "han&co", "--pass"]
    done = run(LIST_1 + b"\n" + LIST_2, *arguments, "--login", token)
    assert (done.returncode, done.stdout, done.stderr) == (0, LIST_1 + b"\n" + LIST_2, b"")
    path, authorization, body = server.requests[0]
    assert urllib.parse.parse_qs(urllib.parse.urlsplit(path).query) == {
        "org": ["my home"],
        "bucket": ["han&co"],
        "precision": ["ns"],
    }
    assert authorization == "Token s3cret=="
    assert body.decode().splitlines() == [
        f"han act_pow_pos=826 {AT}",
        f"han,meter_id=7359992890123456 act_pow_pos=830,volt_L1=236.2 {AT + 2 * 10**9}",
    ]
    assert run(LIST_1, *arguments, HAN_INFLUX_TOKEN="env").returncode == 0
    for token in ("two\nlines", "t\u00f6ken"):
        done = run(LIST_1, *arguments, HAN_INFLUX_TOKEN=token)
        assert (done.returncode, done.stderr) == (3, b"han-influx: $HAN_INFLUX_TOKEN: expected one line, the token\n")
    (tmp_path / "han-influx").write_text("credential")
    assert run(LIST_1, *arguments, CREDENTIALS_DIRECTORY=str(tmp_path)).returncode == 0
    assert [request[1] for request in server.requests[1:]] == ["Token env", "Token credential"]


def test_version_1_has_database_and_login(server, tmp_path):
    login = tmp_path / "login"
    login.write_text("me:pass:word")
    login.chmod(0o644)
    done = run(LIST_1, "--url", server.url + "/influx/..", "--database", "x", "--login", login)
    assert (done.returncode, done.stderr.count(b"\n")) == (4, 2)
    done = run(LIST_1, "--url", server.url, "--database", "x", "--login", login)
    assert (done.returncode, b"chmod 600" in done.stderr) == (0, True)
    assert server.requests[-1][:2] == ("/write?db=x&precision=ns", "Basic bWU6cGFzczp3b3Jk")


@pytest.mark.parametrize(("status", "exits"), [(401, 5), (403, 5), (404, 4), (405, 4)])
def test_what_must_be_changed_ends_the_program(server, status, exits):
    server.answers = [(status, b'{"code":"x","message":"words of the server"}')]
    done = run(LIST_1, "--url", server.url)
    assert (done.returncode, done.stderr.count(b"\n")) == (exits, 1)
    assert (b"words of the server" in done.stderr) == (status != 405)
    assert len(server.requests) == 1


def test_a_batch_that_is_too_large_is_cut(server):
    server.answers = [(413, b"<html>413 Request Entity Too Large</html>")]
    done = run(LIST_1 + LIST_2, "--url", server.url, "--stats")
    assert (done.returncode, json.loads(done.stderr)["posted"]) == (0, 2)
    assert [body.count(b"\n") for *_, body in server.requests] == [2, 1, 1]


def test_a_refused_batch_is_passed_on_and_the_program_goes_on(server):
    server.answers = [(400, b'{"error":"field type conflict"}')]
    done = run(LIST_1, "--url", server.url, "--pass", "--stats")
    assert (done.returncode, done.stdout) == (0, LIST_1)
    assert b"field type conflict" in done.stderr
    assert b'"refused": 1' in done.stderr


@pytest.mark.slow
def test_at_the_end_it_is_tried_again_and_what_is_left_is_told(server):
    server.answers = [(503, b"")] * 3
    done = run(LIST_1 * 3, "--url", server.url, "--pass", HANPIPE_PASS="delivered")
    assert (done.returncode, done.stdout, len(server.requests)) == (4, b"", 2)
    assert b"answered 503; trying again" in done.stderr
    assert b"not posted at the end: 3 readings" in done.stderr


@pytest.mark.slow
def test_a_server_that_hangs_or_drips_is_given_up(server, monkeypatch):
    monkeypatch.setattr("hanpipe.sinks.influx.server.PATIENCE", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = Influx(f"http://127.0.0.1:{listening.getsockname()[1]}", {"db": "han"})
        with pytest.raises(Away, match="no answer"):
            client.write(b"x")
        dripping = threading.Thread(target=drip, args=[listening])
        dripping.start()
        with pytest.raises(Away):  # it drips for ever
            client.write(b"x")
        dripping.join()
    with pytest.raises(Away, match="refused"):
        client.write(b"x")


def drip(listening):
    """Answer an octet at a time, until the client has left."""
    listening.accept()[0].close()  # the client of before, which has left
    peer, _ = listening.accept()
    with peer:
        try:
            while True:
                peer.sendall(b"H")
                time.sleep(0.05)
        except OSError:
            pass


@pytest.mark.slow
@pytest.mark.parametrize("piped", [True, False])
def test_more_points_than_may_wait_are_all_posted(server, tmp_path, piped):
    """Only what waits counts: what was posted makes room, also for a sink that passes no lines on."""
    lines, file = readings(4500, **{letter * 500: 1 for letter in "abcd"}), tmp_path / "readings"
    file.write_bytes(lines)
    done = run(lines if piped else b"", "--url", server.url, "--stats", *([] if piped else [file]))
    assert sum(len(body) for *_, body in server.requests) > 8_000_000
    assert (done.returncode, json.loads(done.stderr)["posted"]) == (0, 4500)


def test_readings_without_a_time_are_not_posted(server):
    done = run(b'{"act_pow_pos":1}\n' * 3 + LIST_1, "--url", server.url, "--pass")
    assert done.stdout.count(b"\n") == 4
    assert server.requests[0][2].count(b"\n") == 1
    assert done.stderr.count(b"\n") == 2
    assert b"skipped 3 of 4 readings" in done.stderr
    assert done.returncode == 0


def test_readings_of_which_none_has_a_time_give_the_status_of_nothing(server):
    assert run(b'{"act_pow_pos":1}\n' * 3, "--url", server.url).returncode == 1


@pytest.mark.parametrize(
    "wrong",
    [
        ["--database", "x"],
        ["--interval", "5"],
        ["--url", "http://x", "--insecure"],
        ["--pass"],
        ["--url", "http://x", "--org", "x"],
        ["--url", "http://x", "--org", "x", "--bucket", "y", "--database", "z"],
        ["--url", "http://me:pw@x"],
        ["--url", "udp://x"],
        ["--measurement", ""],
        ["--measurement", "#han"],
    ],
)
def test_usage(wrong):
    done = run(LIST_1, *wrong)
    assert (done.returncode, done.stdout) == (2, b"")


# A real one ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    needs("influxd")
    made = InfluxServer(tmp_path_factory.mktemp("influx"))
    yield made
    made.stop()


@pytest.fixture
def real(running):
    """The real one, without a database."""
    yield running
    running.ask("DROP DATABASE han")


def test_a_real_one_takes_what_is_written(real):
    done = run(LIST_1, "--url", real.url)
    assert (done.returncode, b"CREATE DATABASE han" in done.stderr) == (4, True)
    real.ask("CREATE DATABASE han")
    strange = b'{"time":"2026-11-22T10:15:05Z","meter_ID":"a b,c=\\"d\\\\e","#1":1e3,"1-0:9 9,=":5,"volt_L1":236}\n'
    done = run(LIST_1 + strange + LIST_2, "--url", real.url, "--pass")
    assert (done.returncode, done.stderr.count(b"\n")) == (0, 1)  # two meters
    assert real.ask("SELECT act_pow_pos, volt_L1, meter_id FROM han") == [
        (AT, 826, None, None),
        (AT + 877_000_000, None, 236, 'a b,c="d\\e'),
        (AT + 2 * 10**9, 830, 236.2, "7359992890123456"),
    ]
    assert {name for name, kind in real.ask("SHOW FIELD KEYS") if kind == "float"} == {
        *["act_pow_pos", "volt_L1", "#1", "1-0:9 9,="]
    }


def test_a_real_one_refuses_a_conflict_and_takes_the_rest(real):
    real.ask("CREATE DATABASE han")
    urllib.request.urlopen(f"{real.url}/write?db=han", b"han act_pow_pos=1i 1800000000000000000").close()
    done = run(readings(2) + b'{"time":"2026-11-22T10:15:05Z","frequency":50}\n', "--url", real.url, "--pass")
    assert (done.returncode, done.stdout.count(b"\n")) == (0, 3)
    assert b"field type conflict" in done.stderr
    # It answers as soon as one shard refuses; the write to the other one may still be going on.
    wait_until(lambda: [row[1] for row in real.ask("SELECT frequency FROM han")] == [50])


@pytest.mark.slow
def test_a_real_one_that_is_away_for_a_while_gets_everything(real):
    """Killed in the middle; what was posted and what waits is there, once, in the end."""
    real.ask("CREATE DATABASE han")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    lines = readings(12_000)
    half = lines.index(b"\n", len(lines) // 2) + 1
    with subprocess.Popen([*PROGRAM, "--url", real.url, "--interval", "1", "--pass"], **pipes) as process:
        process.stdin.write(lines[:half])
        process.stdin.flush()
        passed = b"".join(process.stdout.readline() for _ in range(5000))
        real.stop()
        process.stdin.write(lines[half:])
        process.stdin.flush()
        assert b"trying again" in process.stderr.readline()
        real.start()
        passed += process.stdout.readline()
        assert b"back after" in process.stderr.readline()
        process.stdin.close()
        rest, words = process.stdout.read(), process.stderr.read()
    assert (process.returncode, words) == (0, b"")
    assert passed + rest == lines
    assert real.ask("SELECT count(act_pow_pos), sum(act_pow_pos) FROM han")[0][1:] == (12_000, sum(range(12_000)))


def test_a_real_victoria_metrics_takes_both_versions(tmp_path):
    """Another server of the same protocol; it too gets float fields only."""
    needs("victoria-metrics")
    url = f"http://127.0.0.1:{free_port()}"
    arguments = [f"-storageDataPath={tmp_path}", f"-httpListenAddr={url[7:]}", "-retentionPeriod=100y"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(["victoria-metrics", *arguments], **quiet) as process:
        try:
            answer(f"{url}/health")
            assert run(LIST_1, "--url", url).returncode == 0
            assert run(LIST_2, "--url", url, "--org", "o", "--bucket", "b").returncode == 0
            answer(f"{url}/internal/force_flush")
            found = answer(f"{url}/api/v1/export?match[]=" + urllib.parse.quote('{__name__!=""}'))
        finally:
            process.kill()
    result = [json.loads(line) for line in found.splitlines()]
    series = {(one["metric"]["__name__"], one["metric"].get("meter_id")): one["values"] for one in result}
    assert series == {
        ("han_act_pow_pos", None): [826],
        ("han_act_pow_pos", "7359992890123456"): [830],
        ("han_volt_L1", "7359992890123456"): [236.2],
    }
