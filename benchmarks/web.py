"""How soon a reading is on the page of han-web, and what han-web takes while browsers look at it.

    benchmarks/web.py --clients 10 --seconds 60

Prints, as JSON lines, the time from a line to its figure on the page of a real browser (chromium), and once a minute
the RSS and CPU time of han-web with so many clients and a reading each 2.5 s.
"""

import argparse
import json
import os
import re
import statistics
import sys
import tempfile
import threading
import time
import urllib.request
from datetime import UTC, datetime

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [f"{ROOT}/tests", f"{ROOT}/lib"]

from browser import Browser  # noqa: E402
from programs import Running  # noqa: E402

PAUSE = 2.5  # s between two lists
READINGS = 100  # whose way to the page is measured
# Keeps, for each power that appears on the page, the time when it appears.
WATCH = """
window.seen = {};
new MutationObserver(() => { seen[document.getElementById("power").textContent.replace(/\\D/g, "")] ??= Date.now(); })
  .observe(document.getElementById("power"), { childList: true, characterData: true, subtree: true });
"""


def line(power: int) -> bytes:
    """Return a reading of now, as a three-phase meter sends it every ten seconds."""
    reading = {"time": datetime.now(UTC).isoformat(), "meter_ID": "7359990000000001", "act_pow_pos": power}
    reading |= {f"volt_L{phase}": 230.1 for phase in (1, 2, 3)} | {f"curr_L{phase}": 4.2 for phase in (1, 2, 3)}
    return json.dumps(reading).encode() + b"\n"


def until_shown(web: Running, url: str) -> dict[str, float]:
    """Return how long readings take to the page, ms."""
    with Browser() as browser:
        browser.open(url)
        browser.run(WATCH)
        sent = {}
        for power in range(1000, 1000 + READINGS):
            sent[power] = time.time()
            web.say(line(power))
            time.sleep(0.05)
        browser.wait(f"seen[{1000 + READINGS - 1}]")
        seen = browser.run("seen")
    took = sorted(seen[str(power)] - at * 1000 for power, at in sent.items() if str(power) in seen)
    return {"readings": len(took), "median_ms": round(statistics.median(took), 1), "p95_ms": round(took[-5], 1)}


def listen(url: str, heard: list[int]) -> None:
    """Read the events of the page for ever."""
    with urllib.request.urlopen(f"{url}events", timeout=3600) as events:
        for octets in events:
            heard[0] += octets.startswith(b"event: reading")


def usage(pid: int) -> tuple[int, float]:
    """Return RSS in KiB, and CPU time in s."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        rss = next(int(row.split()[1]) for row in status if row.startswith("VmRSS"))
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        user, system = stat.read().rpartition(")")[2].split()[11:13]
    return rss, (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Run both measurements."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--clients", type=int, default=10)
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        Running("han-web", "-v", "--listen", "0", "--store", f"{folder}/x") as web,
    ):
        found = re.search(r"http://\S+", web.words("/\n"))
        assert found
        url = found[0]
        print(json.dumps(until_shown(web, url)), flush=True)
        heard = [0]
        for _ in range(options.clients):
            threading.Thread(target=listen, args=(url, heard), daemon=True).start()
        begin, sent = time.monotonic(), 0
        _, last = usage(web.pid)
        while (passed := time.monotonic() - begin) < options.seconds:
            web.say(line(2000 + sent % 5000))
            sent += 1
            time.sleep(PAUSE)
            if sent % round(60 / PAUSE) == 0:
                rss, cpu = usage(web.pid)
                row = {"minute": round(passed / 60), "rss_kib": rss, "cpu_percent": round((cpu - last) / 60 * 100, 2)}
                print(json.dumps(row | {"sent": sent, "heard": heard[0]}), flush=True)
                last = cpu


main()
