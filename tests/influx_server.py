"""Debian's InfluxDB 1 on loopback, for tests; it may be stopped and started again."""

import json
import subprocess
import time
import urllib.parse
import urllib.request

from broker import free_port
from needs import find
from patience import PATIENCE


class InfluxServer:
    """A real InfluxDB, whose files are in a directory."""

    def __init__(self, directory):
        self.url = f"http://127.0.0.1:{free_port()}"
        self.config = directory / "influxdb.conf"
        self.config.write_text(f"""
            reporting-disabled = true
            bind-address = "127.0.0.1:{free_port()}"
            [meta]
            dir = "{directory}/meta"
            [data]
            dir = "{directory}/data"
            wal-dir = "{directory}/wal"
            [monitor]
            store-enabled = false
            [http]
            bind-address = "{self.url[7:]}"
        """)
        self.start()

    def start(self):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen([find("influxd"), "-config", self.config], **quiet)
        answer(f"{self.url}/ping")

    def stop(self):
        self.process.kill()
        self.process.wait()

    def ask(self, question):
        """Return the rows of an answer."""
        query = urllib.parse.urlencode({"q": question, "db": "han", "epoch": "ns"}).encode()
        with urllib.request.urlopen(f"{self.url}/query", query) as answer:
            series = json.load(answer)["results"][0].get("series", [])
        return [tuple(row) for one in series for row in one["values"]]


def answer(url):
    """Return what a server answers, which may have to start."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(url) as answered:
                return answered.read()
        except OSError:
            assert time.monotonic() < end, url
            time.sleep(0.02)
