"""Draw a month of a house for the README: docs/pictures/han-report.png, always of the same house."""

import datetime
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [f"{ROOT}/tests", f"{ROOT}/lib"]

from browser import Browser  # noqa: E402
from programs import run  # noqa: E402
from simulated import readings  # noqa: E402

PICTURES = f"{ROOT}/docs/pictures"
MAY = datetime.datetime(2026, 5, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))


def report() -> None:
    """Take a picture of the first three pictures of the page."""
    month = b"".join(readings(MAY, MAY + datetime.timedelta(days=31)))
    made = run("han-report", "--zone", "Europe/Oslo", "--rule", "no", given=month)
    page = os.path.join(PICTURES, "han-report.html")
    try:
        with open(page, "wb") as file:
            file.write(made.out)
        with Browser() as browser:
            browser.size(760, 1140)
            browser.open(f"file://{page}")
            browser.run("document.querySelector('figure').scrollIntoView()")
            browser.picture(f"{PICTURES}/han-report.png")
    finally:
        os.remove(page)


if __name__ == "__main__":
    os.makedirs(PICTURES, exist_ok=True)
    report()
