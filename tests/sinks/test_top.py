"""han-top in a real terminal: what it shows, its keys, and that it leaves the terminal as it was."""

import datetime
import json
import os
import re
import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import ROOT
from needs import needs
from programs import docs_script, run
from terminal import PROMPT, Tmux

needs("tmux", "rich")

from hanpipe.periods.peaks import rules  # noqa: E402
from hanpipe.readings.flat import time_ns  # noqa: E402
from hanpipe.sinks.house.figures import Point  # noqa: E402  after needs
from hanpipe.sinks.house.house import HIGHEST_HOUR, House  # noqa: E402
from hanpipe.sinks.readings_in import ReadingReader  # noqa: E402
from hanpipe.sinks.top.chart import ASCII, BLOCKS, bar, columns, line  # noqa: E402
from hanpipe.sinks.top.screen import Settings, View, screen  # noqa: E402

START = datetime.datetime(2026, 3, 4, 8, 0, tzinfo=datetime.UTC)
SCREENS = os.path.join(ROOT, "tests", "sinks", "screens")
MINUTE = 60 * 10**9


def stamp(seconds):
    return (START + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def reading(seconds, power, meter="7359990000000001", **more):
    """A list of a meter in a house that exports when the power is below 0."""
    values = {"time": stamp(seconds), "meter_ID": meter, "meter_maker": "Maker", "meter_model": "M1"}
    powers = {"act_pow_pos": max(power, 0), "act_pow_neg": max(-power, 0)}
    phases = {f"curr_L{n}": round(power / 690 + n, 1) for n in (1, 2, 3)} | {f"volt_L{n}": 229.5 + n for n in (1, 2, 3)}
    return values | powers | phases | more


def house():
    """A morning: two hours of lists every 10 s, registers once an hour, some lists lost, a silence."""
    wh, sold = 31_250_000.0, 2_500_000.0
    for n in range(800):
        power = 400 + n % 50 * 8 + (4200 if n % 90 < 12 else 0) - (2600 if n > 740 else 0)
        wh, sold = wh + max(power, 0) / 360, sold + max(-power, 0) / 360
        registers = {"act_energy_pos": int(wh) // 10 * 10, "act_energy_neg": int(sold) // 10 * 10}
        if n not in (100, 101, 200, *range(300, 330)):
            yield reading(
                10 * n, power, **({"date_time": stamp(10 * n)[:-1] + "+00:00", **registers} if n % 360 == 1 else {})
            )


def text(readings):
    return "".join(json.dumps(one) + "\n" for one in readings)


@pytest.fixture
def morning(tmp_path):
    """A file with the readings of house()."""
    path = tmp_path / "morning.jsonl"
    path.write_text(text(house()))
    return str(path)


# --- characters ---


@given(st.floats(-1, 3), st.integers(0, 100))
def test_a_bar_is_never_longer_than_its_place(share, width):
    assert len(bar(share, width, BLOCKS)) == width
    assert bar(1, width, ASCII) == "#" * width


values = st.none() | st.integers(-5000, 20_000)


@given(st.lists(values, min_size=1, max_size=50), st.integers(1, 8), st.sampled_from([BLOCKS, ASCII]))
def test_a_line_is_higher_where_the_value_is_and_empty_only_where_it_is_not_known(line_of, height, glyphs):
    known = [value for value in line_of if value is not None]
    low, high = min([0, *known]), max([0, *known])
    rows = line(line_of, low, high, height, glyphs)
    assert [len(row) for row in rows] == [len(line_of)] * height
    levels = [sum(glyphs.levels.index(row[place]) for row in rows) for place in range(len(line_of))]
    assert [level == 0 for level in levels] == [value is None for value in line_of]
    ordered = sorted((value, level) for value, level in zip(line_of, levels, strict=True) if value is not None)
    assert [level for _, level in ordered] == sorted(level for _, level in ordered)
    if known and high > low:
        assert max(level for _, level in ordered) == height * (len(glyphs.levels) - 1) or max(known) < high


@given(st.lists(st.tuples(st.integers(0, 700), st.integers(0, 9000)), max_size=100), st.integers(1, 250))
def test_the_columns_of_the_line_hold_what_came_in_them(heard, count):
    now = 1_000 * MINUTE
    trail = sorted({now - seconds * 10**9: Point(now - seconds * 10**9, power) for seconds, power in heard}.values())
    made = columns(trail, now, count)
    assert len(made) == count
    assert {value is None for value in columns([], now, count)} == {True}
    if trail and trail[-1].at > now - 10 * MINUTE // count:
        assert made[-1] is not None or (now // (10 * MINUTE // count)) != trail[-1].at // (10 * MINUTE // count)
    known = [point.power for point in trail]
    assert all(min(known) - 1e-6 <= value <= max(known) + 1e-6 for value in made if value is not None)


def test_the_line_begins_with_the_last_power_before_it():
    now = 1_000 * MINUTE
    ago = [(10 * MINUTE, 5000), (9 * MINUTE + 10 * 10**9, 100), (8 * MINUTE - 10**9, 300)]
    made = columns([Point(now - age, power) for age, power in ago], now, 10)
    assert made == [100, 300, 300, *[None] * 7]


@given(st.integers(1, 300), st.integers(1, 100), st.text(max_size=300), st.integers(-(10**31), 10**31))
def test_no_row_is_wider_than_the_screen_whatever_a_meter_sends(width, height, name, number):
    shown = House()
    shown.add({"meter_ID": name, "meter_model": name, "date_time": name, "act_pow_pos": number, "curr_L1": number}, 0)
    [key] = shown.meters()
    settings = Settings(25.0, 5000, datetime.UTC, BLOCKS)
    rows = screen(shown.figures(key, 0), 0, settings, View(width, height, paused=True, unreadable=3))
    assert len(rows) == height
    assert all(row.cell_len <= width and row.plain.isprintable() for row in rows)


# --- the screen ---


def rows_of(readings, later=0, rule=HIGHEST_HOUR, fuse=25.0, limit=1000):
    """Return what a screen shows some seconds after the last of some readings, by the label of each row."""
    shown, now = House(rule=rule), 0
    for one in ReadingReader().feed(text(readings).encode()):
        now = time_ns(one.reading["time"])
        shown.add(one.reading, now)
    [key] = shown.meters()
    now += later * 10**9
    rows = screen(shown.figures(key, now), now, Settings(fuse, limit, datetime.UTC, BLOCKS), View(100, 30))
    return {row.plain[:14].strip(): row.plain[14:].rstrip() for row in rows}


def test_a_silent_meter_is_shown_as_silent():
    readings = [reading(10 * n, 900) for n in range(30)]
    assert rows_of(readings)["power now"] == "900 W  import"
    rows = rows_of(readings, 600)
    assert rows["power now"] == "900 W  import   SILENT for 10 min"
    assert rows["lists"] == "0 in the last minute   last 10 min ago   usually every 10 s"
    assert rows["L1"].endswith("10 min ago")


def test_a_limit_is_compared_with_the_power_and_with_the_hour():
    rows = rows_of([reading(10 * n, 1200) for n in range(30)])
    assert rows["limit 1 kW"].endswith("██  1.20 kW, 120%")
    assert rows["hour 08-09"].endswith("heading for 1.19 kWh above the limit")
    rows = rows_of([reading(10 * n, 1200) for n in range(30)], rule=rules()["be"])
    assert rows["08:00-08:15"].endswith("heading for 0.30 kWh (1.19 kW) above the limit")
    assert "above" not in rows_of([reading(10 * n, 1200) for n in range(30)], limit=1201)["hour 08-09"]


def test_the_peak_of_a_month_is_that_of_the_rule():
    readings = [reading(60 * n, 1200 if n < 60 else 3000) for n in range(130)]
    assert rows_of(readings)["month peak"] == "~3.00 kW   04 Mar 09:00"
    assert rows_of(readings, rule=rules()["se"])["month peak"] == "~2.10 kW   highest 3.00 kW, 04 Mar 09:00"


def test_values_that_a_meter_does_not_send_are_not_shown_as_zero():
    rows = rows_of([{"time": stamp(0), "meter_ID": "7359990000000001", "volt_L2": 231}])
    assert (
        rows["power now"] == rows["clock"].removesuffix(" yet") == rows["registers"].removesuffix(" yet") == "not sent"
    )
    assert rows["hour 08-09"] == rows["today"] == "not known"
    assert rows["fuse 25 A"] == "the meter sends no current"
    assert rows["L2"].split() == ["231.0", "V", "-"]
    assert rows["limit 1 kW"] == "the meter sends no power"
    assert not any("0 W" in row or "0.00 k" in row for row in rows.values())


def test_a_list_that_comes_once_an_hour_is_shown_with_its_age():
    readings = [reading(3600 * n, 900, date_time=stamp(3600 * n)) for n in range(5)]
    rows = rows_of(readings, 1800)
    assert rows["power now"] == "900 W  import   30 min ago"
    assert rows["clock"].endswith("30 min ago")
    assert rows["lists"] == "0 in the last minute   last 30 min ago   usually every 60 min"


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (200, 50)])
def test_the_screen_is_the_one_that_was_looked_at(tmp_path, morning, columns, rows):
    """UPDATE_SCREENS=1 writes what is shown into the files of screens/ instead; the diff is reviewed."""
    with Tmux(str(tmp_path), columns, rows) as terminal:
        terminal.type(f"clear; han-top --fuse 25 --limit 5kW {morning}")
        terminal.wait_for_prompt()
        shown = terminal.scrolled()
    shown = shown[shown.index(" han-top  Maker") : shown.index(PROMPT)]
    path = os.path.join(SCREENS, f"{columns}x{rows}.txt")
    if os.environ.get("UPDATE_SCREENS"):
        with open(path, "w", encoding="utf-8") as file:
            file.write(shown)
    with open(path, encoding="utf-8") as file:
        assert shown == file.read()


@pytest.mark.slow
def test_readings_are_shown_live_and_keys_work(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with Tmux(str(tmp_path)) as terminal:
        before = terminal.modes()
        terminal.type("clear; han-top < pipe")
        with open(tmp_path / "pipe", "w", buffering=1, encoding="utf-8") as pipe:
            terminal.wait_for("waiting for the first reading", "nothing for")
            assert terminal.is_alternate()
            assert not terminal.has_cursor()
            pipe.write(text([reading(0, 1234)]))
            terminal.wait_for("1,234 W  import", "Maker M1 7359990000000001", absent="tab next meter")
            pipe.write("this is not a reading\n")
            terminal.wait_for("input 1 unreadable")
            terminal.press("?")
            terminal.wait_for("keys and figures", "month peak   the highest hour", absent="1,234 W")
            terminal.press("x")
            terminal.wait_for("1,234 W  import")
            terminal.press("p")
            terminal.wait_for("PAUSED")
            pipe.write(text([reading(10, -77), reading(10, 55, "7359990000000002")]))
            terminal.wait_for("1,234 W  import", "PAUSED", "meter 1 of 2")
            terminal.press("p")
            terminal.wait_for("77 W  export", absent="PAUSED")
            terminal.press("Tab")
            terminal.wait_for("55 W  import", "7359990000000002", "meter 2 of 2")
            terminal.press("Tab")
            terminal.wait_for("77 W  export", "meter 1 of 2")
            terminal.press("q")
            shown = terminal.wait_for_prompt()
        assert "77 W" not in shown
        assert "skipped a line that is not a reading" in shown
        assert terminal.has_cursor()
        assert terminal.modes() == before


@pytest.mark.slow
def test_the_screen_follows_the_size_of_the_terminal(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with Tmux(str(tmp_path)) as terminal:
        terminal.type("han-top < pipe")
        with open(tmp_path / "pipe", "w", buffering=1, encoding="utf-8") as pipe:
            pipe.write(text([reading(0, 1234)]))
            for columns, rows in ((120, 40), (60, 15), (30, 5), (100, 30)):
                terminal.resize(columns, rows)
                terminal.wait_until(lambda shown, size=(columns, rows): is_whole(shown, *size))


def test_messages_of_other_programs_stay_below_the_screen(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "messages")
    with Tmux(str(tmp_path)) as terminal:
        terminal.type("(cat messages >&2 & cat pipe) | han-top")
        with (
            open(tmp_path / "messages", "w", buffering=1) as messages,
            open(tmp_path / "pipe", "w", buffering=1) as pipe,
        ):
            terminal.wait_for("waiting for the first reading")
            messages.write("han-read: /dev/HANserial: no such device\nhan-read: /dev/HANserial: back after 4 min\n")
            terminal.wait_for("back after")
            pipe.write(text([reading(0, 1234)]))
            shown = terminal.wait_for("1,234 W", "q quit")
        assert shown.splitlines()[21].startswith(" q quit")
        assert shown.splitlines()[22] == "han-read: /dev/HANserial: back after 4 min"


def is_whole(shown, columns, rows):
    """Tell whether a screen shows the power, a line that leaves its last column free, and the keys below."""
    lines, foot = shown.splitlines(), rows - 3 if rows >= 12 else rows - 1
    return "1,234 W" in shown and lines[1] == "─" * (columns - 1) and lines[foot].startswith(" q quit   p pause")


@pytest.fixture
def shown(tmp_path):
    """Return what a terminal shows after a reading was shown, something happened and han-top ended; check its modes."""

    def show(happen, start="exec han-top", status=0):
        os.mkfifo(tmp_path / "pipe")
        with Tmux(str(tmp_path)) as terminal:
            before = terminal.modes()
            terminal.type(f"clear; sh -c 'echo $$ > pid; {start} < pipe'; echo status $?")
            with open(tmp_path / "pipe", "w", buffering=1, encoding="utf-8") as pipe:
                pipe.write(text([reading(0, 1234)]))
                terminal.wait_for("1,234 W")
                assert terminal.modes() != before
                happen(terminal, pipe)
                screen = terminal.wait_for(f"status {status}\n")
            assert not terminal.is_alternate()
            assert terminal.has_cursor()
            assert terminal.modes() == before
        return screen

    return show


def test_sigterm_ends_it_and_leaves_the_terminal_as_it_was(tmp_path, shown):
    screen = shown(lambda terminal, pipe: os.kill(int((tmp_path / "pid").read_text()), signal.SIGTERM))
    assert "1,234 W" not in screen


def test_ctrl_c_ends_it_and_leaves_the_terminal_as_it_was(shown):
    assert "1,234 W" not in shown(lambda terminal, pipe: terminal.press("C-c"), "trap : INT; han-top")


def test_at_the_end_of_the_input_the_last_screen_stays(shown):
    screen = shown(lambda terminal, pipe: pipe.close())
    assert "1,234 W  import" in screen
    assert "q quit" not in screen
    assert "han-top: the input has ended; this was the last screen\nstatus 0\n" in screen


BROKEN = f"""
import sys
sys.path.insert(0, {os.path.join(ROOT, "lib")!r})
from hanpipe.sinks.house.house import House
from hanpipe.unix.launch import launch

class Broken(House):
    def add(self, reading, at):
        return super().add(reading, at) if reading["act_pow_pos"] != 666 else 1 / 0

sys.modules["hanpipe.sinks.house.house"].House = Broken
sys.argv = ["han-top"]
sys.exit(launch())
"""


def test_an_exception_leaves_the_terminal_as_it_was(tmp_path, shown):
    (tmp_path / "broken.py").write_text(BROKEN)
    screen = shown(lambda terminal, pipe: pipe.write(text([reading(0, 666)])), "exec python3 broken.py", 1)
    assert "ZeroDivisionError" in screen


@pytest.mark.slow
def test_ctrl_z_gives_the_terminal_back_until_the_shell_goes_on(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with Tmux(str(tmp_path)) as terminal:
        before = terminal.modes()
        terminal.type("clear; han-top < pipe")
        with open(tmp_path / "pipe", "w", buffering=1, encoding="utf-8") as pipe:
            pipe.write(text([reading(0, 1234)]))
            terminal.wait_for("1,234 W")
            terminal.press("C-z")
            assert "1,234 W" not in terminal.wait_for_prompt()
            assert terminal.modes() == before
            terminal.type("fg")
            terminal.wait_for("1,234 W", "q quit")
            pipe.write(text([reading(1, 55)]))
            terminal.wait_for("55 W")
            terminal.press("q")
            terminal.wait_for_prompt()
        assert terminal.modes() == before


# --- other terminals, and none ---


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "coloured", "plain"),
    [
        ({}, True, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, True, False),
        ({"TERM": "linux"}, True, True),
        ({"LC_ALL": None, "LANG": "C"}, True, True),
        ({"LC_ALL": None, "LANG": "C", "LC_CTYPE": "C.UTF-8"}, True, False),
        ({"LC_ALL": None, "LANG": "en_US.UTF-8"}, True, False),
    ],
)
def test_colours_and_blocks_are_those_that_the_terminal_has(tmp_path, changes, coloured, plain):
    (tmp_path / "one").write_text(text([reading(0, 1234)]))
    with Tmux(str(tmp_path), env=changes) as terminal:
        terminal.type("clear; han-top --follow --fuse 25 one")
        shown = terminal.wait_for("1,234 W", "q quit")
        colours = terminal.screen(colours=True)
    assert shown.isascii() == plain
    assert bool(re.search(r"\x1b\[[0-9;]*3[0-7]m", colours)) == coloured
    assert "\x1b[" in colours
    assert ("###" if plain else "███") in shown


def test_the_terminal_is_needed_and_nothing_else_is_written_to_it(tmp_path):
    given = text([reading(0, 1234)]).encode()
    done = run("han-top", given=given, start_new_session=True, env={"TERM": "xterm"})
    assert (done.status, done.out) == (4, b"")
    assert (
        done.words
        == "han-top: needs a terminal (/dev/tty: no such device or address); han-fields --text writes lines\n"
    )
    dumb = run("han-top", given=given, env={"TERM": "dumb"})
    assert (dumb.status, dumb.out) == (4, b"")
    assert dumb.words == "han-top: the terminal cannot show a screen ($TERM); han-fields --text writes lines\n"


@pytest.mark.slow
def test_lines_pass_on_while_the_screen_is_on_the_terminal(tmp_path, morning):
    with Tmux(str(tmp_path)) as terminal:
        terminal.type(f"clear; han-top --pass {morning} | cmp - {morning} && echo is $?")
        assert "month peak" in terminal.wait_for("is 0\n")
        terminal.type(f"clear; han-top --pass {morning} > /dev/full; echo it is $?")
        assert "standard output: no space left on device\n" in terminal.wait_for("it is 4\n")
        terminal.type("clear; han-top --pass < /dev/null")
        terminal.wait_for("--pass: standard output is the terminal, where the screen is")
        terminal.type("clear; han-top")
        terminal.wait_for("standard input is the terminal; pipe readings into han-top")


@pytest.mark.slow
def test_make_run_shows_a_screen_on_a_terminal_and_text_elsewhere(tmp_path):
    needs("make")
    with Tmux(str(tmp_path)) as terminal:
        terminal.type(f"clear; make -s -C {ROOT} run | head -n 1; echo done")
        terminal.wait_for("act_pow_", "done\n")
        terminal.type(f"clear; make -s -C {ROOT} run; echo status $?")
        terminal.wait_for("power now", "7359990000000001", "q quit")
        terminal.press("q")
        terminal.wait_for("status 0\n")


@pytest.mark.slow
def test_the_picture_of_the_readme_is_what_it_shows_now():
    def texts(svg):
        return re.findall(r"<text[^>]*>([^<]*)", svg)

    with open(os.path.join(ROOT, "docs", "pictures", "han-top.svg"), encoding="utf-8") as file:
        assert texts(file.read()) == texts(docs_script("picture_top").han_top()), "make pictures, and look at it"


def test_an_input_without_readings_says_so(tmp_path):
    with Tmux(str(tmp_path)) as terminal:
        terminal.type("clear; han-top /dev/null; echo status $?")
        shown = terminal.wait_for("status 1\n")
        assert "han-top: found no reading in the input; run han-fields first\nstatus 1\n" in shown
        terminal.type("clear; echo nonsense | han-top; echo then $?")
        shown = terminal.wait_for("then 1\n")
        assert "han-top: skipped a line that is not a reading; is the input from han-fields?\nthen 1\n" in shown
        (tmp_path / "periods").write_bytes(run("han-every", "1h", given=text([reading(0, 1234)]).encode()).out)
        terminal.type("clear; han-top periods; echo at last $?")
        shown = terminal.wait_for("at last 1\n")
        assert "han-top: skipped lines of han-every or han-peaks; expected" in shown


@pytest.mark.parametrize("power", ["0", "5 kV", "1e3", "-5kW", "k", "0.0001"])
def test_a_wrong_limit_says_what_was_expected(power):
    done = run("han-top", f"--limit={power}")
    assert done.status == 2
    assert f"expected a power such as 5kW or 5000W, got {power!r}" in done.words
