"""han-web as its users run it, and what a client of its page gets: figures at once, and only what is asked for."""

import contextlib
import datetime
import http.client
import json
import os
import pty
import re
import ssl

import pytest

from domoticz_server import self_signed
from hanpipe.sinks.web.site import _FILES
from needs import needs
from programs import PATIENCE, Running, run, shell, wait_until
from simulated import readings

UTC = datetime.UTC
NUMBER = "7359990000000001"
BEGIN = datetime.datetime(2026, 6, 20, tzinfo=UTC)


def reading(power=826, seconds=0, **more):
    time = (BEGIN + datetime.timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
    return json.dumps({"time": time, "meter_ID": NUMBER, "act_pow_pos": power} | more).encode() + b"\n"


class Web(Running):
    """han-web on a free port; the test is its pipe and its browser."""

    def __init__(self, folder, *options, **more):
        super().__init__(
            "han-web", "-v", "--listen", "0", "--store", f"{folder}/han-web.db", "--zone", "UTC", *options, **more
        )
        self.url = re.search(r"https?://\S+", self.words("/\n"))[0]
        self.port = int(self.url.rstrip("/").rpartition(":")[2])

    def connection(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def get(self, path, **headers):
        """Return the status, the headers and the body of an answer."""
        connection = self.connection()
        connection.request("GET", path, headers={"Host": f"localhost:{self.port}"} | headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()

    def history(self, question):
        return json.loads(self.get(f"/history?{question}")[2])


class Events:
    """A browser's stream of events."""

    def __init__(self, web):
        connection = web.connection()
        connection.request("GET", "/events")
        self._answer = connection.getresponse()
        assert self._answer.getheader("Content-Type") == "text/event-stream"
        self.house = self.next("house")

    def next(self, name="reading"):
        """Return the data of the next event with this name."""
        lines = []
        while (line := self._answer.readline()) != b"\n" or not lines:
            assert line, "the stream has ended"
            if line.startswith((b"event: ", b"data: ")):
                lines.append(line)
        return (
            json.loads(lines[1].removeprefix(b"data: ")) if lines[0] == f"event: {name}\n".encode() else self.next(name)
        )


# --- what the page gets ---


def test_a_reading_is_an_event_at_once(tmp_path):
    with Web(tmp_path) as web:
        events = Events(web)
        assert events.house == {"now": events.house["now"], "meters": [], "live": []}
        for power in (826, 0, 12_345):
            web.say(reading(power, act_pow_neg=0, volt_L1=236.2))
            live = events.next()
            assert (live["meter"], live["power"], live["phases"]) == (1, power, {"L1": [236.2, None, None]})
        assert Events(web).house["live"][0]["trail"][1] == [12_345]  # the last value of the second


def test_the_clock_of_the_meter_is_not_shown_for_long(tmp_path):
    with Web(tmp_path) as web:
        events = Events(web)
        web.say(reading(date_time="2026-06-20T02:00:00+02:00"))
        assert events.next()["clock"] == "2026-06-20T02:00:00+02:00"
        web.say(reading(seconds=70))
        assert events.next()["clock"] == ""


@pytest.mark.slow
def test_a_producer_shows_what_it_exports(tmp_path):
    with Web(tmp_path) as web:
        events = Events(web)
        web.say(reading(0, act_pow_neg=4000) + reading(0, 30, act_pow_neg=4000))
        live = events.next()
        while live["power_at"] < (BEGIN.timestamp() + 30) * 1000:
            live = events.next()
        assert live["power"] == -4000
        assert live["day"]["export"] == 33


def test_a_longer_history_is_an_event(tmp_path):
    with Web(tmp_path) as web:
        events = Events(web)
        web.say(reading() + reading(seconds=890) + reading(seconds=900))
        assert events.next("meters") == [{"meter": 1, "model": "", "first": "2026-06-20", "last": "2026-06-20"}]
        web.say(reading(seconds=86_400) + reading(seconds=87_300))
        while events.next("meters")[0]["last"] != "2026-06-21":
            pass


def test_meters_are_apart(tmp_path):
    with Web(tmp_path) as web:
        events = Events(web)
        web.say(reading(1))
        assert events.next()["meter"] == 1
        web.say(reading(2, meter_ID="7359990000000002", source="cabin"))
        assert [events.next()[name] for name in ("meter",)] == [2]
        assert [(one["meter"], one["power"]) for one in Events(web).house["live"]] == [(1, 1), (2, 2)]


def test_meters_have_numbers_in_the_order_in_which_they_were_heard(tmp_path):
    with Web(tmp_path, "--show-ids") as web:
        events = Events(web)
        web.say(b"".join(reading(meter_ID=f"{number}") for number in range(9, 0, -1)))
        heard = [events.next() for _ in range(9)]
    assert [(one["meter"], one["number"]) for one in heard] == [(number, f"{10 - number}") for number in range(1, 10)]


def test_a_reading_that_may_be_of_either_meter_is_in_the_history_of_neither(tmp_path):
    heard = ({"meter_ID": NUMBER, "act_pow_pos": 1000}, {"meter_ID": "2", "act_pow_pos": 100}, {"act_pow_pos": 9000})
    lines = [
        json.dumps({"time": (BEGIN + datetime.timedelta(seconds=10 * number)).isoformat()} | one).encode() + b"\n"
        for number in range(100)
        for one in heard
    ]
    with Web(tmp_path) as web:
        assert web.end(b"".join(lines)).status == 0
    with Web(tmp_path) as web:
        days = [web.history(f"meter={meter}&by=day&of=2026-06")[0] for meter in (1, 2)]
        assert [day["import_max"] for day in days] == [1000, 100]
        assert days[0]["import_wh"] == pytest.approx(10 * days[1]["import_wh"], abs=10)


def test_a_meter_with_long_names_is_the_same_one_live_and_in_the_history(tmp_path):
    names = {"source": "a/topic" * 20, "meter_ID": "7" * 100}
    with Web(tmp_path) as web:
        web.end(reading(**names) + reading(seconds=10, **names))
    with Web(tmp_path) as web:
        events = Events(web)
        web.say(reading(seconds=20, **names))
        assert [one["meter"] for one in events.house["meters"]] == [events.next()["meter"]] == [1]


def test_no_number_of_a_meter_leaves_the_program_unless_asked(tmp_path):
    for options, shown in ([], False), (["--show-ids"], True):
        with Web(tmp_path, *options) as web:
            events = Events(web)
            web.say(reading(source="cellar"))
            said = json.dumps([events.house, events.next(), Events(web).house])
            assert (NUMBER in said, "cellar" in said) == (shown, shown)
            assert web.end().status == 0


@pytest.mark.slow
def test_the_history_survives_the_program(tmp_path):
    lines = b"".join(readings(BEGIN, BEGIN + datetime.timedelta(days=3)))
    with Web(tmp_path) as web:
        assert web.end(lines).status == 0
    with Web(tmp_path, "--rule", "no") as web:
        assert Events(web).house["meters"] == [
            {"meter": 1, "model": "Aidon 6534", "first": "2026-06-20", "last": "2026-06-22"}
        ]
        hours, days = web.history("meter=1&by=hour&of=2026-06-20"), web.history("meter=1&by=day&of=2026-06")
        assert [len(hours), len(days)] == [24, 3]
        assert sum(one["import_wh"] for one in hours) == days[0]["import_wh"] > 1000
        assert sum(one["export_wh"] for one in hours) == days[0]["export_wh"] > 1000
        assert 200 < days[0]["l1_min"] < days[0]["l1"] < days[0]["l1_max"] < 260
        assert len(web.history("meter=1&by=peak&of=2026")[0]["peaks"]) == 3
        assert web.history("meter=2&by=month&of=2026") == []


def test_what_was_before_a_restart_counts_in_the_day(tmp_path):
    hour = b"".join(readings(BEGIN, BEGIN + datetime.timedelta(hours=1)))
    with Web(tmp_path) as web:
        web.end(hour)
    with Web(tmp_path) as web:
        events = Events(web)
        web.say(reading(1000, 3600))
        before = events.next()["before"]
        assert before["begin"] == BEGIN.timestamp() * 1000
        assert before["import"] == web.history("meter=1&by=day&of=2026-06")[0]["import_wh"]


def test_an_archive_that_is_shown_again_does_not_count_twice(tmp_path):
    hour = b"".join(readings(BEGIN, BEGIN + datetime.timedelta(hours=1)))
    shown = []
    for _ in range(2):
        with Web(tmp_path) as web:
            events = Events(web)
            web.say(hour)
            web.say(reading(0, 3600))
            while (live := events.next())["at"] < (BEGIN.timestamp() + 3600) * 1000:
                pass
            shown.append(live["day"]["import"] + live["before"]["import"])
            web.end()
    assert shown[0] <= shown[1] <= shown[0] * 1.3  # a quarter at most


@pytest.mark.slow
def test_a_store_that_cannot_be_read_is_an_answer_and_the_page_stays(tmp_path):
    with Web(tmp_path) as web:
        web.end(b"".join(readings(BEGIN, BEGIN + datetime.timedelta(days=30))))
    with open(tmp_path / "han-web.db", "r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * (os.path.getsize(file.name) - 8192))
    with Web(tmp_path) as web:
        status, _, words = web.get("/history?meter=1&by=month&of=2026")
        assert (status, words) == (503, f"{tmp_path}/han-web.db: database disk image is malformed\n".encode())
        assert web.get("/")[0] == 200


def test_all_lines_are_passed_on(tmp_path):
    lines = reading() + b"no reading\n" + reading(5)
    done = run("han-web", "--pass", "--listen", "0", "--store", f"{tmp_path}/x", given=lines)
    assert (done.status, done.out) == (0, lines)
    assert "skipped a line that is not a reading" in done.words


def test_periods_are_not_readings(tmp_path):
    readings_of_hours = b"".join(readings(BEGIN, BEGIN + datetime.timedelta(hours=3)))
    periods = run("han-every", "1h", given=readings_of_hours).out
    with Web(tmp_path) as web:
        done = web.end(periods)
    assert (done.status, done.words.count("\n")) == (1, 1)
    assert "skipped lines of han-every or han-peaks; expected the readings of han-fields" in done.words
    with Web(tmp_path) as web:
        assert Events(web).house["meters"] == []


@pytest.mark.parametrize(("options", "said"), [([], True), (["-q"], False)])
def test_on_a_terminal_the_address_is_printed(options, said, tmp_path):
    ours, theirs = pty.openpty()
    given = ["--listen", "0", "--store", f"{tmp_path}/x", *options]
    assert run("han-web", *given, given=reading(), stderr=theirs).status == 0
    os.close(theirs)
    words = b""
    with contextlib.suppress(OSError):  # the end of a terminal
        words = os.read(ours, 1000)
    os.close(ours)
    assert words.startswith(b"han-web: http://127.0.0.1:") is said


# --- who gets an answer ---


def test_every_answer_forbids_what_the_page_does_not_need(tmp_path):
    with Web(tmp_path) as web:
        web.say(reading())
        for path in (
            *_FILES,
            "/history?meter=1&by=month&of=2026",
            "/history",
            "/nothing",
            "/../site.py",
            "/page/index.html",
        ):
            status, headers, body = web.get(path)
            assert status == (200 if path in _FILES or "by=" in path else 400 if path == "/history" else 404)
            assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self';")
            assert "unsafe" not in headers["Content-Security-Policy"]
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert int(headers["Content-Length"]) == len(body)
        tag = web.get("/")[1]["ETag"]
        assert web.get("/", **{"If-None-Match": tag})[::2] == (304, b"")


def test_the_page_asks_no_other_server_for_anything(tmp_path):
    with Web(tmp_path) as web:
        for path in _FILES:
            text = web.get(path)[2].decode()
            named = set(re.findall(r"https?://[\w./-]+", text)) - {"http://www.w3.org/2000/svg"}
            assert named <= {"https://github.com/leeoniya/uPlot"}
        page = web.get("/")[2].decode()
        assert re.findall(r"<script(?! src=)|\son\w+=|style=|<style", page) == []


def test_a_name_that_is_not_ours_is_refused(tmp_path):
    with Web(tmp_path, "--proxied-as", "Han.Example.org") as web:
        for host, status in (
            ("localhost", 200),
            ("127.0.0.1:80", 200),
            ("han.example.org", 200),
            ("evil.example", 421),
        ):
            assert web.get("/", Host=host)[0] == status
        assert web.get("/events", Host="evil.example")[0] == 421


def test_a_login_is_asked_for(tmp_path):
    (tmp_path / "login").write_text("me:søppel\n")
    (tmp_path / "login").chmod(0o600)
    with Web(tmp_path, "--login", str(tmp_path / "login")) as web:
        good = "Basic bWU6c8O4cHBlbA=="
        for path in ("/", "/events", "/history?meter=1&by=month&of=2026", "/nothing"):
            for wrong in (
                {},
                {"Authorization": "Basic bWU6"},
                {"Authorization": good + "="},
                {"Authorization": "\xe9"},
            ):
                status, headers, _ = web.get(path, **wrong)
                assert (status, headers["WWW-Authenticate"][:5]) == (401, "Basic")
        assert web.get("/", Authorization=good)[0] == 200


def test_other_machines_may_look_with_a_login_over_tls(tmp_path):
    needs("openssl")
    certificate, _ = self_signed(tmp_path)
    secret = {"HAN_WEB_USER": "me", "HAN_WEB_PASSWORD": "secret"}
    given = ["--listen", "0.0.0.0:0", "--cert", certificate, "--key", f"{tmp_path}/server.key"]
    with Web(tmp_path, *given, env=secret) as web:
        assert web.url.startswith("https://0.0.0.0:")
        trusting = ssl.create_default_context(cafile=certificate)
        trusting.check_hostname = False
        connection = http.client.HTTPSConnection("127.0.0.1", web.port, timeout=PATIENCE, context=trusting)
        connection.request("GET", "/", headers={"Authorization": "Basic bWU6c2VjcmV0"})
        assert connection.getresponse().status == 200


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            "--listen 0.0.0.0:8089",
            "--listen 0.0.0.0: others can reach this address: use --login, --cert and --key; or a",
        ),
        ("--listen [::]:8089", "others can reach this address"),
        ("--listen example.org:1", "others can reach this address"),
        ("--listen 0.0.0.0:8089 --login {folder}/login", "others can reach this address"),
        ("--listen 0.0.0.0:8089 --cert c --key k", "others can reach this address"),
        ("--cert c", "--cert and --key belong together"),
        ("--listen x:y", "expected PORT or HOST:PORT, got 'x:y'"),
        ("--zone Mars", "expected a time zone such as Europe/Oslo, got 'Mars'"),
        ("--rule xx", "argument --rule: invalid choice: 'xx'"),
    ],
)
def test_wrong_options_are_one_line(options, words, tmp_path):
    (tmp_path / "login").write_text("me:secret")
    done = run("han-web", "--store", f"{tmp_path}/x", *options.format(folder=tmp_path).split(), given=reading())
    assert done.status == 2
    assert words in done.words.splitlines()[-1]
    assert not os.path.exists(f"{tmp_path}/x")


# --- when something is in the way ---


def test_a_port_in_use_is_named(tmp_path):
    with Web(tmp_path) as web:
        done = run("han-web", "--listen", str(web.port), "--store", f"{tmp_path}/y", given=reading())
        words = f"han-web: 127.0.0.1:{web.port}: address already in use; choose another port with --listen\n"
        assert (done.status, done.words) == (4, words)


@pytest.mark.parametrize("place", ["/proc/han-web.db", "/dev/null/han-web.db"])
def test_a_place_that_cannot_be_written_is_named(place):
    done = run("han-web", "--listen", "0", "--store", place, given=reading())
    assert (done.status, done.words.count("\n"), place in done.words) == (4, 1, True)


def test_the_store_goes_where_state_goes(tmp_path):
    for env, place in (
        ({"STATE_DIRECTORY": f"{tmp_path}/state:/other"}, "state/han-web.db"),
        ({"STATE_DIRECTORY": None, "XDG_STATE_HOME": f"{tmp_path}/xdg"}, "xdg/hanpipe/han-web.db"),
        ({"STATE_DIRECTORY": None, "XDG_STATE_HOME": None, "HOME": f"{tmp_path}"}, ".local/state/hanpipe/han-web.db"),
    ):
        assert run("han-web", "--listen", "0", given=reading(), env=env).status == 0
        assert (tmp_path / place).stat().st_mode & 0o777 == 0o600


def test_a_browser_that_leaves_and_one_that_does_not_read_cost_nothing(tmp_path):
    with Web(tmp_path) as web:
        Events(web)._answer.close()
        stuck = web.connection()
        stuck.request("GET", "/events")
        events = Events(web)
        for number in range(50):
            web.say(reading(number, 10 * number))
            while events.next()["power"] != number:
                pass
        assert web.end().status == 0
        stuck.close()


def test_after_a_signal_the_history_is_written(tmp_path):
    with Web(tmp_path) as web:
        events = Events(web)
        web.say(reading(1000) + reading(1000, 30))
        events.next()
        web.process.terminate()
        web.process.wait(PATIENCE)
        assert web.process.returncode == 0
    with Web(tmp_path) as web:
        assert web.history("meter=1&by=day&of=2026-06")[0]["import_wh"] > 0


@pytest.mark.slow
def test_a_file_that_grows_is_followed(tmp_path):
    file = tmp_path / "readings.jsonl"
    file.write_bytes(reading(1))
    with Web(tmp_path, "--follow", str(file)) as web:
        wait_until(lambda: Events(web).house["live"])
        with open(file, "ab") as more:
            more.write(reading(2, 10))
        wait_until(lambda: Events(web).house["live"][0]["power"] == 2)


@pytest.mark.slow
def test_the_whole_pipe_of_a_meter_that_sends_registers_once_an_hour(tmp_path):
    pipe = "han-fake --seed 4 --speed 0 -n 9000 | han-frame | han-decode | han-fields | han-web --listen 0"
    done = shell(f"{pipe} --store {tmp_path}/x")
    assert (done.status, done.words) == (0, "")
