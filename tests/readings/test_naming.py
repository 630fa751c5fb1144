"""Items to readings: names, scalers, units, clocks; P1 objects; and han-fields with every option."""

import json
import os
import struct
import subprocess
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import encoder
from conftest import CAPTURES, NO_CAPTURES, ROOT, captures
from hanpipe.apdu.decoder import Decoder
from hanpipe.apdu.message import Message
from hanpipe.link import FRAMERS
from hanpipe.readings import layouts, p1, plausible
from hanpipe.readings.names import Names
from hanpipe.readings.naming import Naming
from hanpipe.readings.reader import LineReader
from hanpipe.readings.reading import Reading
from hanpipe.readings.scaling import decimal_ratio
from programs import PATIENCE

ENVIRONMENT = {**os.environ, "PATH": "/usr/bin:" + os.environ["PATH"]}


def body(*elements) -> dict:
    return {"structure": list(elements)}


def entry(code: str, kind: str, value, scaler: int | None = None, unit: int = 255) -> dict:
    octets = bytes(map(int, code.replace("-", ".").replace(":", ".").split("."))) + b"\xff"
    scaled = [] if scaler is None else [{"structure": [{"integer": scaler}, {"enum": unit}]}]
    return {"structure": [{"octet-string": octets.hex()}, {kind: value}, *scaled]}


def line(keys: dict) -> bytes:
    return json.dumps({"link": "hdlc", "apdu": "data-notification"} | keys, separators=(",", ":")).encode() + b"\n"


def read(keys: dict, **options) -> tuple[dict, list[str]]:
    said: list[str] = []
    (result,) = LineReader(Naming(warn=said.append, **options)).lines(line(keys))
    return json.loads(result, parse_float=Decimal), said


def telegram(*result: list[str], identification: str = "/XXX5\\2ABC") -> dict:
    keys = {"link": "p1", "identification": identification, "objects": list(result)}
    return dict(Naming().telegram(keys))


def fields(*arguments: str, data: bytes = b"") -> subprocess.CompletedProcess:
    command = [os.path.join(ROOT, "bin", "han-fields"), *arguments]
    return subprocess.run(command, input=data, capture_output=True, env=ENVIRONMENT, timeout=PATIENCE, check=False)


# Lists


def test_what_no_table_knows_keeps_its_code_and_its_unit():
    result, said = read({"body": body(entry("1-0:99.7.0", "long-unsigned", 12, -1, 27))})
    assert result == {"1-0:99.7.0": Decimal("1.2")}
    assert said == []


def test_an_unknown_list_has_positions():
    result, said = read({"body": body({"long-unsigned": 3}, {"visible-string": "x"}, {"null-data": None})})
    assert result == {"#1": 3, "#2": "x"}
    assert said == []


def test_without_a_power_of_ten_a_value_stays_raw_and_the_user_is_told_how_to_say_it():
    keys = {"body": body(entry("1-0:32.7.0", "long-unsigned", 2362), entry("1-0:13.7.0", "long-unsigned", 997))}
    result, said = read(keys)
    assert result == {"1-0:32.7.0": 2362, "1-0:13.7.0": 997}
    assert len(said) == 1
    assert "--scale V=-1,pf=-3" in said[0]
    result, said = read(keys, scale={"V": -1, "pf": -3})
    assert result == {"volt_L1": Decimal("236.2"), "power_factor": Decimal("0.997")}
    assert said == []


def test_a_scaler_on_the_line_is_never_replaced():
    result, _ = read({"body": body(entry("1-0:32.7.0", "long-unsigned", 2362, -1, 35))}, scale={"V": 0})
    assert result == {"volt_L1": Decimal("236.2")}


def test_a_scale_replaces_that_of_the_meter_data():
    list1 = {"destination": "01", "body": body({"double-long-unsigned": 826})}
    assert read(list1)[0] == {"act_pow_pos": 826}
    assert read(list1, scale={"W": 1})[0] == {"act_pow_pos": 8260}


