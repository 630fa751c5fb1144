"""Take a picture of the page of han-web for the README: docs/pictures/han-web.png, always of the same house."""

import datetime
import os
import re
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [f"{ROOT}/tests", f"{ROOT}/lib"]

from browser import Browser  # noqa: E402
from programs import Running  # noqa: E402
from simulated import readings  # noqa: E402

PICTURES = f"{ROOT}/docs/pictures"
OSLO = datetime.timezone(datetime.timedelta(hours=2))
NOON = datetime.datetime(2026, 5, 21, 12, 34, tzinfo=OSLO)


def web() -> None:
    """Take a picture of the page of han-web: a month of history, then nine minutes."""
    live = NOON - datetime.timedelta(minutes=9)
    with tempfile.TemporaryDirectory() as folder, Browser() as browser:
        options = ["-v", "--listen", "0", "--store", f"{folder}/store", "--zone", "Europe/Oslo", "--rule", "no"]
        with Running("han-web", *options) as past:
            past.end(b"".join(readings(NOON - datetime.timedelta(days=30), live)))
        with Running("han-web", *options) as now:
            url = re.search(r"http://\S+", now.words("/\n"))
            assert url
            now.say(b"".join(readings(live, NOON, 10)))
            browser.size(960, 1010)
            browser.locale("en-GB")
            browser.zone("Europe/Oslo")
            browser.open(url[0])
            browser.run("document.getElementById('view-day').click()")
            browser.wait("document.querySelector('#rows caption')?.textContent === 'Energy of each day'")
            browser.run("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
            browser.picture(f"{PICTURES}/han-web.png")


if __name__ == "__main__":
    os.makedirs(PICTURES, exist_ok=True)
    web()
