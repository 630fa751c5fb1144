"""--learn: what it proposes is a meter file, and reads the list that it was made of."""

import json
import os
import subprocess
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from conftest import ROOT
from hanpipe import meters
from hanpipe.learn import Learner
from hanpipe.line_reader import LineReader
from hanpipe.naming import Naming
from test_lines import BODIES, line_of


def lines(count: int) -> bytes:
    """Return lists of an invented meter: name, U1-3 in 0.1 V, I1-3 in 0.01 A, P, P1-3, a register with two tariffs."""
    made = []
    for number in range(count):
        amperes = [391 + number, 70 + 3 * number, 120 + 7 * number]
        watts = [round(234 * i / 100) for i in amperes]
        numbers = [2340, 2341, 2339, *amperes]
        wide = [sum(watts), *watts, 300_000 + 2 * number, 100_000 + number, 200_000 + number, 5_000_000 + number, 4]
        elements = [{"octet-string": b"9999999900000016".hex()}, {"octet-string": "07ea0b16070a0f0aff800000"}]
        elements += [{"long-unsigned": n} for n in numbers] + [{"double-long-unsigned": n} for n in wide]
        made.append(line_of({"structure": elements}, invoke_id=number))
    return "\n".join(made).encode() + b"\n"


def proposal(data: bytes) -> str:
    learner = Learner()
    learner.feed(data)
    learner.feed(b"")
    return learner.proposal()


def test_quantities_are_found_with_their_reasons():
    text = proposal(lines(5))
    (layout,) = meters.read_layouts("proposal", text)
    assert [code for code, _ in layout.rows] == [
        "0-0:96.1.0", "0-0:1.0.0", "1-0:32.7.0", "1-0:52.7.0", "1-0:72.7.0", "1-0:31.7.0", "1-0:51.7.0", "1-0:71.7.0",
        "1-0:1.7.0", "1-0:21.7.0", "1-0:41.7.0", "1-0:61.7.0", "1-0:1.8.0", "1-0:1.8.1", "1-0:1.8.2", "-", "-",
    ]  # fmt: skip
    assert layout.scaler == {"V": -1, "A": -2, "W": 0, "Wh": 0}
    for reason in ("16 digits", "near 230 x 10^1", "power and its phases", "a register and its tariffs", "never falls"):
        assert reason in text


def test_what_is_proposed_reads_the_list():
    layouts = tuple(meters.read_layouts("proposal", proposal(lines(5))))
    (told,) = LineReader(Naming(layouts)).lines(lines(1))
    reading = json.loads(told, parse_float=Decimal)
    assert reading["meter_ID"] == "9999999900000016"
    assert reading["volt_L1"] == 234
    assert reading["curr_L2"] == Decimal("0.7")
    assert reading["act_energy_pos"] == 300000


def test_a_list_that_is_known_is_not_proposed():
    (example, *_) = [text for name, text in meters.files() if name == "kaifa.toml"]
    assert "kaifa-1" in example
    assert proposal(line_of({"structure": [{"double-long-unsigned": 280}]}).encode()) == ""


@given(st.lists(BODIES, max_size=5))
def test_any_lists_give_a_meter_file_or_nothing(bodies):
    text = proposal("".join(line_of(body) + "\n" for body in bodies).encode())
    if text:
        assert meters.read_layouts("proposal", text)


@given(st.binary(max_size=100))
def test_no_octets_stop_it(data):
    proposal(data)


def test_the_program():
    command = [os.path.join(ROOT, "bin", "han-fields"), "--learn"]
    environment = {**os.environ, "PATH": "/usr/bin:" + os.environ["PATH"]}
    done = subprocess.run(command, input=lines(3), capture_output=True, env=environment, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert meters.read_layouts("proposal", done.stdout.decode())
    done = subprocess.run(command, input=b"", capture_output=True, env=environment, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (1, b"")