@pytest.mark.parametrize(
    ("kind", "sent", "scaler", "result"),
    [
        ("float32", 230.39999389648438, 0, "230.4"),
        ("float32", 2304.0, -1, "230.4"),
        ("float32", 16777216.0, 0, "16777216"),
        ("float32", -0.0, 0, "0"),
        ("float32", 1e300, 0, "1" + "0" * 300),
        ("float32", 230.4, 0, "230.4"),
        ("float64", 230.4, 0, "230.4"),
        ("float64", 0.1, 1, "1"),
        ("float64", 1e-9, 0, "0.000000001"),
        ("float64", 1e22, 0, "1" + "0" * 22),
    ],
)
def test_a_float_is_its_shortest_decimal_named_and_scaled(kind, sent, scaler, result):
    data = line({"body": body(entry("1-0:32.7.0", kind, sent, scaler, 35))})
    (reading,) = LineReader(Naming()).lines(data)
    assert reading == f'{{"volt_L1":{result}}}'


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_float32_is_read_back_as_it_was(sent):
    result, _ = read({"body": body(entry("1-0:32.7.0", "float32", sent, 0, 35))})
    (read_back,) = struct.unpack(">f", struct.pack(">f", result["volt_L1"]))
    assert read_back == sent


def test_a_float_without_a_power_of_ten_stays_raw_or_takes_that_of_the_user():
    keys = {"body": body(entry("1-0:32.7.0", "float64", 230.4))}
    result, said = read(keys)
    assert (result, len(said)) == ({"1-0:32.7.0": Decimal("230.4")}, 1)
    assert read(keys, scale={"V": 0})[0] == {"volt_L1": Decimal("230.4")}


def test_a_transformer_ratio_is_exact_and_leaves_voltages():
    keys = {"body": body(entry("1-0:31.7.0", "long", -51, -1, 33), entry("1-0:32.7.0", "long-unsigned", 2362, -1, 35))}
    assert read(keys, ratio=decimal_ratio("200/3.2"))[0] == {"curr_L1": Decimal("-318.75"), "volt_L1": Decimal("236.2")}


def test_a_code_sent_twice_keeps_both():
    result, _ = read({"body": body(*[entry("1-0:1.7.0", "long-unsigned", number, 0, 27) for number in (1, 2)])})
    assert result == {"act_pow_pos": 1, "1-0:1.7.0#2": 2}


CLOCK, LATER = "07ea0b16070a0f0aff800000", "07ea0b16070a0f0bff800000"
WITH_OFFSET, NEVER_SET = "07ea0b16070a0f0affffc400", "ffffffffffffffffff800000"
TIME, DATE = entry("1-0:0.9.1", "octet-string", "0a0f0a00"), entry("1-0:0.9.2", "octet-string", "07ea0b1607")


@pytest.mark.parametrize(
    ("header", "elements", "result"),
    [
        (WITH_OFFSET, [], "2026-11-22T10:15:10+01:00"),
        (None, [entry("0-0:1.0.0", "octet-string", CLOCK)], "2026-11-22T10:15:10"),
        (WITH_OFFSET, [entry("0-0:1.0.0", "octet-string", LATER)], "2026-11-22T10:15:11"),
        (NEVER_SET, [], None),
        (None, [TIME, DATE], "2026-11-22T10:15:10"),
        (WITH_OFFSET, [TIME, DATE], "2026-11-22T10:15:10+01:00"),
        (None, [TIME], None),
        (None, [], None),
    ],
)
def test_whose_clock(header, elements, result):
    assert read({"date_time": header, "body": body(*elements)})[0].get("date_time") == result


@pytest.mark.parametrize(("kind", "sent"), [("double-long-unsigned", 5), ("octet-string", "07ea0b1607"), ("enum", 1)])
def test_a_clock_object_that_is_no_date_time_keeps_its_code(kind, sent):
    result, _ = read({"date_time": WITH_OFFSET, "body": body(entry("0-0:1.0.0", kind, sent))})
    assert result["date_time"] == "2026-11-22T10:15:10+01:00"
    assert "0-0:1.0.0" in result


