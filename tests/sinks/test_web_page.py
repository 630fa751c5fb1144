"""The page of han-web in a real browser: figures arrive, charts draw, and everybody can use it."""

import datetime
import json
import os
import re

import pytest

from browser import Browser
from conftest import ROOT
from needs import needs
from programs import Running
from simulated import readings

needs("chromium")

END = datetime.datetime(2026, 5, 21, 12, 34, tzinfo=datetime.UTC)
DAYS = datetime.timedelta(days=40)
AXE = f"{ROOT}/.venv/axe.min.js"
# View of the past -> the caption of its table
VIEWS = {
    "hour": "Energy of each hour",
    "day": "Energy of each day",
    "month": "Energy of each month",
    "peak": "Peaks",
    "volt": "Voltage",
}


class Web:
    """han-web, with a history of 40 days or without one, on a port that it keeps over restarts."""

    def __init__(self, folder, *, history=True):
        self._store = f"{folder}/han-web.db"
        self._port = "0"
        self._now = END
        self.start()
        if history:
            self.running.end(b"".join(readings(END - DAYS, END, 600)))
            self.start()

    def start(self):
        options = ["-v", "--listen", self._port, "--store", self._store, "--zone", "UTC", "--rule", "no"]
        self.running = Running("han-web", *options)
        self.url = re.search(r"http://\S+", self.running.words("/\n"))[0]
        self._port = self.url.rstrip("/").rpartition(":")[2]

    def say(self, power, **more):
        """Send a reading, a second after the last one."""
        self._now += datetime.timedelta(seconds=1)
        time = self._now.isoformat()
        line = {
            "time": time,
            "meter_ID": "7359990000000001",
            "act_pow_pos": max(power, 0),
            "act_pow_neg": max(-power, 0),
        }
        self.running.say(json.dumps(line | more).encode() + b"\n")

    def go_on(self, hours):
        """Send a reading every minute for some hours."""
        for _ in range(60 * hours):
            self._now += datetime.timedelta(seconds=59)
            self.say(1000)


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    made = Web(tmp_path_factory.mktemp("web"))
    with made.running:
        yield made
    made.running.__exit__()


@pytest.fixture(scope="module")
def opened():
    with Browser() as browser:
        yield browser


@pytest.fixture
def browser(opened, web):
    """The browser on the page, which has a reading; no test may leave an error on the console."""
    opened.errors.clear()
    opened.size(1100, 900)
    opened.colours("light")
    opened.locale("en-GB")
    opened.zone("UTC")
    opened.open(web.url)
    web.say(1938, volt_L1=231.5, volt_L2=229.0, volt_L3=230.1, curr_L1=4.2, act_energy_pos=59203530)
    opened.wait("document.getElementById('power').textContent === '1,938\\u202fW'")
    yield opened
    opened.run("1")  # fetch the events until now
    assert opened.errors == []


def show(browser, view):
    """Choose a view of the past, and wait until its rows are there."""
    browser.run("document.getElementById('rows').replaceChildren()")
    browser.run(
        f"(() => {{ const one = document.getElementById('view-{view}'); one.checked = true;"
        " one.dispatchEvent(new Event('change', { bubbles: true })); })()"
    )
    browser.wait(f"document.querySelector('#rows caption')?.textContent === {VIEWS[view]!r}")


def inked(browser, chart):
    """Return how many different colours a chart has."""
    return browser.run(
        f"(() => {{ const one = document.querySelector('#{chart} canvas');"
        " const { data } = one.getContext('2d').getImageData(0, 0, one.width, one.height);"
        " return new Set(new Uint32Array(data.buffer)).size; })()"
    )


@pytest.mark.slow
def test_a_reading_appears_and_is_drawn(browser, web):
    web.say(-4321)
    browser.wait("document.getElementById('power').textContent === '4,321\\u202fW'")
    assert browser.text("direction") == "Exporting"
    assert browser.text("state") == "Live"
    assert browser.run("document.title").startswith("-4,321")
    assert "now -4,321" in browser.text("live-text")
    assert inked(browser, "live") > 10
    assert browser.run("[...document.querySelectorAll('#phase-rows th')].map((one) => one.textContent)") == [
        "L1",
        "L2",
        "L3",
    ]
    assert "59,203.53" in browser.text("about")
    assert "Hours of data" in browser.text("rows")


@pytest.mark.parametrize("view", VIEWS)
def test_the_past_is_a_chart_and_a_table(browser, view):
    show(browser, view)
    rows = browser.run("[...document.querySelectorAll('#rows tbody tr')].map((one) => one.textContent)")
    days = int(f"{END:%d}")
    expected = {"hour": END.hour + 1, "day": days, "volt": days}.get(view)
    assert len(rows) == expected or (expected is None and 1 <= len(rows) <= 3)
    assert all("–" not in row for row in rows)
    assert inked(browser, "chart") > 10
    assert re.search(r"\d", browser.text("past-text"))
    assert browser.run("document.getElementById('later').disabled")


def test_earlier_and_later_lead_through_the_past(browser):
    show(browser, "day")
    now = browser.text("of")
    assert now == f"{END:%B %Y}"
    browser.run("document.getElementById('earlier').click()")
    browser.wait(f"document.getElementById('of').textContent !== {now!r}")
    browser.run("document.getElementById('later').click()")
    browser.wait(f"document.getElementById('of').textContent === {now!r}")
    for _ in range(3):  # back to the first month, and no further
        browser.run("document.getElementById('earlier').click()")
    browser.wait("document.getElementById('earlier').disabled")
    browser.wait(f"document.getElementById('of').textContent === {f'{END - DAYS:%B %Y}'!r}")


