"""han-fake: what is encoded can be read again, the house is one that could be, and the program keeps time."""

import calendar
import contextlib
import io
import json
import os
import select
import signal
import time
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hanpipe
from fake_meters import AUTHENTICATION_KEY, KEY, NOON, sent
from hanpipe.apdu import cosem, dlms
from hanpipe.apdu.decoder import Decoder
from hanpipe.apdu.message import Message
from hanpipe.fake import encoder, faults, household, meters
from hanpipe.fake.encoder import Address, Clock, Security
from hanpipe.fake.household import Household
from hanpipe.fake.send import turns
from hanpipe.line import uart
from hanpipe.line.settings import LINES
from hanpipe.link.content import LLC
from hanpipe.link.hdlc.escaped import EscapedFramer
from hanpipe.link.hdlc.framer import HdlcFramer
from hanpipe.link.hdlc.header import read_header
from hanpipe.link.octets import read_length
from needs import needs
from programs import PATIENCE, Running, run, shell

# ---- the encoder

NUMBERS = {name: form for tag, (name, form) in cosem.FIXED.items() if form.format[-1] in "bBhHiIqQ"}
INTEGERS = st.sampled_from(sorted(NUMBERS)).flatmap(
    lambda name: st.integers(
        *((0, 256 ** NUMBERS[name].size - 1) if NUMBERS[name].format[-1].isupper() else _signed(NUMBERS[name].size))
    ).map(lambda number: (name, number))
)
STRINGS = st.tuples(st.sampled_from(sorted(cosem.STRINGS.values())), st.binary(max_size=300))
BITS = st.tuples(st.just("bit-string"), st.text("01", max_size=40))
EMPTY = st.sampled_from([("null-data", None), ("do-not-care", None)])
TYPED = st.recursive(
    INTEGERS | STRINGS | BITS | EMPTY,
    lambda inner: st.tuples(st.sampled_from(["array", "structure"]), st.lists(inner, max_size=5)),
    max_leaves=20,
)


def _signed(size):
    return -(256**size) // 2, 256**size // 2 - 1


def bare(data):
    """A dlms.Data as the encoder takes it."""
    return data.type, [bare(inner) for inner in data.value] if isinstance(data.value, list) else data.value


@given(TYPED)
def test_values_are_read_as_they_were_written(typed):
    octets = encoder.data(typed)
    read = dlms.read_data(octets, 0)
    assert bare(read) == typed
    assert read.end == len(octets)


@given(st.integers(0, 1 << 20))
def test_lengths_are_read_as_they_were_written(number):
    octets = encoder.length(number)
    if number < 1 << 16:
        assert read_length(octets, 0) == (number, len(octets))
    assert len(octets) == 1 or number >= 0x80


