"""Look at han-mqtt in a real Home Assistant. Run by check.sh, in the tree that it makes.

Two meters made of software, one announced value by value, the other by --device-discovery, each through the whole pipe:

    han-fake | han-frame | han-decode | han-fields | (this script, which looks) | han-mqtt

These must hold: each value of the readings is an entity with the name, unit and classes that it should have, and its
state is what was read last; the energy dashboard takes the registers, and finds nothing wrong with them once they have
statistics; entities come back after a restart of Home Assistant, and are unavailable after a kill -9 of han-mqtt; and
Home Assistant's log has no word against any of it.
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
        single = Pipe(broker, "aidon", "7359990000000001")
        by_device = Pipe(broker, "kamstrup", "5700000000000001", "--device-discovery")
        with single, by_device:
            for pipe in (single, by_device):
                held(f"entities of {pipe}", home.entities_of, pipe)
            held("two meters without --meter have distinct entity ids", home.distinct, single, by_device)
            grid = home.use_in_dashboard(single, by_device)
            held("statistics of the registers, nothing wrong with the energy dashboard", home.validate, grid)
            home.restart()
            for pipe in (single, by_device):
                held(f"back after a restart: {pipe}", home.entities_of, pipe, quiet=True)
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


class Pipe:
    """A meter, and the pipe that reads it, as a user runs it; this script is the tee in front of han-mqtt.

    last: field -> the value that was read last
    """

    def __init__(self, broker, meter, number, *options):
        self.number = number
        self.last = {}
        self._title = f"{meter} {' '.join(options)}".strip()
        pipe = f"{ROOT}/bin/han-fake --meter {meter} --seed 1 | {ROOT}/bin/han-frame | {ROOT}/bin/han-decode"
        self._readings = f"{pipe} | {ROOT}/bin/han-fields"
        self._sink = [f"{ROOT}/bin/han-mqtt", "--port", str(broker.port), "--client-id", meter, *options]

    def __str__(self):
        return self._title

    def __enter__(self):
        self._pipe = subprocess.Popen(["sh", "-c", self._readings], stdout=subprocess.PIPE, start_new_session=True)
        self._mqtt = subprocess.Popen(self._sink, stdin=subprocess.PIPE)
        threading.Thread(target=self._pass, daemon=True).start()
        return self

    def __exit__(self, *error):
        """As a power cut."""
        self._mqtt.kill()
        os.killpg(self._pipe.pid, signal.SIGKILL)
        self._mqtt.wait()
        self._pipe.wait()

    def _pass(self):
        with contextlib.suppress(OSError):
            for line in self._pipe.stdout:
                self.last = self.last | json.loads(line, parse_float=Decimal)
                self._mqtt.stdin.write(line)
                self._mqtt.stdin.flush()


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
            self._tell("http/config/promote")  # newer ones give up within minutes an address that nobody confirms

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

    def _tell(self, kind, **values):
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
        known = self._tell("config/entity_registry/list")
        return {
            one["unique_id"].removeprefix(front): one["entity_id"]
            for one in known
            if one["unique_id"].startswith(front)
        }

    def distinct(self, *pipes):
        """No entity id of one meter has the number of the other; return one of each."""
        ids = [sorted(self._named(pipe).values()) for pipe in pipes]
        for pipe, own in zip(pipes, ids, strict=True):
            assert all(f"han_meter_{pipe.number[-8:]}" in one for one in own), own
        return [own[0] for own in ids]

    def _states(self):
        return {one["entity_id"]: one for one in self._ask("/api/states")}

    def entities_of(self, pipe):
        """Wait until each field of the readings is an entity with its value; return a line each."""
        return until(lambda: self._compared(pipe))

    def _compared(self, pipe):
        assert pipe.last.keys() >= ENTITIES.keys(), "not all lists have come"
        names, states, last = self._named(pipe), self._states(), pipe.last
        told = [self._entity(states[names[wanted[0]]], last[field], *wanted[1:]) for field, wanted in ENTITIES.items()]
        clock = datetime.fromisoformat(last["date_time"])
        assert ("clock" in names) == (clock.tzinfo is not None), names
        if clock.tzinfo:
            state = states[names["clock"]]
            assert datetime.fromisoformat(state["state"]) == clock, (state, clock)
            told.append(self._words(state))
        return told

    def _entity(self, state, value, device_class, state_class, unit, power):
        attributes = state["attributes"]
        found = [attributes.get(key) for key in ("device_class", "state_class", "unit_of_measurement")]
        assert found == [device_class, state_class, unit], state
        assert state["state"] not in ("unknown", "unavailable"), state
        assert Decimal(state["state"]) == value * Decimal(10) ** power, (state, value)
        return self._words(state)

    def _words(self, state):
        told = [state["attributes"].get(key, "") for key in ("unit_of_measurement", "state_class", "device_class")]
        return f"{state['entity_id']:45} {state['state']} {' '.join(told)}"

    def use_in_dashboard(self, single, by_device):
        """Take import and export of both meters as the grid of the energy dashboard; return their entities."""
        meters = [self._named(pipe) for pipe in (single, by_device)]
        try:
            self._tell("energy/save_prefs", energy_sources=[self._grid(names) for names in meters])
        except Refused:
            self._tell("energy/save_prefs", energy_sources=[self._one_grid(meters)])
        return [names[flow] for names in meters for flow in ("import_energy", "export_energy")]

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
        told = {key: names[one] for key, one in flows.items()} | dict.fromkeys(prices + more)
        return {"type": "grid", **told, "cost_adjustment_day": 0}

    def validate(self, entities):
        """Wait until the registers have statistics; return what energy/validate says of them: nothing."""
        self._tell("subscribe_events", event_type="recorder_5min_statistics_generated")
        before = told = self._tell("energy/validate")
        end = time.monotonic() + STATISTICS
        while issues(told):
            assert issues(told) == {"statistics_not_defined"}, told
            assert time.monotonic() < end, told
            self._socket.settimeout(end - time.monotonic())
            self._socket.recv()
            told = self._tell("energy/validate")
        lines = [f"energy/validate: {json.dumps(told)}; before: {', '.join(sorted(issues(before))) or 'nothing'}"]
        for one in self._tell("recorder/list_statistic_ids"):
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
            line for line in said if re.search(r"mqtt|hanpipe|han_meter|components\.(sensor|energy|recorder)", line)
        ]
        assert not ours, ours
        return [f"{len(said)} warnings and errors, of its own"]


def issues(told):
    """Return the types of the issues that energy/validate tells, whatever they are of."""
    return {issue["type"] for of_kind in told.values() for of_one in of_kind for issue in of_one}


if __name__ == "__main__":
    try:
        main()
    except AssertionError as error:
        sys.exit(f"FAILED: {error}")
