"""The tests' own Domoticz against its contract, the rules marked [O]: what it answers, and whom it fails."""

import base64
import json
import socket
from itertools import takewhile

import pytest

from domoticz_server import CURRENT_3, KWH, P1, VOLTAGE, DomoticzServer, History

JSON = "/json.htm?type=command&param="
UPDATE = f"{JSON}udevice&"
DEVICES = {1: KWH, 2: P1, 3: VOLTAGE, 4: CURRENT_3}
USERS = {"guest": ("g", 0), "han": ("h", 1), "admin": ("a", 2)}


def send(server, *requests):
    """Send requests on one connection, each after the answer to the one before; return what comes, to its end."""
    seen = []
    with socket.create_connection(("127.0.0.1", server.port), 5) as connection, connection.makefile("rb") as answers:
        for request in requests:
            connection.sendall(request.encode())
            head = "".join(takewhile("\r\n".__ne__, iter(lambda: answers.readline().decode(), "")))
            length = next((line[15:] for line in head.split("\r\n") if line.startswith("Content-Length:")), 0)
            seen.append((head, b"" if request.startswith("HEAD") else answers.read(int(length))))
            if not head:
                break
    return seen


def get(target, login=None, method="GET", connection="close", **headers):
    if login:
        headers["Authorization"] = "Basic " + base64.b64encode(login.encode()).decode()
    headers = {"Host": "x", "Connection": connection, **headers}
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items() if value]
    return f"{method} {target} HTTP/1.1\r\n{''.join(lines)}\r\n"


def post(target, body, **headers):
    form = {"Content_Type": "application/x-www-form-urlencoded", "Content_Length": str(len(body))}
    return get(target, method="POST", **form, **headers) + body


def status(server, request):
    """HTTP's status, and that of the JSON where the body is that."""
    ((head, body),) = send(server, request)
    answered = json.loads(body).get("status") if body.startswith(b"{") else None
    return int(head.split(" ")[1]), answered


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (get(f"{UPDATE}idx=3&nvalue=0&svalue=230.1"), (200, "OK")),
        (get(f"{UPDATE}idx=3&nvalue=0&svalue=230.1", method="PUT"), (200, "OK")),
        (post("/json.htm?type=command&param=udevice", "idx=3&nvalue=0&svalue=230.1"), (200, "OK")),
        (post("/json.htm", "type=command&param=udevice&idx=3&nvalue=0&svalue=230.1"), (200, "OK")),
        *[(get(f"{UPDATE}idx={idx}&nvalue=0&svalue=1"), (200, "ERR")) for idx in ("99", "0", "-1", "abc", "4abc", "")],
        (get(f"{UPDATE}nvalue=0&svalue=1"), (200, "ERR")),
        (get(f"{UPDATE}idx=3"), (200, "ERR")),
        (get(f"{UPDATE}idx=3&nvalue=&svalue="), (200, "ERR")),
        (get(f"{JSON}UDEVICE&idx=3&nvalue=0&svalue=1"), (200, "ERROR")),
        (get(JSON), (200, "ERR")),
        (get("/json.htm?type=command"), (200, "ERR")),
        (get("/json.htm?type=devices&rid=1"), (404, None)),
        (get("/json.htm?param=udevice&idx=3"), (404, None)),
        (get(f"{UPDATE}idx=3&nvalue=0&svalue=%zz"), (400, None)),
        (get("/json.htm/?type=command&param=getauth"), (400, None)),
        (get("//json.htm?type=command&param=getauth"), (404, None)),
    ],
)
def test_what_it_answers(request_, expected):
    with DomoticzServer(DEVICES) as server:
        assert status(server, request_) == expected


@pytest.mark.parametrize(
    ("settings", "login", "expected"),
    [
        ({"trusted": True}, None, (200, "OK")),
        ({"trusted": True}, "han:wrong", (401, None)),
        ({"trusted": True}, "guest:g", (403, "ERR")),
        ({"trusted": False}, None, (401, None)),
        ({"trusted": False}, "han:h", (401, None)),  # basic over plain HTTP is off
        ({"trusted": False, "plain_basic": True}, "han:h", (200, "OK")),
        ({"trusted": False, "plain_basic": True}, "han:wrong", (401, None)),
        ({"trusted": False, "plain_basic": True}, "guest:g", (403, "ERR")),
    ],
)
def test_whom_it_lets_in(settings, login, expected):
    with DomoticzServer(DEVICES, users=USERS, **settings) as server:
        assert status(server, get(f"{UPDATE}idx=3&nvalue=0&svalue=230", login)) == expected
        assert "WWW-Authenticate" not in send(server, get(f"{UPDATE}idx=3&nvalue=0&svalue=230", login))[0][0]


