"""A Domoticz for the tests: what docs/domoticz.md describes as observed, over real sockets.

It answers as Domoticz does, also where Domoticz answers OK to nonsense. `broken` lists what a client did wrong, and
fails the test when the client leaves the server.
"""

import base64
import contextlib
import itertools
import json
import re
import socket
import ssl
import threading
import time
from urllib.parse import unquote_plus

_UNAUTHORIZED = "<html><head><title>Unauthorized</title></head><body><h1>401 Unauthorized</h1></body></html>"
_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 500: "Error"}

KWH = {"Type": "General", "SubType": "kWh", "EnergyMeterMode": ""}
COMPUTED = KWH | {"EnergyMeterMode": "1"}
P1 = {"Type": "P1 Smart Meter", "SubType": "Energy"}
COUNTER = {"Type": "RFXMeter", "SubType": "RFXMeter counter"}
VOLTAGE = {"Type": "General", "SubType": "Voltage"}
CURRENT = {"Type": "General", "SubType": "Current"}
CURRENT_3 = {"Type": "Current", "SubType": "CM113, Electrisave"}
TEXT = {"Type": "General", "SubType": "Text"}
CUSTOM = {"Type": "General", "SubType": "Custom Sensor"}
USAGE = {"Type": "Usage", "SubType": "Electric"}
PERCENTAGE = {"Type": "General", "SubType": "Percentage"}
INCREMENTAL = {"Type": "General", "SubType": "Counter Incremental"}
# sensortype of createvirtualsensor
_MADE = {18: KWH, 250: P1, 113: COUNTER, 4: VOLTAGE, 19: CURRENT, 9: CURRENT_3, 5: TEXT, 1004: CUSTOM}

_NUMBER = r"-?\d+(\.\d+)?"
_FORMS = {
    "kWh": rf"{_NUMBER};\d+(\.\d+)?",
    "Energy": r"\d+;\d+;\d+;\d+;\d+;\d+",
    "RFXMeter counter": r"\d+",
    "Voltage": _NUMBER,
    "Current": _NUMBER,
    "CM113, Electrisave": r"\d+(\.\d+)?;\d+(\.\d+)?;\d+(\.\d+)?",
    "Text": r".*",
    "Custom Sensor": _NUMBER,
    "Electric": _NUMBER,
    "Percentage": _NUMBER,
}
# The registers in an svalue, which never run backwards.
_REGISTERS = {"kWh": slice(1, 2), "Energy": slice(0, 4), "RFXMeter counter": slice(0, 1)}


