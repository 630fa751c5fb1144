"""Look at han-mqtt and han-p1 in a real Home Assistant. Run by check.sh, in the tree that it makes.

Two simulated meters, one announced value by value, the other by --device-discovery, each through the whole pipe:

    han-fake | han-frame | han-decode | han-fields | (this script, which looks) | han-mqtt

A third one, whose registers come once an hour, ends in han-p1 --listen, which Home Assistant's own DSMR integration
reads, set up through its config flow. And some hours of a fourth one become periods and peaks, published by han-mqtt.

These must hold: each value of the readings is an entity with the name, unit and classes that it should have, and its
state is what was read last; the DSMR integration shows what the meter sent, and registers that go on with the power;
periods and peaks are entities, and the energy of an hour begins anew with it; the energy dashboard takes the registers
and the energy of hours, and finds nothing wrong with them once they have statistics; entities come back after a restart
of Home Assistant, and are unavailable after a kill -9 of han-mqtt; and Home Assistant's log does not complain of any.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime
from decimal import Decimal

import websocket
from homeassistant import const

from broker import Mosquitto, free_port

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ["PATH"] = f"{ROOT}/bin:{os.environ['PATH']}"
LATE = 90.0  # s for anything but statistics
STATISTICS = 630.0  # s: they are made every five minutes, of the five before

# Field of a reading -> end of the unique_id, device class, state class, unit, and the power of ten from ours to that.
ENTITIES = {
    "act_pow_pos":      ("import_power", "power", "measurement", "W", 0),
    "act_pow_neg":      ("export_power", "power", "measurement", "W", 0),
    "react_pow_pos":    ("import_reactive_power", "reactive_power", "measurement", "var", 0),
    "react_pow_neg":    ("export_reactive_power", "reactive_power", "measurement", "var", 0),
    "curr_L1":          ("current_L1", "current", "measurement", "A", 0),
    "curr_L2":          ("current_L2", "current", "measurement", "A", 0),
    "curr_L3":          ("current_L3", "current", "measurement", "A", 0),
    "volt_L1":          ("voltage_L1", "voltage", "measurement", "V", 0),
    "volt_L2":          ("voltage_L2", "voltage", "measurement", "V", 0),
    "volt_L3":          ("voltage_L3", "voltage", "measurement", "V", 0),
    "act_energy_pos":   ("import_energy", "energy", "total_increasing", "kWh", -3),
    "act_energy_neg":   ("export_energy", "energy", "total_increasing", "kWh", -3),
    "react_energy_pos": ("import_reactive_energy", None, "total_increasing", "kvarh", -3),
    "react_energy_neg": ("export_reactive_energy", None, "total_increasing", "kvarh", -3),
}  # fmt: skip

# Key of the DSMR integration -> field of a reading, device class, state class, unit, power of ten from ours to that.
DSMR = {
    "current_electricity_usage":         ("act_pow_pos", "power", "measurement", "kW", -3),
    "current_electricity_delivery":      ("act_pow_neg", "power", "measurement", "kW", -3),
    "electricity_used_tariff_1":         ("act_energy_pos", "energy", "total_increasing", "kWh", -3),
    "electricity_delivered_tariff_1":    ("act_energy_neg", "energy", "total_increasing", "kWh", -3),
    "instantaneous_voltage_l1":          ("volt_L1", "voltage", "measurement", "V", 0),
    "instantaneous_voltage_l2":          ("volt_L2", "voltage", "measurement", "V", 0),
    "instantaneous_voltage_l3":          ("volt_L3", "voltage", "measurement", "V", 0),
}  # fmt: skip

# Part and object of a period's or a peak's entity -> field, device class, state class, unit, power of ten.
PERIODS = {
    ("1h", "delta_import_energy"):          ("act_energy_pos_delta", "energy", "total", "kWh", -3),
    ("1h", "delta_export_energy"):          ("act_energy_neg_delta", "energy", "total", "kWh", -3),
    ("1h", "delta_import_reactive_energy"): ("react_energy_pos_delta", None, "total", "kvarh", -3),
    ("1h", "import_energy"):                ("act_energy_pos", "energy", "total_increasing", "kWh", -3),
    ("1h", "import_power"):                 ("act_pow_pos", "power", "measurement", "W", 0),
    ("1h", "peak_import_power"):            ("act_pow_pos_max", "power", "measurement", "W", 0),
    ("1h", "lowest_voltage_L1"):            ("volt_L1_min", "voltage", "measurement", "V", 0),
    ("1h", "known"):                        ("known", None, "measurement", "%", 2),
    ("1h_running", "delta_import_energy"):  ("act_energy_pos_delta", "energy", "total", "kWh", -3),
    ("1h_running", "projected_import_energy"): ("projected", "energy", None, "kWh", -3),
    ("peaks_no", "peak"):                   ("peak", "power", "measurement", "W", 0),
    ("peaks_no", "peak_1"):                 ("peak_1", "power", "measurement", "W", 0),
    ("limit", "heading"):                   ("heading", "power", "measurement", "W", 0),
    ("limit", "limit"):                     ("limit", "power", "measurement", "W", 0),
}  # fmt: skip

CONFIGURATION = """\
homeassistant:
  name: Test
  country: "NO"
  currency: NOK
  time_zone: Europe/Oslo