def layout(name: str, *more: str) -> str:
    return f'[[list]]\nname = "{name}"\nelements = ["1-0:1.7.0 long-unsigned", "- octet-string"]\n' + "\n".join(more)


@pytest.mark.parametrize(
    ("more", "hint"), [('title = "ISK"', "--layout one or --layout two"), ("", "add --layout one")]
)
def test_a_list_that_two_layouts_fit_or_none_for_sure_has_positions_and_the_user_is_told_how_to_choose(
    more, hint, monkeypatch
):
    known = layouts.read_layouts(
        "x.toml", layout("one", more, "scaler = { W = 0 }") + "\n" + layout("two", more, "scaler = { W = 3 }")
    )
    monkeypatch.setattr(layouts, "shipped", lambda: tuple(known))
    keys = {"system_title": b"ISK00000".hex(), "body": body({"long-unsigned": 5}, {"octet-string": "00"})}
    result, (said,) = read(keys)
    assert result == {"meter_maker": "Iskraemeco", "#1": 5, "#2": ""}
    assert said.startswith("a list of 2 values from ISK ")
    assert said.endswith(hint)
    chosen = {"meter_maker": "Iskraemeco", "act_pow_pos": 5000, "#2": ""}
    assert read(keys, layouts=(known[1],)) == (chosen, [])


@pytest.mark.parametrize("code", ["0-0:96.1.0", "0-0:1.0.0"])
@pytest.mark.parametrize("first", [b"181220000016".hex(), "07ea0b16070a0f0affffc400"])
def test_a_number_is_never_taken_for_a_clock_nor_a_clock_for_it_whichever_came_first(code, first):
    """Both are strings of 12 octets: lines and messages that differ only in them must not share a shape."""
    keys = [{"body": body(entry(code, "octet-string", sent))} for sent in (first, CLOCK, b"181220000017".hex())]
    result = [json.loads(one) for one in LineReader(Naming()).lines(b"".join(map(line, keys)))]
    assert result[2].get("meter_ID") == ("181220000017" if code == "0-0:96.1.0" else None)
    assert "date_time" not in result[2]
    assert "meter_ID" not in result[1]
    assert result[1].get("date_time") == (None if code == "0-0:96.1.0" else "2026-11-22T10:15:10")
    decoder, naming = Decoder(), Naming()
    messages = [decoder.feed("A", encoder.notification(one["body"]))[0] for one in keys]
    assert [json.loads(naming.reading(message).line()) for message in messages] == result


def test_who_sent_it_may_decide(monkeypatch):
    texts = layout("one", "scaler = { W = 0 }", 'title = "ISK"'), layout("two", "scaler = { W = 3 }", 'title = "LGZ"')
    monkeypatch.setattr(layouts, "shipped", lambda: tuple(layouts.read_layouts("x.toml", "\n".join(texts))))
    keys = {"body": body({"long-unsigned": 5}, {"octet-string": "00"})}
    assert read(keys | {"system_title": b"LGZ00000".hex()})[0]["act_pow_pos"] == 5000
    assert "act_pow_pos" not in read(keys)[0]


@pytest.mark.parametrize("volts", [23621, 0])
def test_the_size_of_a_voltage_warns_its_power_of_ten_for_all_phases(volts):
    pairs = [("1-1:32.7.0", volts), ("1-1:52.7.0", 500), ("1-1:72.7.0", 23502)]
    elements = [part for code, raw in pairs for part in entry(code, "long-unsigned", raw)["structure"]]
    result, _ = read({"body": body({"visible-string": "Kamstrup_V0001"}, *elements)})
    assert result["volt_L2"] == 5
    assert result["volt_L1"] == Decimal(volts) / 100


# Plausibility