class DomoticzServer:
    """Started by `with`. devices: idx -> what getdevices says of it.

    users: name -> (password, rights); trusted: the tests' address needs no login; plain_basic: AllowPlainBasicAuth;
    idle: s until a silent connection is closed (20 in Domoticz); tls: context, for https
    one_meter: registers never run backwards; with several, one after the other, they do
    mood: what to do with a request: "" answers, "hang" never does, "drip" does octet by octet, "close" closes instead,
          "500" and "garbage" answer that
    posts: (idx, svalue) as they were stored; broken: rules of the contract that a client broke
    """

    def __init__(
        self, devices, *, users=None, trusted=True, plain_basic=False, idle=20.0, tls=None, delay=0.0, one_meter=True
    ):
        self.devices = {idx: dict(device) for idx, device in devices.items()}
        self.users = users or {}
        self.trusted, self.plain_basic, self.idle, self.tls, self.delay = trusted, plain_basic, idle, tls, delay
        self.one_meter = one_meter
        self.mood = ""
        self.posts = []
        self.requests = []
        self.broken = []
        self.connections = 0
        self.port = 0
        self.changed = threading.Condition()
        self._hardware = {}
        self._registers = {}  # idx -> those posted last
        self._listener = None
        self._open = set()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        self.kill()
        assert kind or not self.broken, self.broken

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def start(self):
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def kill(self):
        """As kill -9: the port is closed, and so is every connection."""
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._open.clear()

    def wait(self, what, seconds=5.0):
        """Wait until what() is true; tell what it is."""
        with self.changed:
            return self.changed.wait_for(what, seconds)

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self._open.add(connection)
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
                self._open.add(connection)
            connection.settimeout(self.idle)
            while self._request(connection):
                pass
        except OSError:
            pass
        finally:
            connection.close()
            with self.changed:
                self._open.discard(connection)
                self.changed.notify_all()

    def _request(self, connection):
        """Read a request and answer it; tell whether the connection stays open."""
        head = b""
        while b"\r\n\r\n" not in head:
            data = connection.recv(65536)
            if not data:
                return False
            head += data
        head, _, more = head.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        method, target, _ = lines[0].split(" ")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
        length = int(headers.get("content-length", 0))
        while len(more) < length and (data := connection.recv(65536)):
            more += data
        if more[length:] and "transfer-encoding" not in headers:
            self.broken.append("pipelining: only the first request is answered")
        if "connection" not in headers:
            self.broken.append(
                "no Connection header: the client does not learn that the connection is closed after the answer"
            )
        form = more[:length].decode() if "x-www-form-urlencoded" in headers.get("content-type", "") else ""
        return self._act(connection, method, target, headers, form)

    def _act(self, connection, method, target, headers, form):
        with self.changed:
            self.requests.append(target)
            self.changed.notify_all()
        if self.mood == "hang":
            time.sleep(30)
        if self.mood in ("hang", "close"):
            return False
        time.sleep(self.delay)
        status, body = (500, "<html>") if self.mood == "500" else self.answer(target, headers, form)
        text = body if isinstance(body, str) else json.dumps(body, indent=1)
        text = "<html>" if self.mood == "garbage" else text
        keep = headers.get("connection", "").lower() == "keep-alive"
        answer = f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Length: {len(text)}\r\n"
        answer += "Content-Type: application/json;charset=UTF-8\r\n"
        answer += "Connection: Keep-Alive\r\nKeep-Alive: max=20, timeout=20\r\n" if keep else ""
        answer = f"{answer}\r\n{'' if method == 'HEAD' else text}".encode()
        step = 1 if self.mood == "drip" else len(answer)
        for at in range(0, len(answer), step):
            connection.sendall(answer[at : at + step])
            if self.mood == "drip":
                time.sleep(0.05)
        with self.changed:
            self.changed.notify_all()
        return keep

    def answer(self, target, headers, form=""):
        """Return status and body of a request. form: parameters in its body, which are merged with those in the URL."""
        path, mark, query = target.partition("?")
        if re.search(r"%(?![0-9A-Fa-f]{2})", target) or path.endswith("/json.htm/"):
            return 400, "<html>"
        if path != "/json.htm":
            return 404, ""
        arguments = {}
        for part in filter(None, f"{query}&{form}".split("&")):
            name, _, value = part.partition("=")
            if name in arguments:
                self.broken.append(f"{name} twice: the first counts")
            arguments.setdefault(name, unquote_plus(value))
        user, rights = self._who(headers, mark)
        if rights is None and arguments.get("param") != "getauth":
            return 401, _UNAUTHORIZED
        if rights is None and "authorization" in headers:
            return 401, _UNAUTHORIZED
        if arguments.get("type") != "command":
            return 404, ""
        return self._command(arguments, user, rights)

    def _who(self, headers, mark):
        """Return user and rights, (None, None) of who is not let in."""
        basic = re.fullmatch("(?i)basic (.+)", headers.get("authorization", ""))
        if not basic or not mark:
            return ("admin", 2) if self.trusted and "x-forwarded-for" not in headers else (None, None)
        if not (self.plain_basic or self.tls or self.trusted):
            return None, None
        name, _, password = base64.b64decode(basic[1]).decode().partition(":")
        known, rights = self.users.get(name, (None, None))
        return (name, rights) if known == password else (None, None)

    def _command(self, arguments, user, rights):
        param = arguments.get("param")
        if param == "getauth":
            known = {"user": user, "rights": rights, "version": "2025.1 (build 16785)"} if user else {}
            return 200, {"status": "OK", "title": "GetAuth"} | known
        if param == "getdevices":
            return 200, self._get_devices(arguments)
        if param == "udevice":
            return (403, {"status": "ERR"}) if rights < 1 else (200, self._update(arguments))
        if param in ("addhardware", "createvirtualsensor"):
            return (403, {"status": "ERR"}) if rights < 2 else (200, self._create(param, arguments))
        return 200, {"status": "ERROR" if param else "ERR"}

    def _get_devices(self, arguments):
        wanted = arguments.get("rid", "")
        if wanted and not re.fullmatch(r"[\d,]+", wanted):
            self.broken.append(f"rid={wanted} goes into SQL unchecked")
        chosen = [int(one) for one in re.findall(r"\d+", wanted)] if wanted else list(self.devices)
        result = [{"idx": str(idx)} | self._shown(idx) | self.devices[idx] for idx in chosen if idx in self.devices]
        return {"status": "OK", "title": "Devices"} | ({"result": result} if result else {})

    def _shown(self, idx):
        """Return what Domoticz shows of the value of a device."""
        stored = dict(self.posts).get(idx)
        kind = self.devices[idx]["SubType"]
        if kind == "Energy":
            return {"Data": stored or "0;0;0;0;0;0"}
        if kind == "kWh":
            return {"Data": f"{float((stored or '0;0').split(';')[-1]) / 1000:.3f} kWh"}
        if kind == "RFXMeter counter":
            return {"Counter": f"{float(stored or 0) / 1000:.3f} kWh"}
        return {}

    def _update(self, arguments):
        idx = int(arguments["idx"]) if arguments.get("idx", "").isdigit() else 0
        if idx not in self.devices or not (arguments.get("nvalue") or arguments.get("svalue")):
            return {"status": "ERR"}
        svalue = arguments.get("svalue", "")
        if "nvalue" not in arguments:
            self.broken.append(f"idx {idx}: no nvalue")
        self._judge(idx, svalue)
        with self.changed:
            self.posts.append((idx, svalue))
            self.changed.notify_all()
        return {"status": "OK", "title": "Update Device"}

    def _judge(self, idx, svalue):
        """Domoticz would store anything, and so does this; but it is remembered."""
        device = self.devices[idx]
        form = _FORMS.get(device["SubType"], "")
        if device.get("EnergyMeterMode") == "1":
            form = _NUMBER
        if not re.fullmatch(form, svalue):
            self.broken.append(f"idx {idx}, {device['SubType']}: svalue {svalue!r} is stored, and wrong")
        elif any(self._registers.get(idx, [])) and not any(self._told_registers(device, svalue)):
            self.broken.append(f"idx {idx}: energy 0 is made up: the device has had another")
        elif self.one_meter and (before := self._registers.get(idx)):
            now = self._told_registers(device, svalue)
            if any(one > other for one, other in zip(before, now, strict=False)):
                self.broken.append(f"idx {idx}: energy runs backwards, {before} to {now}")
        self._registers[idx] = self._told_registers(device, svalue)

    def _told_registers(self, device, svalue):
        chosen = svalue.split(";")[_REGISTERS.get(device["SubType"], slice(0))]
        return [float(one) for one in chosen if re.fullmatch(_NUMBER, one)]

    def _create(self, param, arguments):
        if param == "addhardware":
            if arguments.get("enabled") != "true" or arguments.get("htype") != "15":
                return {"status": "ERR"}
            idx = len(self._hardware) + 2
            self._hardware[str(idx)] = arguments["name"]
            return {"idx": str(idx), "status": "OK", "title": "AddHardware"}
        idx = max(self.devices, default=0) + 1
        hardware = self._hardware.get(arguments["idx"])
        if hardware is None:
            self.broken.append("a device without hardware goes at the next start")
        names = {"Name": arguments["sensorname"], "HardwareName": hardware, "HardwareID": int(arguments["idx"])}
        self.devices[idx] = _MADE[int(arguments["sensortype"])] | names
        return {"idx": str(idx), "status": "OK", "title": "CreateVirtualSensor"}