def test_basic_is_looked_at_only_behind_a_question_mark_and_a_forwarded_address_is_not_trusted():
    body = "type=command&param=udevice&idx=3&nvalue=0&svalue=230"
    with DomoticzServer(DEVICES, users=USERS, trusted=False, plain_basic=True) as server:
        login = "Basic " + base64.b64encode(b"han:h").decode()
        assert status(server, post("/json.htm", body, Authorization=login)) == (401, None)
        assert status(server, post("/json.htm?", body, Authorization=login)) == (200, "OK")
    with DomoticzServer(DEVICES) as server:
        assert status(server, get(f"{UPDATE}idx=3&nvalue=0&svalue=1", X_Forwarded_For="10.0.0.1")) == (401, None)


def test_getauth_is_open_to_all_and_warns_rights_only_to_who_is_logged_in():
    with DomoticzServer(DEVICES, users=USERS, trusted=False, plain_basic=True) as server:
        ((_, nobody),) = send(server, get(f"{JSON}getauth"))
        ((_, somebody),) = send(server, get(f"{JSON}getauth", "han:h"))
    assert json.loads(nobody) == {"status": "OK", "title": "GetAuth"}
    assert json.loads(somebody)["rights"] == 1


def test_a_device_that_is_not_there_has_no_result():
    with DomoticzServer(DEVICES) as server:
        ((_, found),) = send(server, get(f"{JSON}getdevices&rid=1,99"))
        ((_, none),) = send(server, get(f"{JSON}getdevices&rid=99"))
    assert [one["idx"] for one in json.loads(found)["result"]] == ["1"]
    assert "result" not in json.loads(none)


def test_it_closes_unless_asked_to_keep_alive_and_when_idle():
    kept = get(f"{JSON}getauth", connection="keep-alive")
    with DomoticzServer(DEVICES, idle=0.05) as server:
        assert len(send(server, kept, kept)) == 2
        with socket.create_connection(("127.0.0.1", server.port), 5) as connection:
            connection.sendall(get(f"{JSON}getauth").encode())
            answer = b"".join(iter(lambda: connection.recv(65536), b""))  # it closes, and does not say so
        assert b"Connection" not in answer
        assert send(server, "GET /json.htm?half") == [("", b"")]


@pytest.mark.parametrize(
    ("requests", "words"),
    [
        ([get(f"{UPDATE}idx=3&nvalue=0")], "svalue '' is stored, and wrong"),
        ([get(f"{UPDATE}idx=3&svalue=230")], "no nvalue"),
        ([get(f"{UPDATE}idx=3&nvalue=0&svalue=230,5")], "is stored, and wrong"),
        ([get(f"{UPDATE}idx=3&idx=4&nvalue=0&svalue=230")], "idx twice: the first counts"),
        ([get(f"{UPDATE}idx=1&nvalue=0&svalue=1500")], "is stored, and wrong"),
        ([get(f"{UPDATE}idx=1&nvalue=0&svalue=nan;5")], "is stored, and wrong"),
        ([get(f"{UPDATE}idx=1&nvalue=0&svalue=1;{energy}") for energy in (9, 0)], "energy 0 is made up"),
        ([get(f"{UPDATE}idx=1&nvalue=0&svalue=1;{energy}") for energy in (9, 8)], "energy runs backwards"),
        ([get(f"{UPDATE}idx=2&nvalue=0&svalue=1;2;3;4;-500;0")], "is stored, and wrong"),
        ([get(f"{UPDATE}idx=2&nvalue=0&svalue=1000.9;2;3;4;5;6")], "is stored, and wrong"),
        ([get(f"{UPDATE}idx=2&nvalue=0&svalue=1;2;3;4;5")], "is stored, and wrong"),
        ([get(f"{UPDATE}idx=4&nvalue=0&svalue=1;2")], "is stored, and wrong"),
        ([get(f"{UPDATE}idx=4&nvalue=0&svalue=1;2;-3")], "is stored, and wrong"),
        ([get(f"{JSON}getauth", connection=None)], "no Connection header"),
        ([get(f"{JSON}getauth") * 2], "pipelining"),
        ([get(f"{JSON}getdevices&rid=1;drop")], "goes into SQL unchecked"),
        ([get(f"{JSON}createvirtualsensor&idx=7&sensorname=n&sensortype=18")], "a device without hardware"),
    ],
)
def test_whom_it_fails(requests, words):
    server = DomoticzServer(DEVICES)
    server.start()
    for request in requests:
        send(server, request)
    with pytest.raises(AssertionError) as failed:
        server.__exit__(None)
    assert words in str(failed.value)


def test_its_history_keeps_the_last_value_before_each_full_five_minutes():
    history = History(P1, "1000;0;0;0;0;0", 0)
    for at, energy in ((10, 1010), (299, 1020), (300, 1030), (595, 1040), (899, 20_000)):
        history.post(at, f"{energy};0;0;0;500;0")
    history.pass_to(900)
    assert [int(svalue.split(";")[0]) for _, svalue in history.samples] == [1000, 1020, 1040, 20_000]
    assert history.graph() == [240, 240, 0]  # by the energy, and above 100 kW nothing
    assert history.day() == 19_000


def test_its_history_of_a_kwh_device_has_the_power_that_was_posted():
    history = History(KWH, "700;5000", 0)
    history.post(295, "800;5100")
    history.pass_to(300)
    assert (history.graph(), history.day()) == ([700, 800], 100)