def test_doubts_are_told_once_and_change_nothing():
    keys = {"body": body(entry("1-0:32.7.0", "long-unsigned", 2362, 0, 35))}
    result, said = read(keys)
    assert result == {"volt_L1": 2362}
    assert len(said) == 1
    assert "2362 V" in said[0]


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        ({"volt_L1": 230, "volt_L2": 0, "curr_L1": 5, "act_pow_pos": 1100}, []),
        ({"volt_L1": 128, "volt_L2": 139, "curr_L1": 5}, []),
        ({"volt_L1": Decimal("13.3")}, ["volts"]),
        ({"volt_L1": Decimal("23.6")}, ["volts"]),
        ({"volt_L1": 230, "curr_L1": Decimal("0.5"), "act_pow_pos": 11000}, ["power"]),
        ({"volt_L1": 230, "curr_L1": Decimal("-5.1"), "act_pow_neg": 1234}, []),
        ({"act_pow_pos": 11000}, []),
    ],
)
def test_doubts(reading, words):
    assert [word for word, _ in plausible.doubts(reading)] == words


# P1


def test_values_of_a_telegram_are_exact():
    result = telegram(["1-0:1.7.0", "01.011*kW"], ["1-0:1.8.1", "00001234.567*kWh"], ["1-0:3.7.0", "0.129*kVA"])
    assert (result["act_pow_pos"], result["act_energy_pos_T1"], result["react_pow_pos"]) == (1011, 1234567, 129)
    assert result["meter_model"] == "ABC"


@given(st.integers(0, 10**9), st.integers(0, 999))
def test_every_value_of_a_telegram_is_exact(whole, thousandths):
    assert telegram(["1-0:1.8.0", f"{whole}.{thousandths:03}*kWh"])["act_energy_pos"] == whole * 1000 + thousandths


def test_sub_meters_have_their_kind_number_and_time():
    result = telegram(
        ["0-1:24.1.0", "003"], ["0-1:24.2.1", "261122101000W", "00012.345*m3"], ["0-1:96.1.0", "4730"],
        ["0-2:24.1.0", "007"], ["0-2:24.2.1", "700101010000W", "00000.000*m3"],
        ["0-3:24.1.0", "003"], ["0-3:24.2.1", "261122101100S", "1.5*m3"],
        ["0-4:24.2.1", "261122101100S", "123.45*GJ"],
        ["0-5:24.1.0", "004"], ["0-5:24.2.1", "261122101100S", "00012.345*kWh"],
    )  # fmt: skip
    assert result["gas_volume"] == Decimal("12.345")
    assert result["gas_time"] == "2026-11-22T10:10:00"
    assert result["gas_ID"] == "G0"
    assert result["gas_volume_2"] == Decimal("1.5")
    assert result["gas_time_2"] == "2026-11-22T10:11:00"
    assert result["heat_energy"] == Decimal("123.45")
    assert result["heat_energy_2"] == Decimal("0.044442")  # 12.345 kWh, each 0.0036 GJ
    assert result["0-2:24.2.1"] == 0
    assert not any(key.startswith("water") for key in result)


def test_the_gas_of_dsmr_3_stands_in_seven_brackets():
    old = ["0-1:24.3.0", "261122100000", "00", "60", "1", "0-1:24.2.1", "m3", "00012.345"]
    assert telegram(["0-1:24.1.0", "3"], old)["gas_volume"] == Decimal("12.345")


@pytest.mark.parametrize("time", ["000000000000W", "700101010000W", "632525252525W", "", "2611221015", "x"])
def test_a_clock_that_nobody_set_is_absent(time):
    assert p1.read_time(time) is None
    assert "date_time" not in telegram(["0-0:1.0.0", time])


@pytest.mark.parametrize("text", ["", "2611221015", "x"])
def test_what_is_no_clock_in_a_telegram_keeps_its_code(text):
    assert telegram(["0-0:1.0.0", text])["0-0:1.0.0"] == text


@pytest.mark.parametrize(
    ("line", "model"),
    [("/KAM5", ""), ("/ISK5\\2M550E-0016", "M550E-0016"), ("/NES5:1-1A", ":1-1A"), ("/NWA-WARMTELINK", "WARMTELINK"),
     ("/XXX5\\T200 TEST 5.0", "T200 TEST 5.0"), ("/XXX5\\\\1200_A", "1200_A"),
     ("/ADN9 6534", "6534"), ("", ""), (None, "")],
)  # fmt: skip
def test_the_model_stands_in_the_identification(line, model):
    assert p1.meter_model(line) == model


