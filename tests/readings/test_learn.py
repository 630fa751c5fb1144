"""--learn: what it proposes is a meter file, and reads the list that it was made of."""

import json
import os
import subprocess
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_line_shape import BODIES, line_of

from conftest import CAPTURES, NO_CAPTURES, ROOT, captures
from hanpipe.apdu.decoder import Decoder
from hanpipe.apdu.message import Message
from hanpipe.link import FRAMERS
from hanpipe.readings import layouts, learn, quantities
from hanpipe.readings.learn import Learner
from hanpipe.readings.naming import Naming
from hanpipe.readings.reader import LineReader
from programs import PATIENCE, run


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
    (layout,) = layouts.read_layouts("proposal", text)
    assert [code for code, _ in layout.rows] == [
        "0-0:96.1.0", "0-0:1.0.0", "1-0:32.7.0", "1-0:52.7.0", "1-0:72.7.0", "1-0:31.7.0", "1-0:51.7.0", "1-0:71.7.0",
        "1-0:1.7.0", "1-0:21.7.0", "1-0:41.7.0", "1-0:61.7.0", "1-0:1.8.0", "1-0:1.8.1", "1-0:1.8.2", "-", "-",
    ]  # fmt: skip
    assert layout.scaler == {"V": -1, "A": -2, "W": 0, "Wh": 0}
    for reason in ("16 digits", "near 230 x 10^1", "power and its phases", "a register and its tariffs", "never falls"):
        assert reason in text


def test_what_is_proposed_reads_the_list():
    proposed = tuple(layouts.read_layouts("proposal", proposal(lines(5))))
    (result,) = LineReader(Naming(proposed)).lines(lines(1))
    reading = json.loads(result, parse_float=Decimal)
    assert reading["meter_ID"] == "9999999900000016"
    assert reading["volt_L1"] == 234
    assert reading["curr_L2"] == Decimal("0.7")
    assert reading["act_energy_pos"] == 300000


@pytest.mark.skipif(not captures(), reason=NO_CAPTURES)
@pytest.mark.parametrize("name", ["kaifa/no-dump-multi", "kaifa/stream-no-1", "iskraemeco/hr-ie5-gh1072-3-apdu"])
def test_what_is_proposed_for_real_lists_reads_them_right(name, monkeypatch):
    """Lists of bare values, as if no meter file knew them: not all is found, what is found is right."""
    monkeypatch.setattr(layouts, "shipped", lambda: ())
    with open(os.path.join(CAPTURES, f"{name}.json"), "rb") as case, open(f"{case.name[:-5]}.raw", "rb") as raw:
        expected, octets = json.load(case)["messages"], raw.read()
    framer, decoder = FRAMERS["apdu" if name.endswith("apdu") else "auto"](), Decoder()
    events = framer.feed(octets) + framer.feed(b"")
    result = [one.line() for event in events for one in decoder.feed(*event) if isinstance(one, Message)]
    data = "\n".join(result).encode() + b"\n"
    readings = LineReader(Naming(tuple(layouts.read_layouts("proposal", proposal(data))))).lines(data)
    found = 0
    for line, message in zip(readings, expected, strict=True):
        reading = json.loads(line)
        for code, value in message["values"].items():
            name = quantities.quantity(code).name
            if name in reading:
                assert reading[name] == value["value"]
                found += 1
    assert found > sum(len(message["values"]) for message in expected) // 4


def test_eleven_values_with_a_clock_are_proposed_and_then_read_by_layout():
    """As an E450 in Austria sends them: no meter file has this list, so its order is the user's to say."""
    data = b"".join(
        line_of(
            {"structure": [{"octet-string": "07ea0b16070a0f0aff800000"}, *[{"double-long-unsigned": n}] * 10]}
        ).encode()
        + b"\n"
        for n in range(1, 5)
    )
    text = proposal(data)
    (layout,) = layouts.read_layouts("proposal", text)
    assert [kinds for _, kinds in layout.rows] == [("clock",)] + 10 * [("double-long-unsigned",)]
    corrected = text.replace("-            double-long-unsigned", "1-0:1.7.0    double-long-unsigned", 1)
    (one, *_) = LineReader(Naming(tuple(layouts.read_layouts("mine", corrected)), {"W": 0})).lines(data)
    assert json.loads(one)["act_pow_pos"] == 1


def test_a_proposal_without_a_clock_says_what_it_needs_to_be_recognised():
    number = line_of({"structure": [{"long-unsigned": 5}, {"long-unsigned": 6}]}).encode()
    assert "only --layout chooses this list" in proposal(number)
    assert "only --layout chooses this list" not in proposal(lines(3))


def test_more_kinds_of_list_than_are_kept_are_counted():
    learner = Learner()
    for count in range(1, 70):
        learner.feed(line_of({"structure": [{"long-unsigned": 5}] * count}).encode() + b"\n")
    assert (learner.left_out, learner.known()) == (5, [])


def test_two_lists_are_too_few_and_it_says_so():
    assert "too few" in proposal(lines(2))
    assert "too few" not in proposal(lines(3))


def test_no_house_draws_a_thousand_amperes():
    """Registers in a row may be U x I by chance."""
    numbers = [2300, 2301, 2302, 1_000_000, 1_000_000, 1_000_000, 690_300_000]
    data = line_of({"structure": [{"double-long-unsigned": number} for number in numbers]}).encode()
    assert "U x I" not in proposal(data)


def test_a_list_that_is_known_is_not_proposed():
    (example, *_) = [text for name, text in layouts.files() if name == "kaifa.toml"]
    assert "kaifa-1" in example
    list1 = line_of({"structure": [{"double-long-unsigned": 280}]})
    assert proposal(list1.replace("{", '{"destination":"01",', 1).encode()) == ""
    assert proposal(list1.encode()) != ""  # its type alone does not prove that it is the same list


@given(st.lists(BODIES, max_size=5))
def test_any_lists_give_a_meter_file_or_nothing(bodies):
    text = proposal("".join(line_of(body) + "\n" for body in bodies).encode())
    if text:
        assert layouts.read_layouts("proposal", text)


@given(st.binary(max_size=100))
def test_no_octets_stop_it(data):
    proposal(data)


def test_the_program():
    command = [os.path.join(ROOT, "bin", "han-fields"), "--learn"]
    environment = {**os.environ, "PATH": "/usr/bin:" + os.environ["PATH"]}
    done = subprocess.run(command, input=lines(3), capture_output=True, env=environment, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert layouts.read_layouts("proposal", done.stdout.decode())
    done = subprocess.run(command, input=b"", capture_output=True, env=environment, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout) == (1, b"")


def test_values_beyond_the_bound_are_counted_and_not_kept(monkeypatch):
    monkeypatch.setattr(learn, "_MOST_VALUES", 3)
    learner = Learner()
    learner.feed(lines(5))
    learner.feed(b"")
    assert "seen 5 times" in learner.proposal()
    assert {len(column) for seen in learner._seen.values() for column in seen.columns} == {3}


@pytest.mark.parametrize("option", ["--stats", "--layout isk-si4"])
def test_options_for_readings_do_not_go_with_it(option):
    assert run("han-fields", "--learn", *option.split()).status == 2