class History:
    """The history of a kWh or P1 device in Domoticz: the value at each full five minutes. Section 6 of the contract.

    value: svalue of the device; at: s since midnight
    """

    STEP = 300  # s, ShortLogInterval
    MOST = 100_000  # W that the graph of a P1 device draws; above it draws 0

    def __init__(self, kind, value, at):
        self.kind = kind
        self.value = value
        self.samples = []
        self._next = -(-at // self.STEP) * self.STEP

    def pass_to(self, at):
        """Take the samples that are due before `at`."""
        while self._next <= at:
            self.samples.append((self._next, self.value))
            self._next += self.STEP

    def post(self, at, svalue):
        """Store a value; one that comes at a sample's own time comes after it."""
        self.pass_to(at)
        self.value = svalue

    @property
    def entry(self):
        """The value in the answer of getdevices."""
        return {"Data": self.value if self.kind is P1 else f"{int(self.value.split(';')[1]) / 1000:.3f} kWh"}

    def _energy(self, svalue):
        parts = svalue.split(";")
        return int(parts[0]) + int(parts[1]) if self.kind is P1 else int(parts[1])

    def graph(self):
        """Return the power that the day's graph shows: posted, or for P1 computed from the energy."""
        if self.kind is not P1:
            return [float(svalue.split(";")[0]) for _, svalue in self.samples]
        energies = [self._energy(svalue) for _, svalue in self.samples]
        watts = [(after - before) * 12 for before, after in itertools.pairwise(energies)]
        return [0 if one > self.MOST else one for one in watts]

    def day(self):
        """Return the day row: last sample less the first, Wh."""
        return self._energy(self.samples[-1][1]) - self._energy(self.samples[0][1])


def self_signed(folder):
    """Make a certificate like Domoticz's own: CN domoticz.com, no subjectAltName. Return its file and a TLS context."""
    import subprocess

    certificate, key = f"{folder}/server.pem", f"{folder}/server.key"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=domoticz.com",
    ]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return certificate, context