@pytest.mark.parametrize(
    ("sent", "result"), [("4730", "G0"), ("81828384", "81828384"), ("XYZ1", "XYZ1"), ("0000", "0000")]
)
def test_hex_ids_are_decoded_if_they_spell_something(sent, result):
    assert telegram(["0-0:96.1.1", sent])["meter_ID"] == result


def test_texts_and_logs_keep_their_codes():
    result = telegram(["0-0:96.13.0", ""], ["1-0:99.97.0", "1", "0-0:96.7.19", "x"], ["a line that is not an object"])
    assert result == {"meter_model": "ABC", "message": "", "1-0:99.97.0": ["1", "0-0:96.7.19", "x"]}


@given(st.lists(st.lists(st.text(max_size=12), min_size=1, max_size=8), max_size=8))
def test_any_objects_give_a_reading(result):
    assert isinstance(json.loads(Naming().telegram({"objects": result}).line()), dict)


def test_objects_that_are_none_are_a_wrong_line():
    reader = LineReader(Naming())
    assert reader.lines(b'{"link":"p1","objects":[3]}\n{"link":"p1","objects":{}}\n') == []
    assert reader.counters()["wrong"] == 2


# Names


def test_tables_of_names():
    values = body(entry("1-0:1.8.0", "long-unsigned", 1234, 0, 30), entry("1-0:32.7.0", "long-unsigned", 2362, -1, 35))
    for table, result in (
        ("hanmeter", {"act_energy_pos": 1234, "volt_L1": Decimal("236.2")}),
        ("amshan", {"active_power_import_total": 1234, "voltage_l1": Decimal("236.2")}),
        ("amsreader", {"tPI": Decimal("1.234"), "U1": Decimal("236.2")}),
        ("units", {"act_energy_pos_Wh": 1234, "volt_L1_V": Decimal("236.2")}),
    ):
        done = fields("--names", table, data=line({"body": values}))
        assert json.loads(done.stdout, parse_float=Decimal) == result


@pytest.mark.parametrize(
    "text", ["x = ", "colour = 1", "[names]\na = 3", "names = 3", "[names.a]\nname = 'x'\npower = 99"]
)
def test_a_wrong_table_of_names(text, tmp_path):
    with pytest.raises(ValueError):  # noqa: PT011  tomllib says it in its own words
        Names.read(text)
    file = tmp_path / "mine.toml"
    file.write_text(text)
    done = fields("--names", str(file))
    assert done.returncode == 3
    assert str(file) in done.stderr.decode()


@pytest.mark.parametrize(
    ("text", "ratio"), [("40", (40, 0)), ("200/5", (40, 0)), ("62.5", (625, -1)), ("250/4", (625, -1))]
)
def test_ratios(text, ratio):
    assert decimal_ratio(text) == ratio


@pytest.mark.parametrize("text", ["", "0", "-1", "1/3", "1/0", "x", "5/"])
def test_no_ratios(text):
    with pytest.raises(ValueError):  # noqa: PT011  argparse says it to the user
        decimal_ratio(text)


# The program

LIST = line(
    {"body": body(entry("1-0:1.7.0", "long-unsigned", 826, 0, 27), entry("1-0:32.7.0", "long-unsigned", 2362, -1, 35))}
)


@pytest.mark.parametrize(
    ("arguments", "result"),
    [
        ((), {"act_pow_pos": 826, "volt_L1": 236.2}),
        (("--only", "volt*"), {"volt_L1": 236.2}),
        (("--only", "1-0:1.7.0"), {"act_pow_pos": 826}),
        (("--only", "P", "--names", "amsreader"), {"P": 826}),
        (("--only", "nothing"), {}),
        (("--ct", "200/5"), {"act_pow_pos": 33040, "volt_L1": 236.2}),
    ],
)
def test_options(arguments, result):
    done = fields(*arguments, data=LIST)
    assert (json.loads(done.stdout), done.returncode) == (result, 0)