@given(st.integers(0, 4_000_000_000_000), st.booleans(), st.integers(-720, 720) | st.just(-0x8000))
def test_clocks_are_read_as_they_were_written(local_ms, weekday, deviation):
    text = cosem.read_clock(encoder.date_time(local_ms, Clock(weekday=weekday, deviation=deviation)))
    assert text.startswith(time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(local_ms // 1000)))
    assert len(text) == (19 if deviation == -0x8000 else 25)


ADDRESS = Address(b"\x41", b"\x08\x83", 0x13, 0x03)


@given(st.binary(min_size=1, max_size=900), st.integers(3, 300))
def test_segments_are_frames_of_one_apdu(information, size):
    frames = encoder.segments(information, size, ADDRESS)
    events = HdlcFramer().feed(b"".join(frames)) + HdlcFramer().feed(b"")
    headers = [read_header(event.octets) for event in events]
    assert [event.kind for event in events] == ["H"] * len(frames)
    assert [header.segmented for header in headers] == [True] * (len(frames) - 1) + [False]
    assert {header.control for header in headers[:-1]} <= {0x03}
    joined = b"".join(event.octets[header.information : -2] for event, header in zip(events, headers, strict=True))
    assert joined == information


def test_a_frame_known_to_be_right():
    information = bytes.fromhex("e6e7000f40000000090c07e1090f05043620ff80000002010600000275")
    frame = encoder.hdlc(information, Address(b"\x01", b"\x02\x01", 0x10, 0x10))
    assert frame[:10].hex() == "7ea027010201105a87e6"  # format and HCS as in docs/protocol.md


def test_no_frame_longer_than_its_length_can_say():
    with pytest.raises(ValueError, match="too long"):
        encoder.hdlc(bytes(2041), ADDRESS)


@given(st.binary(min_size=1, max_size=600), st.sampled_from([60, 250, 257]))
def test_telegrams_are_the_pieces_of_one_apdu(apdu, most):
    joined = b""
    telegrams = encoder.mbus(apdu, most)
    for number, telegram in enumerate(telegrams):
        assert telegram[:4] == bytes((0x68, (len(telegram) - 6) % 256, (len(telegram) - 6) % 256, 0x68))
        assert telegram[-2:] == bytes((sum(telegram[4:-2]) % 256, 0x16))
        last = number == len(telegrams) - 1
        assert telegram[4:9] == bytes((0x53, 0xFF, number % 16 + 16 * last, 0x01, 0x67))
        joined += telegram[9:-2]
    assert joined == apdu


@given(st.binary(max_size=600))
def test_blocks_are_the_pieces_of_one_apdu(apdu):
    joined = b""
    blocks = encoder.blocks(apdu, 129)
    for number, block in enumerate(blocks, 1):
        assert len(block) <= 129
        assert block.startswith(LLC) == (number == 1)
        body = block.removeprefix(LLC)
        assert body[:6] == bytes((0xE0, 0xC0 if number == len(blocks) else 0x40, 0, number, 0, 0))
        length, at = read_length(body, 6)
        assert length == len(body) - at
        joined += body[at:]
    assert joined == apdu


def arc(octets):
    """CRC-16/ARC, bit by bit."""
    check = 0
    for octet in octets:
        check ^= octet
        for _ in range(8):
            check = check >> 1 ^ 0xA001 * (check & 1)
    return check


def test_telegrams_of_p1_end_in_their_crc():
    telegram = encoder.p1("KAM5", ["1-0:1.7.0(0001.453*kW)", "1-0:2.7.0(0000.000*kW)"])
    content, _, check = telegram.rpartition(b"!")
    assert arc(b"123456789") == 0xBB3D
    assert check == b"%04X\r\n" % arc(content + b"!")
    assert telegram.startswith(b"/KAM5\r\n\r\n1-0:1.7.0(0001.453*kW)\r\n")


@pytest.mark.parametrize("control", [0x30, 0x20, 0x21, 0x10])
def test_ciphered_apdus_open_with_their_key(control):
    needs("cryptography")
    from cryptography.hazmat.primitives.ciphers import aead

    apdu = b"\x0f" + bytes(range(200))
    security = Security(b"KAM\x45\0\0\0\1", control, KEY, AUTHENTICATION_KEY)
    octets = encoder.ciphered(apdu, security, 7)
    assert octets[:10] == b"\xdb\x08KAM\x45\0\0\0\1"
    length, at = read_length(octets, 10)
    content = octets[at:]
    assert length == len(content)
    assert content[:5] == bytes((control, 0, 0, 0, 7))
    text, tag = (content[5:-12], content[-12:]) if control & 0x10 else (content[5:], b"")
    associated = bytes((control,)) + AUTHENTICATION_KEY if control & 0x10 else b""
    initial = security.title + content[1:5]
    # the tag that AES-GCM itself makes, over what should be inside
    if control & 0x20:
        made = aead.AESGCM(KEY).encrypt(initial, apdu, associated)
        assert text == made[:-16]
    else:
        assert text == apdu
        made = aead.AESGCM(KEY).encrypt(initial, b"", associated + apdu)
    assert tag == (made[-16:-4] if control & 0x10 else b"")


# ---- the house

STEPS = st.lists(st.sampled_from([1, 500, 2000, 2500, 10_000, 60_000, 3_600_000]), min_size=1, max_size=60)
STARTS = st.integers(0, 365 * 24).map(lambda hours: calendar.timegm((2026, 1, 1, 0, 0, 0)) * 1000 + hours * 3_600_000)
REGISTERS = ("act_energy_pos", "act_energy_neg", "react_energy_pos", "react_energy_neg")


@settings(max_examples=50)
@given(st.integers(0, 1 << 32), STARTS, STEPS, st.sampled_from([1, 3]))
def test_registers_are_the_integral_of_the_power(seed, start, steps, phases):
    house = Household(seed, start, phases)
    before, now = house.values, start
    integral = dict.fromkeys(REGISTERS, 0)
    for step in steps:
        for name in REGISTERS:
            integral[name] += house.values[name.replace("energy", "pow")] * step
        last, now = house.values, now + step
        house.advance(now)
        assert all(house.values[name] >= last[name] for name in last if "energy" in name or name == "gas")
    for name in REGISTERS:
        assert abs(house.values[name] - before[name] - integral[name] / 3_600_000) <= 1  # thousandths of Wh
        assert abs(house.values[name] - house.values[name + "_T1"] - house.values[name + "_T2"]) <= 1


@settings(max_examples=50)
@given(st.integers(0, 1 << 32), STARTS, STEPS, st.sampled_from([1, 3]))
def test_phases_add_up(seed, start, steps, phases):
    house = Household(seed, start, phases)
    for number in range(len(steps)):
        house.advance(start + sum(steps[: number + 1]))
        value = house.values
        total = 0
        for phase in range(1, phases + 1):
            watts = value[f"act_pow_pos_L{phase}"] - value[f"act_pow_neg_L{phase}"]
            apparent = value[f"volt_L{phase}"] * value[f"curr_L{phase}"] // 1000
            assert abs(apparent * value[f"power_factor_L{phase}"] / 1000 - abs(watts)) <= 2000 + apparent / 500
            assert (value[f"curr_L{phase}_signed"] < 0) == (watts < 0)
            assert 200_000 < value[f"volt_L{phase}"] < 255_000
            total += watts
        assert value["act_pow_pos"] - value["act_pow_neg"] == total
        assert 0 in (value["act_pow_pos"], value["act_pow_neg"])


def test_the_sun_shines_at_noon_and_never_at_night():
    day = calendar.timegm((2026, 6, 21, 0, 0, 0)) * 1000
    exports = {}
    for seed in range(20):
        house = Household(seed, day)
        for hour in (1, 13, 23):
            house.advance(day + hour * 3_600_000)
            exports[seed, hour] = house.values["act_pow_neg"]
    assert sum(exports[seed, 13] > 0 for seed in range(20)) > 10
    assert not any(exports[seed, hour] for seed in range(20) for hour in (1, 23))


def test_a_house_is_its_seed():
    values = []
    for seed in (1, 1, 2):
        house = Household(seed, NOON)
        house.advance(NOON + 10_000)
        values.append(house.values)
    assert values[0] == values[1] != values[2]


def mean_power(month, begin, end):
    """W between two hours of a day, on average over some houses."""
    day = calendar.timegm((2026, month, 21, 0, 0, 0)) * 1000
    powers = []
    for seed in range(20):
        house = Household(seed, day + begin * 3_600_000)
        for minutes in range(0, 60 * (end - begin), 10):
            house.advance(day + begin * 3_600_000 + minutes * 60_000)
            powers.append(house.values["act_pow_pos"] / 1000)
    return sum(powers) / len(powers)


def test_a_house_has_evenings_and_winters():
    assert mean_power(12, 16, 20) > mean_power(12, 1, 5) + 400
    assert mean_power(12, 1, 5) > 2 * mean_power(6, 1, 5)


# ---- the meters


CLEAR = [name for name in meters.names() if not meters.meter(name).needed]
HDLC = [name for name in CLEAR if meters.meter(name).link == "hdlc"]


@pytest.mark.parametrize("name", HDLC)
def test_readings_are_what_the_house_had(name):
    seen = set()
    for frames, values, rows, when in sent(name, 12):
        (reading,) = hanpipe.readings(io.BytesIO(b"".join(frames)))
        columns = [row.split() for row in rows]
        for _, _, quantity, scaler, _ in (row for row in columns if len(row) == 5 and row[2] != "zero"):
            exact, read = values[quantity], reading[quantity.removesuffix("_signed")] * 1000
            assert 0 <= (abs(exact) - abs(read)) < 10 ** (int(scaler) + 3)
            assert read * exact >= 0
            seen.add(quantity)
        if "date_time" in reading:
            clock = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(when // 1000))
            assert reading["date_time"].startswith(clock)
    assert {"act_pow_pos", "volt_L1", "act_energy_neg"} <= seen


@pytest.mark.parametrize("name", HDLC)
def test_every_frame_is_good(name):
    framer = HdlcFramer()
    for frames, *_ in sent(name, 5):
        assert [event.kind for event in framer.feed(b"".join(frames))] == ["H"] * len(frames)


def test_segments_decode_to_the_values_on_the_line():
    framer, decoder = HdlcFramer(), Decoder()
    for frames, values, *_ in sent("iskra-ch", 3):
        result = [one for event in framer.feed(b"".join(frames)) for one in decoder.feed(*event)]
        assert len(frames) == 3
        assert [type(one) for one in result] == [Message]
        assert values["act_energy_pos"] // 1000 in result[0].values


# Octets between the flags of the lists that real meters send: list 1, list 2, list 3.
LENGTHS = {
    "aidon": {0x2A, 0x11E, 0x18A},
    "aidon-it": {0x2A, 0x10B, 0x177},
    "aidon-1p": {0x2A, 0xD2, 0x13E},
    "embriq": {0x2A, 0x11E, 0x18A},
    "kaifa": {0x27, 0x78, 0x9A},
    "kaifa-it": {0x27, 0x79, 0x9B},
    "kamstrup": {0xE2, 0x12C},
    "kamstrup-1p": {0xBA, 0x104},
    "aidon-se": {0x243},
    "kaifa-se": {0x11D},
}


@pytest.mark.parametrize("name", LENGTHS)
def test_frames_are_as_long_as_real_ones(name):
    assert {len(b"".join(frames)) - 2 for frames, *_ in sent(name, 12)} == LENGTHS[name]


def apdus(name):
    """The first octets of each list's APDU."""
    for frames, *_ in sent(name, 12):
        yield b"".join(frames).partition(LLC)[2]


def test_what_makers_do_against_the_standard():
    assert all(apdu[5:7] == b"\x09\x0c" for apdu in apdus("kaifa"))
    assert all(apdu[5:6] == b"\x0c" for apdu in apdus("kamstrup"))
    assert all(apdu[5:6] == b"\x00" for apdu in apdus("aidon"))
    assert any(bytes(4) + b"\x09\x06\1\1\x20\7\0\xff" in apdu for apdu in apdus("kamstrup-1p"))
    assert {bytes(apdu[18:20]) for apdu in apdus("kamstrup-1p")} == {b"\x02\x19", b"\x02\x23"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("aidon", [(0, 13), (2.5, 1), (5, 1), (7.5, 1), (10, 13), (12.5, 1), (15, 1), (17.5, 1), (20, 18), (22.5, 1)]),
        ("kaifa", [(0, 13), (2, 1), (4, 1), (6, 1), (8, 1), (10, 13), *((t, 1) for t in (12, 14, 16, 18)), (20, 18)]),
        ("kamstrup", [(0, 13), (10, 13), (15, 18), (20, 13), (30, 13)]),
    ],
)
def test_lists_come_when_they_should(name, expected):
    found = [((when - NOON) / 1000, len(rows)) for _, _, rows, when in sent(name, len(expected))]
    assert found == expected


def test_a_meter_that_starts_at_any_time_keeps_to_the_clock():
    first = next(iter(meters.meter("kamstrup").instants(NOON + 3_141)))
    assert first[0] == NOON + 10_000


def test_p1_telegrams_add_up():
    for name in ("p1-se", "p1-nl"):
        for (telegram,), values, *_ in sent(name, 3):
            content, _, check = telegram.rpartition(b"!")
            assert int(check, 16) == arc(content + b"!")
            assert b"(%04d.%03d*kW)" % divmod(values["act_pow_pos"] // 1000, 1000) in telegram or name == "p1-nl"
            assert b"(%05d.%03d*m3)" % divmod(values["gas"], 1000) in telegram or name == "p1-se"


def test_every_meter_has_an_identity_and_none_names_a_quantity_that_no_house_has():
    needs("cryptography")
    for name in meters.names():
        assert all(frames for frames, *_ in sent(name, 4))


# ---- the faults


def octets_of(count=40, name="aidon"):
    return [frames for frames, *_ in sent(name, count)]


def damaged(text, lists):
    made = faults.Faults(faults.read(text), 5)
    return [made.damage(frames, 2500 * number) for number, frames in enumerate(lists)]


def test_no_fault_changes_nothing_and_the_same_seed_damages_the_same():
    lists = octets_of(5)
    assert damaged("drop:0", lists) == [b"".join(frames) for frames in lists]
    assert damaged("drop:1%,flip:1%,insert:1%,cut:10%", lists) == damaged("drop:1%,flip:1%,insert:1%,cut:10%", lists)


@pytest.mark.parametrize(("kind", "least", "most"), [("drop", -0.03, -0.01), ("insert", 0.01, 0.03), ("flip", 0, 0)])
def test_octets_are_lost_added_or_turned_at_their_rate(kind, least, most):
    lists = octets_of(60)
    clean, found = b"".join(b"".join(frames) for frames in lists), b"".join(damaged(f"{kind}:2%", lists))
    assert least <= len(found) / len(clean) - 1 <= most
    assert found != clean
    if kind == "flip":
        turned = [(a ^ b).bit_count() for a, b in zip(clean, found, strict=True)]
        assert set(turned) == {0, 1}
        assert 0.01 < sum(turned) / len(turned) < 0.03


def test_lists_are_cut():
    lists = octets_of(100)
    found = damaged("cut:50%", lists)
    whole = [octets == b"".join(frames) for octets, frames in zip(found, lists, strict=True)]
    assert 30 < sum(whole) < 70
    assert all(b"".join(frames).startswith(octets) for octets, frames in zip(found, lists, strict=True))


def test_a_shared_flag_costs_no_frame():
    lists = octets_of(6)
    octets = b"".join(damaged("shared-flag", lists))
    assert len(octets) == sum(len(b"".join(frames)) for frames in lists) - 5
    assert [event.kind for event in HdlcFramer().feed(octets)] == ["H"] * 6


def test_silence_comes_and_goes_and_text_bridges_add_carriage_returns():
    assert [bool(octets) for octets in damaged("silence:5s", octets_of(24))] == [*[True] * 2, False, False] + [
        True
    ] * 18 + [False, False]
    assert faults.Faults(faults.read("crlf"), 1).damage([b"\n~\n"], 0) == b"\r\n~\r\n"


@pytest.mark.slow
def test_every_kind_of_fault_changes_what_is_sent():
    lists = [[*frames, b"\x7e" + bytes(range(256)) + b"\x7e"] for frames in octets_of(40)]
    clean = damaged("drop:0", lists)
    amounts = {"": "", "RATE": ":50%", "SECONDS": ":5s", "BAUD": ":9600", "PARITY": ":none"}
    hourly = [False] * 9 + [True]
    for kind, (amount, _, _) in faults.KINDS.items():
        text = {"parity": "parity:odd,strict", "strict": "parity:none,strict"}.get(kind, kind + amounts[amount])
        made = faults.Faults(faults.read(text), 5)
        found = [made.damage(one, 2500 * n, hourly=hourly[n % 10]) for n, one in enumerate(lists)]
        assert found != clean, kind


def test_the_right_settings_give_back_what_was_sent_and_wrong_ones_do_not():
    octets = bytes(range(256))
    for line in LINES:
        sent_octets = bytes(octet & (1 << line.bits) - 1 for octet in octets)
        wire = uart.levels(sent_octets, line)
        assert uart.receive(wire, 1.0, line) == uart.receive(wire, 1.0, line, strict=True) == sent_octets
        assert uart.receive(wire, 1.02, line) == sent_octets  # clocks differ by as much
        for ratio in (0.5, 2.0, 48.0):
            assert uart.receive(wire, ratio, line) != sent_octets
        assert uart.receive(uart.inverted(wire), 1.0, line) != sent_octets
        assert uart.receive(uart.inverted(uart.inverted(wire)), 1.0, line) == sent_octets


def test_stuffed_frames_are_read_with_the_stuffing_undone():
    lists = octets_of(40)
    events = EscapedFramer().feed(b"".join(damaged("stuffing", lists)))
    assert [b"\x7e" + event.octets + b"\x7e" for event in events] == [b"".join(frames) for frames in lists]


def test_an_hour_is_repeated_in_the_place_of_the_next():
    made = faults.Faults(faults.read("repeated-hour:100%"), 1)
    lists = ((b"a", True), (b"b", False), (b"c", True))
    assert [made.damage([octets], 0, hourly=hourly) for octets, hourly in lists] == [b"a", b"b", b"a"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "drop",
        "drop:x",
        "drop:2",
        "crlf:1",
        "silence:0",
        "silence",
        "rust:1%",
        "cut:-1%",
        "baud",
        "baud:0",
        "parity:mark",
    ],
)
def test_an_unknown_fault_or_amount_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        faults.read(text)


# ---- the program


def test_same_seed_same_octets():
    first, second, other = (run("han-fake", "-n", "30", "--speed", "0", "--seed", seed).out for seed in "112")
    assert first == second != other
    assert first == b"".join(b"".join(frames) for frames, *_ in sent("aidon", 30))


def test_a_pipe_of_all_programs():
    _, decoded, words = shell("han-fake -n 20 --seed 1 --speed 0 | han-frame | han-decode")
    assert decoded.count(b'"apdu":"data-notification"') == 20
    assert b"fault" not in decoded
    assert words == ""


@pytest.mark.slow
def test_a_list_is_written_at_once_and_when_it_is_due():
    """Each is heard by itself: the next one is due only later."""
    with Running("han-fake", "--seed", "1", "--speed", "5") as fake:
        for frames, *_ in sent("aidon", 4):
            assert fake.hear() == b"".join(frames)
        fake.signal(signal.SIGTERM)
        assert fake.end()[::2] == (0, "")


def test_with_no_reader_it_ends_in_silence():
    with Running("han-fake", "--speed", "0") as fake:
        fake.process.stdout.close()
        assert fake.process.wait(PATIENCE) == 141
        assert fake.process.stderr.read() == b""


def test_several_meters_speak_on_one_line_each_with_its_number():
    _, readings, _ = shell(
        "han-fake --seed 1 --speed 0 -n 30 --number 8 --meters 3 | han-frame | han-decode | han-fields"
    )
    numbers = {reading["meter_ID"] for reading in map(json.loads, readings.splitlines()) if "meter_ID" in reading}
    assert numbers == {"7359990000000008", "7359990000000009", "7359990000000010"}


def test_lines_name_the_meter_that_sends_and_the_meters_take_turns():
    command = "han-fake --meter kaifa --number 8 --meters 4 --seed 1 --speed 0 -n 12"
    _, octets, _ = shell(command)
    _, lines, _ = shell(command + " --lines")
    sources, sent = zip(*map(bytes.split, lines.splitlines()), strict=True)
    assert sources == (b"kaifa/8", b"kaifa/9", b"kaifa/10", b"kaifa/11") * 3
    assert bytes.fromhex(b"".join(sent).decode()) == octets
    _, readings, _ = shell(command + " --lines | han-frame --lines | han-decode | han-fields")
    assert [json.loads(reading)["source"].encode() for reading in readings.splitlines()] == list(sources)


def test_many_meters_send_one_after_the_other_in_the_interval_of_one():
    when = [send for send, *_ in islice(turns([meters.meter("kaifa")] * 4, 1, NOON, {}), 12)]
    assert [later - sooner for sooner, later in pairwise(when)] == [500] * 11


@pytest.mark.parametrize("name", meters.names())
def test_every_number_is_another_in_the_same_form(name):
    first, *others = [meters.meter(name, number) for number in (1, 2, 10, 11, 12345)]
    if "number" in first._keys.get("texts", {}):
        texts = {str(each._keys["texts"]["number"]) for each in (first, *others)}
        assert len(texts) == 5
        assert len({len(text) for text in texts}) == 1
    assert len({each.needed for each in (first, *others)}) == (5 if first.needed else 1)


@pytest.mark.parametrize(
    ("arguments", "status", "word"),
    [
        (["--meter", "toaster"], 2, "toaster"),
        (["--speed", "-1"], 2, "--speed"),
        (["--start", "noon"], 2, "--start"),
        (["--fault", "rust:1%"], 2, "rust"),
        (["--meter", "p1-se", "--fault", "shared-flag"], 2, "HDLC"),
        (["--meter", "kamstrup-dk"], 3, "4B414D4500000001 KEY"),
        (["--meter", "kamstrup-dk", "--key-file", "/nowhere/keys"], 3, "/nowhere/keys: no such file"),
        (["--pty", "/nowhere/port"], 4, "/nowhere/port: no such file"),
    ],
)
def test_a_wrong_option_is_named(arguments, status, word):
    unset = {name: None for name in os.environ if name.startswith(("HANPIPE", "CREDENTIALS"))}
    ran = run("han-fake", *arguments, env=unset)
    assert ran[:2] == (status, b"")
    assert word in ran.words
    assert "Traceback" not in ran.words


# ---- the port


@pytest.fixture
def port(tmp_path):
    """A han-fake on a pseudo-terminal, fast, and the path of its port."""
    path = str(tmp_path / "han")
    with Running("han-fake", "--seed", "1", "--speed", "1000", "-v", "--pty", path) as fake:
        fake.words("nobody listens")
        yield fake, path


def read_some(descriptor, least):
    octets = b""
    while len(octets) < least:
        assert select.select([descriptor], [], [], PATIENCE)[0], "the port is silent"
        octets += os.read(descriptor, 65536)
    return octets


def test_a_port_gives_whole_frames_to_each_who_opens_it(port):
    fake, path = port
    for _ in range(2):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOCTTY)
        events = HdlcFramer().feed(read_some(descriptor, 500))
        assert {event.kind for event in events} == {"H"}
        os.close(descriptor)
        fake.words("nobody listens")  # it has noticed, and dropped the rest of a frame
    fake.signal(signal.SIGTERM)
    assert fake.end().status == 0
    assert not os.path.lexists(path)


@pytest.mark.slow
def test_nobody_who_reads_holds_it_up_and_nothing_stale_waits(port):
    fake, path = port
    descriptor = os.open(path, os.O_RDONLY | os.O_NOCTTY)
    fake.words("sent 0 of")  # the port is full, and the meter goes on
    os.close(descriptor)
    fake.words("nobody listens")
    fake.signal(signal.SIGSTOP)
    descriptor = os.open(path, os.O_RDONLY | os.O_NOCTTY)
    assert not select.select([descriptor], [], [], 0.05)[0]
    fake.signal(signal.SIGCONT)
    assert read_some(descriptor, 30)
    os.close(descriptor)


def test_a_reader_sees_the_end_of_the_meter(port):
    fake, path = port
    descriptor = os.open(path, os.O_RDONLY | os.O_NOCTTY)
    read_some(descriptor, 30)
    fake.signal(signal.SIGINT)
    assert fake.end().status == 0
    with contextlib.suppress(OSError):  # a hang-up reads as the end or as an error
        while os.read(descriptor, 65536):
            pass
    os.close(descriptor)


def test_appliances_are_on_phases_that_there_are():
    assert {phase for appliance in household.APPLIANCES for phase in appliance.phases} == {1, 2, 3}
    assert all(0 <= one.begin < one.end <= 24 for one in household.APPLIANCES)


EXAMPLES = os.path.join(os.path.dirname(__file__), "..", "..", "examples")


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(name for name in os.listdir(EXAMPLES) if name.endswith(".sh")))
def test_the_examples_say_something(name):
    if name == "ciphered.sh":
        needs("cryptography")
    if name == "parallel.sh":
        needs("parallel")
    ran = run(os.path.join(EXAMPLES, name))
    assert ran.status == 0
    assert ran.out.count(b"\n") >= 2
    assert "Traceback" not in ran.words


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--start", "1960-01-01", "a time of 2000 to 2099"),
        ("--number", "100000000000000000000", "from 1 to 99999999"),
        ("--number", "0", "from 1 to 99999999"),
        ("--seed", "x", "expected a whole number"),
        ("--fault", "drop", "drop: expected a rate"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_expected(option, value, expected):
    ran = run("han-fake", option, value)
    assert ran.status == 2
    assert expected in ran.words