api:
websocket_api:
recorder:
history:
energy:
"""


def main():
    print(f"Home Assistant {const.__version__}, Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory() as folder, Mosquitto(folder) as broker, HomeAssistant(folder, broker) as home:
        single = Pipe("aidon", 1, *mqtt(broker, "aidon"))
        by_device = Pipe("kamstrup", 2, *mqtt(broker, "kamstrup", "--device-discovery"))
        port = free_port()
        telegrams = Pipe("kaifa", 3, "han-p1", "--listen", str(port))
        hours = Hours("aidon", 4, *mqtt(broker, "hours"))
        with single, by_device, telegrams, hours:
            for pipe in (single, by_device):
                held(f"entities of {pipe}", home.entities_of, pipe)
            held("two meters without --meter have distinct entity ids", home.distinct, single, by_device)
            held(f"periods and peaks of {hours}", home.periods_of, hours)
            held(f"the DSMR integration reads {telegrams}", home.read_telegrams, telegrams, port)
            grid = home.use_in_dashboard(single, by_device, hours)
            held("statistics of the registers, nothing wrong with the energy dashboard", home.validate, grid)
            home.enable_voltages()
            home.restart()
            for pipe in (single, by_device):
                held(f"back after a restart: {pipe}", home.entities_of, pipe, quiet=True)
            held(f"back after a restart: {hours}", home.periods_of, hours, quiet=True)
            held(f"back after a restart, with voltages: {telegrams}", home.telegrams_of, telegrams, list(DSMR))
        for pipe in (single, by_device):
            held(f"unavailable after kill -9: {pipe}", home.unavailable, pipe)
        held("no word against it in the log", home.complaints)


def held(what, check, *arguments, quiet=False):
    """Print what holds, and what the check has found."""
    began = time.monotonic()
    found = check(*arguments)
    print(f"{time.monotonic() - began:5.1f} s  {what}")
    for line in () if quiet else found:
        print(f"         {line}")


def until(what, patience=LATE):
    """Return what() once it raises nothing."""
    end = time.monotonic() + patience
    while True:
        try:
            return what()
        except (OSError, AssertionError, KeyError):
            if time.monotonic() > end:
                raise
        time.sleep(0.2)  # no event tells that Home Assistant listens, or has taken a value


class Refused(AssertionError):
    """Home Assistant does not take a command."""


def mqtt(broker, client_id, *options):
    """Return the command of a han-mqtt."""
    return ["han-mqtt", "--port", str(broker.port), "--client-id", client_id, *options]


class Pipe:
    """A meter, and the pipe that reads it, as a user runs it; this script is the tee before the sink.

    last: field -> the value that was read last; seen: field -> all values that were read
    """

    def __init__(self, meter, number, *sink):
        self.last = {}
        self.seen = {}
        self._title = f"{meter} through {' '.join(sink)}"
        self._readings = self._command(f"han-fake --meter {meter} --number {number} --seed 1")
        self._sink = sink

    @property
    def number(self):
        return self.last["meter_ID"]

    def _command(self, fake):
        return f"{fake} | han-frame | han-decode | han-fields"

    def __str__(self):
        return self._title

    def __enter__(self):
        self._pipe = subprocess.Popen(["sh", "-c", self._readings], stdout=subprocess.PIPE, start_new_session=True)
        self._process = subprocess.Popen(self._sink, stdin=subprocess.PIPE)
        threading.Thread(target=self._pass, daemon=True).start()
        return self

    def __exit__(self, *error):
        """As a power cut."""
        self._process.kill()
        os.killpg(self._pipe.pid, signal.SIGKILL)
        self._process.wait()
        self._pipe.wait()

    def _pass(self):
        with contextlib.suppress(OSError):
            for line in self._pipe.stdout:
                self._take(json.loads(line, parse_float=Decimal))
                self._process.stdin.write(line)
                self._process.stdin.flush()

    def _take(self, reading):
        self.last = self.last | reading
        for field, value in reading.items():
            self.seen.setdefault(field, set()).add(value)


class Hours(Pipe):
    """Some hours of a meter in no time: their periods, the open one, the month's peaks and a warning.

    parts: part of the entities' ids -> the last line of this kind
    """

    def __init__(self, meter, number, *sink):
        super().__init__(meter, number, *sink)
        self.parts = {}

    def _command(self, fake):
        """Return a pipe of some hours of winter, without the one in which it ends, dated by the meter's clock."""
        return (
            f"{fake} -n 9000 --speed 0 --start 2026-01-12T15:00:00 | han-frame --no-time | han-decode | han-fields"
            " | han-every 1h --zone Europe/Oslo --running 599 | sed '$d' > /tmp/hours;"
            " cat /tmp/hours; han-peaks --rule no --changes --limit 1W /tmp/hours"
        )

    def repeat(self):
        """Send the open period once more: it is not retained, and a meter would send the next one."""
        self._process.stdin.write(json.dumps(self.parts["1h_running"], default=float).encode() + b"\n")
        self._process.stdin.flush()

    def _take(self, reading):
        super()._take(reading)
        rule, limit, running = ("rule" in reading, "limit" in reading, "running" in reading)
        part = "peaks_no" if rule else "limit" if limit else "1h_running" if running else "1h"
        self.parts[part] = reading


