"""han-prom: what promtool finds good, and a real Prometheus scrapes."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import ROOT
from hanpipe.sinks.meter_finder import Whose
from hanpipe.sinks.prometheus.metrics import Metrics, metric
from hanpipe.unix.state import replace
from needs import find, needs
from programs import PATIENCE

PROGRAM = [sys.executable, f"{ROOT}/bin/han-prom"]
LIST_1 = b'{"time":"2026-11-22T10:15:04.123Z","act_pow_pos":826}\n'
LIST_3 = (
    b'{"time":"2026-11-22T10:15:06.123Z","meter_ID":"7359992890123456","meter_model":"6515","act_pow_pos":830,'
    b'"volt_L1":236.2,"curr_L1":-3.9,"act_energy_pos":21123450}\n'
)
SHOWN = """\
# HELP han_active_energy_import_joules_total Active energy import: register of the meter.
# TYPE han_active_energy_import_joules_total counter
han_active_energy_import_joules_total{meter_id="7359992890123456"} 76044420000
# HELP han_active_power_import_watts Active power import.
# TYPE han_active_power_import_watts gauge
han_active_power_import_watts{meter_id="7359992890123456"} 830
# HELP han_current_amperes Current of a phase.
# TYPE han_current_amperes gauge
han_current_amperes{meter_id="7359992890123456",phase="1"} -3.9
# HELP han_last_reading_timestamp_seconds When the last reading was sent.
# TYPE han_last_reading_timestamp_seconds gauge
han_last_reading_timestamp_seconds{meter_id="7359992890123456"} 1795342506.123
# HELP han_readings_total Readings of the meter so far.
# TYPE han_readings_total counter
han_readings_total{meter_id="7359992890123456"} 2
# HELP han_voltage_volts Voltage of a phase.
# TYPE han_voltage_volts gauge
han_voltage_volts{meter_id="7359992890123456",phase="1"} 236.2
"""


def run(lines, *arguments):
    """Run han-prom over pipes."""
    return subprocess.run([*PROGRAM, *arguments], input=lines, capture_output=True, timeout=PATIENCE)


def names():
    """Every name in docs/fields.md, tariffs up to 2, and some that no table knows."""
    with open(f"{ROOT}/docs/fields.md", encoding="utf-8") as file:
        rows = [line.split("|") for line in file if line.startswith("| `")]
    seen = {name for row in rows for name in re.findall(r"`(\w+)`", row[1])}
    return sorted(seen | {"act_energy_pos_T2", "gas_volume_2", "1-0:99.1.0", "#1", 'a "b"\\\n', "volt_L4", "curr_9"})


@pytest.fixture(scope="module")
def promtool():
    needs("promtool")
    return lambda text: subprocess.run(["promtool", "check", "metrics"], input=text.encode(), capture_output=True)


def samples(text):
    """Family and labels -> value, as text."""
    return dict(line.rpartition(" ")[::2] for line in text.splitlines() if not line.startswith("#"))


@pytest.fixture(scope="module")
def scraped():
    """A han-prom that listens and has taken the lists: its port."""
    port = free_port()
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([*PROGRAM, "--listen", str(port), "--pass"], **pipes) as process:
        process.stdin.write(LIST_1 + LIST_3)
        process.stdin.flush()
        assert process.stdout.readline() + process.stdout.readline() == LIST_1 + LIST_3
        yield port
    assert process.returncode == 0


@pytest.fixture(scope="module", autouse=True)
def prometheus(scraped, tmp_path_factory):
    """A real one that scrapes it: its host and port. It looks for the first time after 5 s: so it starts first."""
    if not find("prometheus"):
        yield None
        return
    directory = tmp_path_factory.mktemp("prometheus")
    address = f"127.0.0.1:{free_port()}"
    (directory / "prometheus.yml").write_text(
        "scrape_configs:\n- job_name: han\n  scrape_interval: 100ms\n  scrape_timeout: 100ms\n"
        f"  static_configs:\n  - targets: ['127.0.0.1:{scraped}']\n"
    )
    arguments = [f"--config.file={directory}/prometheus.yml", f"--storage.tsdb.path={directory}/data"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(["prometheus", *arguments, f"--web.listen-address={address}"], **quiet)
    yield address
    process.kill()
    process.wait()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


# The metrics ---------------------------------------------------------------------------------------------------------


def test_promtool_finds_every_name_good(promtool):
    metrics = Metrics(300)
    metrics.take(dict.fromkeys(names(), 5), 'a "b" \\', 0)
    text = metrics.text(0)
    assert len(samples(text)) == len(names()) + 1
    checked = promtool(text)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
    assert promtool(text.replace("_joules_total", "_watt_hours_total")).returncode != 0  # it looks


def test_no_two_names_are_one_series_and_totals_stand_apart_from_their_parts():
    made = [metric(name) for name in names()]
    assert len({(one.family, one.labels) for one in made}) == len(made)
    labels = {}
    for one in made:
        if one.family != "han_other" and "device" not in dict(one.labels):
            assert labels.setdefault(one.family, {name for name, _ in one.labels}) == {name for name, _ in one.labels}


def test_periods_and_peaks_are_families_of_their_own_which_stay_until_the_next(promtool):
    times = {"begin": "2026-11-22T10:00:00Z", "end": "2026-11-22T11:00:00Z"}
    hour = {name: 2 for name in names() if name not in ("running", "above_limit")} | {
        "gas_volume_delta": 3,
        "volt_L1_min": 4,
        "estimated": True,
    }
    metrics = Metrics(300)
    for number, line in enumerate(
        ({}, {"running": True}, {"rule": "no", "peak_2": 5}, {"above_limit": True, "limit": 7})
    ):
        metrics.take(hour | times | line if number < 2 else times | line, "m", 0)
    metrics.take({"act_pow_pos": 1, "gas_volume": 1}, "m", 0)
    text, later = metrics.text(0), metrics.text(301)
    assert promtool(text).returncode == 0
    found = samples(text)
    assert len(found) == len({name.partition("{")[0] for name in found}) + sum(
        len(group) - 1 for group in by_family(found).values()
    )
    for series, value in {
        'han_period_gas_cubic_meters{meter_id="m",period="1h"}': "3",
        'han_period_gas_cubic_meters_total{meter_id="m",period="1h"}': "2",
        'han_period_voltage_minimum_volts{meter_id="m",period="1h",phase="1"}': "4",
        'han_period_estimated{meter_id="m",period="1h"}': "1",
        'han_peaks_highest_watts{meter_id="m",rule="no",place="2"}': "5",
        'han_limit_exceeded{meter_id="m"}': "1",
        'han_active_power_import_watts{meter_id="m"}': "1",
    }.items():
        assert found[series] == value
    gone = found.keys() - samples(later).keys()
    assert {name.partition("{")[0] for name in gone if not name.startswith("han_running_")} == {
        "han_active_power_import_watts"
    }
    assert 'han_running_active_power_import_watts{meter_id="m",period="1h"}' in gone


def by_family(found):
    families = {}
    for name in found:
        families.setdefault(name.partition("{")[0], set()).add(name)
    return families


@given(st.integers(0, 10**12), st.decimals(0, 10**9, places=3))
def test_energy_is_exact_in_joules(register, heat):
    metrics = Metrics(300)
    metrics.take({"act_energy_pos": register, "heat_energy": heat, "act_energy_net": -1}, "", 0)
    seen = samples(metrics.text(0))
    assert int(seen["han_active_energy_import_joules_total"]) == 3600 * register
    assert Decimal(seen["han_heat_joules_total"]) == heat * 10**9
    assert seen["han_active_energy_net_joules"] == "-3600"


def test_a_gauge_that_is_not_sent_any_more_is_left_out_and_a_register_is_not():
    metrics = Metrics(300)
    assert metrics.until_stale(0) is None
    metrics.take({"act_pow_pos": 5, "volt_L1": 230, "act_energy_pos": 1}, "", 0)
    metrics.take({"act_pow_pos": 6}, "", 200)
    assert metrics.until_stale(200) == 100
    assert {"han_active_power_import_watts", 'han_voltage_volts{phase="1"}'} < set(samples(metrics.text(299)))
    assert 'han_voltage_volts{phase="1"}' not in samples(metrics.text(300))
    assert metrics.until_stale(300) == 200
    assert set(samples(metrics.text(500))) == {"han_active_energy_import_joules_total", "han_readings_total"}
    assert metrics.until_stale(500) is None


def test_what_came_before_the_meters_number_is_its():
    metrics = Metrics(300)
    metrics.take({"act_pow_pos": 5}, "", 0)
    metrics.take({"volt_L1": 230}, "a", 0)
    assert set(samples(metrics.text(0))) == {
        'han_active_power_import_watts{meter_id="a"}',
        'han_voltage_volts{meter_id="a",phase="1"}',
        'han_readings_total{meter_id="a"}',
    }
    metrics.take({"act_pow_pos": 7}, "b", 0)
    assert samples(metrics.text(0))['han_active_power_import_watts{meter_id="b"}'] == "7"


def test_what_is_of_no_one_meter_goes_to_none_that_comes_later():
    metrics, whose = Metrics(300), Whose(lambda message: None)
    for watts, who in enumerate([{"meter_ID": "a"}, {"meter_ID": "b"}, {}, {"meter_ID": "c"}]):
        reading = {"act_pow_pos": watts, f"volt_L{1 + watts % 3}": 230} | who
        metrics.take(reading, whose.of(reading), 0)
    shown = samples(metrics.text(0))
    assert shown["han_active_power_import_watts"] == "2"
    assert [name for name in shown if 'meter_id="c"' in name and "voltage" in name] == [
        'han_voltage_volts{meter_id="c",phase="1"}'
    ]
    assert shown['han_readings_total{meter_id="c"}'] == "1"


def test_a_meter_of_each_source_has_series_of_its_own():
    metrics = Metrics(300)
    for source, meter in (("house/1", ""), ("house/2", "7"), ("house/1", "7"), ("house/2", "7")):
        metrics.take({"source": source, "act_pow_pos": 5}, meter, 0)
    metrics.take({"source": "house/1", "act_pow_pos": 6}, "8", 0)
    assert {name: value for name, value in samples(metrics.text(0)).items() if "readings" in name} == {
        'han_readings_total{meter_id="7",source="house/1"}': "2",
        'han_readings_total{meter_id="8",source="house/1"}': "1",
        'han_readings_total{meter_id="7",source="house/2"}': "2",
    }


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr("hanpipe.sinks.prometheus.metrics.MOST_METERS", 1000)
    monkeypatch.setattr("hanpipe.sinks.prometheus.metrics._MOST_KEPT", 1500)
    metrics = Metrics(300)
    for number in range(3000):
        metrics.take({f"name{number}": 1}, "one", 0)
        metrics.take({"act_pow_pos": 1}, f"meter{number}", 0)
    assert len(samples(metrics.text(0))) < 3000
    assert len(metrics._meters) == 501  # "one" has 1,000 series
    for number in range(3000):
        metrics.take({"act_pow_pos": 1}, f"meter{number}", 0)
    assert len(metrics._meters) == sum(metrics._numbered.values()) == 1000


# The textfile --------------------------------------------------------------------------------------------------------


def test_the_textfile_shows_the_last_values(tmp_path, promtool):
    file = tmp_path / "han.prom"
    done = run(LIST_1 + b"\n" + LIST_3, "--textfile", file, "--pass")
    assert (done.returncode, done.stdout, done.stderr) == (0, LIST_1 + b"\n" + LIST_3, b"")
    assert file.read_text() == SHOWN
    assert promtool(SHOWN).returncode == 0
    assert os.listdir(tmp_path) == ["han.prom"]
    assert run(b"no reading\n", "--textfile", file).returncode == 1
    assert run(b'{"\\ud800":1}\n', "--textfile", file).returncode == 0
    assert file.stat().st_mode & 0o044 == 0o044 & ~current_umask()


def current_umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_who_reads_the_textfile_never_sees_half_of_it(tmp_path):
    file = tmp_path / "han.prom"
    replace(str(file), b"old\n", durable=False)
    with open(file) as reader:
        replace(str(file), b"new, and longer\n", durable=False)
        assert (reader.read(), file.read_text()) == ("old\n", "new, and longer\n")


def test_the_first_reading_is_in_the_file_at_once(tmp_path):
    file = tmp_path / "han.prom"
    with subprocess.Popen([*PROGRAM, "--textfile", file], stdin=subprocess.PIPE) as process:
        process.stdin.write(LIST_1)
        process.stdin.flush()
        end = time.monotonic() + PATIENCE
        while not file.exists():
            assert time.monotonic() < end
            time.sleep(0.01)
        assert "han_active_power_import_watts 826" in file.read_text()


def test_a_file_that_cannot_be_written_is_said_and_ends_nothing_before_the_end():
    done = run(LIST_1, "--textfile", "/no/such/place/han.prom", "--pass")
    assert (done.returncode, done.stdout) == (4, LIST_1)
    why = "/no/such/place/han.prom: no such file or directory\n"
    assert done.stderr.decode() == f"han-prom: {why}han-prom: not written at the end: {why}"


def test_a_directory_in_the_place_of_the_file_is_said_once(tmp_path):
    done = run(LIST_1, "--textfile", tmp_path)
    assert (done.returncode, done.stderr.decode()) == (
        4,
        f"han-prom: {tmp_path}: expected a file, found a directory\n",
    )


# The endpoint --------------------------------------------------------------------------------------------------------


def test_a_scrape_has_what_the_file_has(scraped):
    with urllib.request.urlopen(f"http://127.0.0.1:{scraped}/metrics") as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert answer.read().decode() == SHOWN
    head = urllib.request.Request(f"http://127.0.0.1:{scraped}/metrics", method="HEAD")
    assert urllib.request.urlopen(head).read() == b""
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"http://127.0.0.1:{scraped}/")
    with socket.create_connection(("127.0.0.1", scraped)) as silent:  # who says nothing stops nobody
        silent.sendall(b"GET /met")
        assert urllib.request.urlopen(f"http://127.0.0.1:{scraped}/metrics").status == 200
    done = run(LIST_1, "--listen", str(scraped))
    assert (done.returncode, b"address already in use" in done.stderr) == (4, True)


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        ["--listen", "x"],
        ["--listen", "1:99999"],
        ["--listen", "a..b:1"],
        ["--textfile", "x", "--stale", "0"],
        ["--pass"],
    ],
)
def test_usage(wrong):
    done = run(LIST_1, *wrong)
    assert (done.returncode, done.stdout) == (2, b"")


@pytest.mark.slow
def test_a_real_prometheus_scrapes_it(prometheus):
    needs("prometheus")
    found = wait_for(f"http://{prometheus}/api/v1/query?query=%7Bjob%3D%22han%22%7D")
    seen = {(one["metric"]["__name__"], one["metric"].get("phase")): one["value"][1] for one in found}
    assert seen["han_active_energy_import_joules_total", None] == "76044420000"
    assert seen["han_voltage_volts", "1"] == "236.2"
    assert seen["up", None] == "1"
    assert {one["metric"].get("meter_id") for one in found} == {None, "7359992890123456"}


def wait_for(url):
    """Return what Prometheus answers, once that has our metrics."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url) as answer:
                result = json.load(answer)["data"]["result"]
        except OSError:
            result = []
        if any(one["metric"]["__name__"].startswith("han_") for one in result):
            return result
        time.sleep(0.05)
    raise AssertionError("nothing scraped")