@pytest.mark.slow
def test_the_past_goes_on_while_the_page_is_open(opened, tmp_path):
    days = [END + datetime.timedelta(days=number) for number in range(3)]

    def shows(day):
        opened.wait(f"document.getElementById('of').textContent.endsWith({f'{day.day} {day:%B %Y}'!r})")

    web = Web(tmp_path, history=False)
    with web.running:
        opened.locale("en-GB")
        opened.open(web.url)
        opened.wait("document.getElementById('past-text').textContent.startsWith('The history begins')")
        web.go_on(1)
        opened.wait("document.querySelector('#rows caption')?.textContent === 'Energy of each hour'")
        shows(days[0])
        assert opened.run("document.getElementById('later').disabled")
        web.go_on(12)  # over midnight
        shows(days[1])
        opened.run("document.getElementById('earlier').click()")
        shows(days[0])
        web.go_on(24)
        opened.wait(f"known[0].last === '{days[2]:%Y-%m-%d}'")
        shows(days[0])  # it was chosen
        opened.run("document.getElementById('later').click()")
        shows(days[1])
        assert not opened.run("document.getElementById('later').disabled")
    opened.errors.clear()  # that the server is gone


@pytest.mark.slow
def test_the_page_survives_a_restart_of_the_pipe(browser, web):
    web.running.process.terminate()
    browser.wait("document.getElementById('state').textContent.startsWith('Not connected')")
    assert browser.run("document.getElementById('state').classList.contains('wrong')")
    web.running.process.wait()
    web.start()
    web.say(555)
    browser.wait("document.getElementById('power').textContent === '555\\u202fW'")
    assert browser.text("state") == "Live"
    away = ("ERR_CONNECTION", "ERR_INCOMPLETE", "ERR_EMPTY_RESPONSE")
    assert all(any(word in error for word in away) for error in browser.errors)
    browser.errors.clear()  # that the server was away


def test_a_second_meter_can_be_chosen(browser, web):
    assert browser.run("document.getElementById('choice').hidden")
    web.say(77, meter_ID="7359990000000002", meter_model="CABIN")
    browser.wait("!document.getElementById('choice').hidden")
    names = browser.run("[...document.querySelectorAll('#meter option')].map((one) => one.textContent)")
    assert names == ["Meter 1, Aidon 6534", "Meter 2, CABIN"]
    browser.run("const box = document.getElementById('meter'); box.value = '2'; box.dispatchEvent(new Event('change'))")
    browser.wait("document.getElementById('power').textContent === '77\\u202fW'")
    assert "735999" not in browser.run("document.documentElement.innerHTML")
    # It has no history yet, and shows none of the first meter.
    browser.wait("document.getElementById('past-text').textContent.startsWith('The history begins')")
    assert browser.run("document.querySelectorAll('#rows tr, #legend li, #chart canvas').length") == 0
    assert browser.text("of") == ""
    browser.run("box.value = '1'; box.dispatchEvent(new Event('change'))")
    browser.wait("document.querySelectorAll('#rows tbody tr').length > 0")
    assert inked(browser, "chart") > 10


# --- for everybody ---


def test_numbers_and_dates_are_written_as_the_reader_writes_them(browser, web):
    browser.locale("de-DE")
    browser.open(web.url)
    browser.wait("document.getElementById('power').textContent === '1.938\\u202fW'")
    show(browser, "day")
    assert re.search(r"\d,\d\d\u202fkWh", browser.text("rows"))


def test_keys_reach_everything(browser):
    browser.run("document.body.focus()")
    reached = []
    while len(reached) < 12:
        browser.key("Tab")
        reached.append(browser.run("document.activeElement.id || document.activeElement.tagName"))
    for wanted in ("SUMMARY", "view-hour", "earlier"):
        assert wanted in reached, reached
    browser.run("document.getElementById('view-hour').focus()")
    browser.key("ArrowRight")
    browser.wait("document.getElementById('past-title').textContent === 'Energy of each day, kWh'")


@pytest.mark.slow
@pytest.mark.parametrize("width", [360, 1100])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out_of_a_telephone_or_a_screen(browser, scheme, width):
    browser.size(width, 800)
    browser.colours(scheme)
    for view in VIEWS:
        show(browser, view)
        browser.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert browser.run("document.documentElement.scrollWidth") == width


def test_dark_is_dark(browser):
    colours = []
    for scheme in ("light", "dark"):
        browser.colours(scheme)
        colours.append(browser.run("getComputedStyle(document.body).backgroundColor"))
    assert colours == ["rgb(246, 247, 249)", "rgb(20, 24, 29)"]


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_wrong(browser, scheme):
    if not os.path.exists(AXE):
        pytest.skip("axe-core is missing: make .venv/axe.min.js")
    browser.colours(scheme)
    with open(AXE, encoding="utf-8") as file:
        browser.run(file.read())
    for view in ("hour", "volt"):
        show(browser, view)
        browser.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        found = browser.run("axe.run().then((done) => done.violations)")
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []
        incomplete = browser.run("axe.run().then((done) => done.incomplete)")
        assert [one["id"] for one in incomplete if one["id"] != "color-contrast"] == []