class HomeAssistant:
    """One Home Assistant, set up without a browser, with a user and a connection to the broker."""

    def __init__(self, folder, broker):
        self._folder = f"{folder}/home"
        self._port = free_port()
        self._token = ""
        self._number = 0
        os.makedirs(f"{self._folder}/.storage")
        with open(f"{self._folder}/configuration.yaml", "w") as file:
            file.write(f"{CONFIGURATION}http: {{server_host: 127.0.0.1, server_port: {self._port}}}\n")
        entry = {
            "entry_id": "mqtt", "domain": "mqtt", "title": "mqtt", "version": 1, "minor_version": 2,
            "data": {"broker": "127.0.0.1", "port": broker.port, "discovery": True,
                     "discovery_prefix": "homeassistant"},
            "options": {}, "subentries": [], "discovery_keys": {}, "source": "user", "unique_id": None,
            "disabled_by": None, "pref_disable_new_entities": False, "pref_disable_polling": False,
            "created_at": "2026-01-01T00:00:00+00:00", "modified_at": "2026-01-01T00:00:00+00:00",
        }  # fmt: skip
        stored = {"version": 1, "minor_version": 5, "key": "core.config_entries", "data": {"entries": [entry]}}
        with open(f"{self._folder}/.storage/core.config_entries", "w") as file:
            json.dump(stored, file)
        command = ["hass", "--script", "auth", "--config", self._folder, "add", "han", "pipe"]
        subprocess.run(command, check=True, capture_output=True)

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            stack.callback(self._stop)
            stack.callback(self._show)  # if it does not start
            self._start()
            stack.pop_all()
        return self

    def __exit__(self, *error):
        self._stop()

    def restart(self):
        self._stop()
        self._start()

    def _show(self):
        with open(f"{self._folder}/said") as file:
            print("Home Assistant's last words:", *file.readlines()[-20:])

    def _start(self):
        with open(f"{self._folder}/said", "a") as said:
            self._process = subprocess.Popen(["hass", "-c", self._folder], stdout=said, stderr=said)
        self._token = ""
        self._token = until(self._log_in)
        self._socket = websocket.create_connection(f"ws://127.0.0.1:{self._port}/api/websocket", timeout=LATE)
        assert json.loads(self._socket.recv())["type"] == "auth_required"
        self._socket.send(json.dumps({"type": "auth", "access_token": self._token}))
        assert json.loads(self._socket.recv())["type"] == "auth_ok"
        with contextlib.suppress(Refused):
            self._command("http/config/promote")  # newer ones give up within minutes an address that nobody confirms

    def _stop(self):
        self._process.terminate()
        self._process.wait(LATE)

    def _log_in(self):
        """Return a token for a user who has come by the page of the login."""
        client = f"http://127.0.0.1:{self._port}/"
        handler = {"client_id": client, "handler": ["homeassistant", None], "redirect_uri": client}
        flow = self._ask("/auth/login_flow", handler)
        login = {"client_id": client, "username": "han", "password": "pipe"}
        code = self._ask(f"/auth/login_flow/{flow['flow_id']}", login)["result"]
        form = urllib.parse.urlencode({"client_id": client, "grant_type": "authorization_code", "code": code})
        return self._ask("/auth/token", form.encode())["access_token"]

    def _ask(self, path, body=None):
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}{path}", data)
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        with urllib.request.urlopen(request, timeout=LATE) as answer:
            return json.load(answer)

    def _command(self, kind, **values):
        """Send a command over the websocket; return its result."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "type": kind, **values}))
        while (answer := json.loads(self._socket.recv())).get("id") != self._number or answer["type"] != "result":
            pass  # an event that was subscribed to before
        if not answer["success"]:
            raise Refused(answer)
        return answer["result"]

    def _named(self, pipe):
        """Return unique_id, without the meter's part -> entity_id."""
        front = f"hanpipe_{pipe.number}_"
        known = self._command("config/entity_registry/list")
        return {
            one["unique_id"].removeprefix(front): one["entity_id"]
            for one in known
            if one["unique_id"].startswith(front)
        }

    def distinct(self, *pipes):
        """All entity ids of a meter have its number, and none the _2 of a name that is taken; return one of each."""
        ids = [sorted(self._named(pipe).values()) for pipe in pipes]
        for pipe, own in zip(pipes, ids, strict=True):
            assert all(f"han_meter_{pipe.number[-8:]}" in one for one in own), own
            assert not [one for one in own if re.search(r"_[0-9]+$", one)], own
        return [own[0] for own in ids]

    def _states(self):
        return {one["entity_id"]: one for one in self._ask("/api/states")}

    def entities_of(self, pipe):
        """Wait until each field of the readings is an entity with its value; return a line each."""
        return until(lambda: self._compared(pipe))

    def _compared(self, pipe):
        assert pipe.last.keys() >= ENTITIES.keys(), "not all lists have come"
        names, states, last = self._named(pipe), self._states(), pipe.last
        got = [self._entity(states[names[wanted[0]]], last[field], *wanted[1:]) for field, wanted in ENTITIES.items()]
        clock = datetime.fromisoformat(last["date_time"])
        assert ("clock" in names) == (clock.tzinfo is not None), names
        if clock.tzinfo:
            state = states[names["clock"]]
            assert datetime.fromisoformat(state["state"]) == clock, (state, clock)
            got.append(self._words(state))
        return got

    def periods_of(self, hours):
        """Wait until periods and peaks are entities with their values; return a line each."""
        return until(lambda: self._periods(hours))

    def _periods(self, hours):
        assert set(hours.parts) == {"1h", "1h_running", "peaks_no", "limit"}, hours.parts.keys()
        hours.repeat()
        names, states, got = self._named(hours), self._states(), []
        for (part, name), (field, *wanted) in PERIODS.items():
            line = hours.parts[part]
            state = states[names[f"{part}_{name}"]]
            got.append(self._entity(state, line[field], *wanted))
            if wanted[1] == "total":
                reset = datetime.fromisoformat(state["attributes"]["last_reset"])
                assert reset == datetime.fromisoformat(line["begin"]), state
        warning = states[names["limit_above_limit"]]
        assert warning["attributes"]["device_class"] == "problem", warning
        assert warning["state"] == ("on" if hours.parts["limit"]["above_limit"] else "off"), warning
        assert all(f"han_meter_{hours.number[-8:]}" in name for name in names.values()), names
        return [*got, self._words(warning)]

    def read_telegrams(self, pipe, port):
        """Set up the DSMR integration as a user does, once the meter has sent its registers; return a line each."""
        until(lambda: pipe.last["act_energy_pos"])
        flow = self._flow("", handler="dsmr", show_advanced_options=False)
        assert flow["step_id"] == "user", flow
        flow = self._flow(flow["flow_id"], type="Network")
        flow = self._flow(flow["flow_id"], host="127.0.0.1", port=port, dsmr_version="5")
        assert flow["type"] == "create_entry", flow
        return self.telegrams_of(pipe, [key for key in DSMR if "voltage" not in key])

    def enable_voltages(self):
        """Enable the voltages of the DSMR integration from the next restart on: it leaves them to the user."""
        for key, name in self._of_platform("dsmr").items():
            if key in DSMR and "voltage" in key:
                self._command("config/entity_registry/update", entity_id=name, disabled_by=None)

    def _flow(self, number, **values):
        return self._ask("/api/config/config_entries/flow" + (f"/{number}" if number else ""), values)

    def _of_platform(self, platform):
        """Return key -> entity_id of the entities of an integration."""
        known = self._command("config/entity_registry/list")
        return {one["unique_id"].partition("_")[2]: one["entity_id"] for one in known if one["platform"] == platform}

    def telegrams_of(self, pipe, keys):
        """Wait until the DSMR integration shows what the meter sent; return a line each."""
        return until(lambda: self._telegrams(pipe, keys))

    def _telegrams(self, pipe, keys):
        names, states, got = self._of_platform("dsmr"), self._states(), []
        for key in keys:
            field, device_class, state_class, unit, power = DSMR[key]
            state = states[names[key]]
            attributes = state["attributes"]
            found = [attributes.get(name) for name in ("device_class", "state_class", "unit_of_measurement")]
            assert found == [device_class, state_class, unit], state
            assert state["state"] not in ("unknown", "unavailable"), state
            value = Decimal(state["state"]).scaleb(-power)
            if "energy" in field:  # the register, and what has flowed since at the highest power: ten minutes at most
                highest = max(pipe.seen[field.replace("energy", "pow")])
                assert pipe.last[field] <= value <= pipe.last[field] + highest / 6 + 1, (state, pipe.last[field])
            else:
                assert value in pipe.seen[field], (state, pipe.seen[field])
            got.append(self._words(state))
        return got

    def _entity(self, state, value, device_class, state_class, unit, power):
        attributes = state["attributes"]
        found = [attributes.get(key) for key in ("device_class", "state_class", "unit_of_measurement")]
        assert found == [device_class, state_class, unit], state
        assert state["state"] not in ("unknown", "unavailable"), state
        assert Decimal(state["state"]) == value * Decimal(10) ** power, (state, value)
        return self._words(state)

    def _words(self, state):
        got = [state["attributes"].get(key, "") for key in ("unit_of_measurement", "state_class", "device_class")]
        return f"{state['entity_id']:45} {state['state']} {' '.join(got)}"

    def use_in_dashboard(self, single, by_device, hours):
        """Take import and export of the meters as the grid of the energy dashboard; return their entities."""
        meters = [self._named(pipe) for pipe in (single, by_device)]
        flows = ("import_energy", "export_energy")
        meters.append({flow: self._named(hours)[f"1h_delta_{flow}"] for flow in flows})
        try:
            self._command("energy/save_prefs", energy_sources=[self._grid(names) for names in meters])
        except Refused:
            self._command("energy/save_prefs", energy_sources=[self._one_grid(meters)])
        return [names[flow] for names in meters for flow in flows]

    def _one_grid(self, meters):
        """Return the one grid that there may be in versions up to 2026.2, with a flow a meter and direction."""
        price = {"entity_energy_price": None, "number_energy_price": None}
        taken = [{"stat_energy_from": names["import_energy"], "stat_cost": None, **price} for names in meters]
        given = [{"stat_energy_to": names["export_energy"], "stat_compensation": None, **price} for names in meters]
        return {"type": "grid", "flow_from": taken, "flow_to": given, "cost_adjustment_day": 0}

    def _grid(self, names):
        """Return a meter as a grid."""
        prices = ("stat_cost", "stat_compensation", "entity_energy_price", "number_energy_price")
        more = ("entity_energy_price_export", "number_energy_price_export")
        flows = {"stat_energy_from": "import_energy", "stat_energy_to": "export_energy", "stat_rate": "import_power"}
        got = {key: names.get(one) for key, one in flows.items()} | dict.fromkeys(prices + more)
        return {"type": "grid", **got, "cost_adjustment_day": 0}

    def validate(self, entities):
        """Wait until the registers have statistics; return what energy/validate says of them: nothing."""
        self._command("subscribe_events", event_type="recorder_5min_statistics_generated")
        before = got = self._command("energy/validate")
        end = time.monotonic() + STATISTICS
        while issues(got):
            assert issues(got) == {"statistics_not_defined"}, got
            assert time.monotonic() < end, got
            self._socket.settimeout(end - time.monotonic())
            self._socket.recv()
            got = self._command("energy/validate")
        lines = [f"energy/validate: {json.dumps(got)}; before: {', '.join(sorted(issues(before))) or 'nothing'}"]
        for one in self._command("recorder/list_statistic_ids"):
            if one["statistic_id"] in entities:
                assert one["has_sum"], one
                lines.append(f"{one['statistic_id']:50} a sum, in {one['statistics_unit_of_measurement']}")
        assert len(lines) == 1 + len(entities)
        return lines

    def unavailable(self, pipe):
        """Wait until no entity of the meter has a value."""
        names = self._named(pipe).values()
        until(lambda: self._all_unavailable(names))
        return []

    def _all_unavailable(self, names):
        states = {name: self._states()[name]["state"] for name in names}
        assert set(states.values()) == {"unavailable"}, states
        return True

    def complaints(self):
        """Return how much the log says; raise what it says of our messages."""
        with open(f"{self._folder}/said") as file:
            said = [line.strip() for line in file if re.search("WARNING|ERROR", line)]
        ours = [
            line
            for line in said
            if re.search(r"mqtt|dsmr|hanpipe|han_meter|components\.(sensor|energy|recorder)", line)
        ]
        assert not ours, ours
        return [f"{len(said)} warnings and errors, of its own"]


def issues(got):
    """Return the types of the issues that energy/validate tells, whatever they are of."""
    return {issue["type"] for of_kind in got.values() for of_one in of_kind for issue in of_one}


if __name__ == "__main__":
    try:
        main()
    except AssertionError as error:
        sys.exit(f"FAILED: {error}")