def test_a_name_that_occurs_nowhere_is_told_at_the_end():
    done = fields("--only", "volt_L1,volt_l2,act*", data=LIST)
    assert (done.returncode, done.stderr) == (0, b"han-fields: --only: no reading has volt_l2\n")
    assert fields("--only", "volt*", data=LIST).stderr == b""


def test_obis():
    result = json.loads(fields("--obis", data=LIST).stdout)
    assert result["values"]["1-0:32.7.0"] == {"name": "volt_L1", "value": 236.2, "unit": "V"}
    assert result["meter_ID"] is None


def test_text():
    assert fields("--text", data=LIST * 2).stdout.decode() == "act_pow_pos = 826\nvolt_L1 = 236.2\n\n" * 2


def test_a_layout_of_ones_own(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(layout("mine", "scaler = { W = 1 }"))
    data = line({"body": body({"long-unsigned": 5}, {"octet-string": "6162"})})
    done = fields("--layout", str(file), data=data)
    assert (json.loads(done.stdout), done.stderr) == ({"act_pow_pos": 50, "#2": "ab"}, b"")


def test_a_layout_that_never_fits_is_told_at_the_end():
    done = fields("--layout", "isk-si4", "--layout", "kaifa-1", data=line({"body": body({"double-long-unsigned": 3})}))
    assert json.loads(done.stdout) == {"act_pow_pos": 3}
    assert done.stderr.startswith(b"han-fields: --layout: no list has the elements of isk-si4;")


@pytest.mark.parametrize(
    ("arguments", "status", "word"),
    [
        (("--layout", "nobody"), 2, "kaifa-2"),
        (("--layout", "/nowhere/x.toml"), 3, "no such file"),
        (("--names", "nobody"), 2, "amshan"),
        (("--names", "amshan", "--obis"), 2, "--obis"),
        (("--scale", "V"), 2, "V"),
        (("--scale", "X=1"), 2, "pf"),
        (("--ct", "1/3"), 2, "--ct"),
        (("--text", "--learn"), 2, "--learn"),
        (("--learn", "-n", "1"), 2, "--learn"),
        (("-n", "0"), 2, "-n"),
        ((), 1, ""),
    ],
)
def test_wrong_usage(arguments, status, word):
    done = fields(*arguments)
    assert (done.returncode, done.stdout) == (status, b"")
    assert word in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


def test_counters_and_summary():
    done = fields("--stats", "-v", data=LIST + b'{"fault":"noise","octets":"00"}\nno JSON\n')
    counters, summary = done.stderr.decode().splitlines()
    assert json.loads(counters) == {"readings": 1, "passed": 1, "wrong": 1}
    assert summary == "han-fields: 1 reading, 1 line without a list, 1 wrong line"


def test_stop_after_so_many():
    assert fields("-n", "2", data=LIST * 3).stdout.count(b"\n") == 2


def test_a_reading_is_a_mapping():
    reading = Naming().telegram({"objects": [["1-0:1.7.0", "01.011*kW"]], "identification": "/X"})
    assert isinstance(reading, Reading)
    assert dict(reading) == {"act_pow_pos": 1011}
    assert reading.field("act_pow_pos").unit == "W"


@pytest.mark.skipif(not captures(), reason=NO_CAPTURES)
@pytest.mark.parametrize("link", ["auto", "apdu"])
def test_captures_read_alike_in_process_and_through_lines(link):
    for capture in captures():
        if capture.endswith("-apdu") != (link == "apdu"):
            continue
        with open(os.path.join(CAPTURES, f"{capture}.raw"), "rb") as file:
            octets = file.read()
        framer, decoder, naming, reader = FRAMERS[link](), Decoder(), Naming(), LineReader(Naming())
        events = framer.feed(octets) + framer.feed(b"")
        result = [one for kind, frame in events for one in decoder.feed(kind, frame) if isinstance(one, Message)]
        lines = reader.lines("".join(one.line() + "\n" for one in result).encode())
        assert [naming.reading(one).line() for one in result] == lines, capture
