"""P1 objects as meters really print them, each kind of deviation once; and what stays a text."""

import os
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import CAPTURES, NO_CAPTURES, captures
from hanpipe.apdu import telegram
from hanpipe.readings.naming import Naming
from hanpipe.readings.scaling import decimal_ratio


def reading(*objects: list[str], **options: Any) -> dict[str, Any]:
    return dict(Naming(**options).telegram({"objects": list(objects)}))


GAS = ["0-1:24.1.0", "003"]


@pytest.mark.parametrize(
    ("objects", "result"),
    [
        ([["1-0:21.7.0.255", "01.111*kW"]], {"act_pow_pos_L1": 1111}),
        ([["1-0:21.7.0*255", "01.111*kW"]], {"act_pow_pos_L1": 1111}),
        ([["1-0:1.8.1", "000.1kWh"], ["1-0:31.7.0", "005A"]], {"act_energy_pos_T1": 100, "curr_L1": 5}),
        ([["1-0:1.7.0", "01.5*KW"], ["1-0:3.7.0", "0.129*kVAR"]], {"act_pow_pos": 1500, "react_pow_pos": 129}),
        ([["1-0:1.8.0", "000001.234*kWh "], ["1-0:14.7.0", "0.049*kHz"]], {"act_energy_pos": 1234, "frequency": 49}),
        ([GAS, ["0-1:24.2.1", "261122101000W", "12345*dm3"]], {"gas_volume": Decimal("12.345")}),
        ([GAS, ["0-1:24.2.1", "261122101000s", "12.5*M3"]], {"gas_volume": Decimal("12.5")}),
        ([GAS, ["0-1:24.2.1", "00012.345*m3", "261122101000W"]], {"gas_volume": Decimal("12.345")}),
        ([GAS, ["0-1:24.2.3", "261122101000W", "00012.345m3"]], {"gas_volume": Decimal("12.345")}),
        ([["1-0:1.6.0", "08.796*kW", "260102010000"]], {"act_pow_pos_max": 8796}),
        ([["1-0:1.6.0", "260102010000W", "08.796*kW"]], {"act_pow_pos_max": 8796}),
        ([["0-0:96.1.1", "31323639202020"]], {"meter_ID": "1269"}),
        ([["1-0:0.9.1", "101510"], ["1-0:0.9.2", "261122"]], {"date_time": "2026-11-22T10:15:10"}),
        ([["0-0:0.9.1", "10:15:10"], ["0-0:0.9.2", "2026-11-22"]], {"date_time": "2026-11-22T10:15:10"}),
        ([["1-0:0.9.1", "101510"], ["1-0:0.9.2", "261122"], ["0-0:1.0.0", "261122101511W"]],
         {"date_time": "2026-11-22T10:15:11"}),
    ],
)  # fmt: skip
def test_what_meters_print(objects, result):
    assert all(reading(*objects)[key] == value for key, value in result.items())


def test_a_time_beside_a_value_is_kept_in_either_order():
    for object_ in (["1-0:1.6.0", "08.796*kW", "260102010000"], ["1-0:1.6.0", "260102010000", "08.796*kW"]):
        assert reading(object_)["act_pow_pos_max_time"] == "2026-01-02T01:00:00"


@pytest.mark.parametrize(
    ("objects", "result"),
    [
        ([["1-0:1.7.0", ""]], {}),
        ([["0-0:96.13.0", "12A"]], {"message": "12A"}),  # not a current
        ([["1-0:1.7.0", "12XY"]], {"1-0:1.7.0": "12XY"}),
        ([["1-0:1.7.0", "12"]], {"1-0:1.7.0": "12"}),
        ([["1-0:1.7.0", "5*mw"]], {"1-0:1.7.0": 5}),  # milli or mega? raw, without our name
        ([["1-0:1.7.0", "5*V"]], {"1-0:1.7.0": 5}),
        ([["1-0:0.9.1", "101510"]], {"1-0:0.9.1": "101510"}),
    ],
)
def test_what_is_in_doubt_gets_no_name(objects, result):
    assert reading(*objects) == result


@pytest.mark.parametrize("nothing", ["ER23", "(ER11)"])
def test_a_code_that_says_no_value_does_not_give_the_meters_number(nothing):
    empty, address, name = ["0-0:96.1.1", nothing], ["0-0:0.0.0", "12345"], ["0-0:42.0.0", "XXX1"]
    assert reading(empty, name, address)["meter_ID"] == "12345"
    assert reading(empty, name)["meter_ID"] == "XXX1"
    assert "meter_ID" not in reading(empty)
    assert reading(["0-0:96.1.1", "1234567"], name, address)["meter_ID"] == "1234567"


TWO_OF_A_KIND = [
    ["1-0:1.7.0", "00.280*kW"],
    ["0-1:24.1.0", "003"], ["0-1:96.1.0", "4730"], ["0-1:24.2.1", "261122101000W", "00012.345*m3"], ["0-1:24.4.0", "1"],
    ["0-2:24.1.0", "003"], ["0-2:96.1.0", "4731"], ["0-2:24.2.1", "261122101000W", "00678.901*m3"], ["0-2:24.4.0", "0"],
]  # fmt: skip


@pytest.mark.parametrize("at", range(1, len(TWO_OF_A_KIND)))
def test_no_sub_meter_is_taken_for_another_of_its_kind_if_an_object_is_damaged(at):
    whole = reading(*TWO_OF_A_KIND)
    assert (whole["gas_volume"], whole["gas_volume_2"]) == (Decimal("12.345"), Decimal("678.901"))
    code, *brackets = TWO_OF_A_KIND[at]
    for damaged in (
        [code.replace(":", ";"), *brackets],
        [code, *brackets[:-1], "x"],
        [code, "x", *brackets[1:]],
        [code],
    ):
        result = reading(*TWO_OF_A_KIND[:at], damaged, *TWO_OF_A_KIND[at + 1 :])
        for name in ("gas_volume", "gas_volume_2", "gas_time", "gas_time_2"):
            assert result.get(name, whole[name]) == whole[name], damaged


@pytest.mark.parametrize(
    "absent",
    [
        [["0-1:24.1.0", "003"], ["0-1:96.1.0", ""]],
        [["0-1:24.1.0", "003"], ["0-1:96.1.0", "4730"], ["0-1:24.2.1", "632525252525S", "00000.000"]],
        [["0-1:24.1.0", "003"], ["0-1:24.2.1", "", "00000.000*m3"]],
        [["0-1:24.1.0", "000"]],
        [["0-1:96.3.10", "0"], ["0-1:24.4.0", "0"]],
    ],
)
def test_a_channel_where_no_meter_is_connected_does_not_count(absent):
    assert reading(*absent, *TWO_OF_A_KIND[5:])["gas_volume"] == Decimal("678.901")


def test_nothing_is_counted_in_fractions():
    assert reading(["0-0:96.7.9", "00003"]) == {"long_power_failures": 3}
    assert "long_power_failures" not in reading(["0-0:96.7.9", "0.003"])


FAILURES = ["1-0:99.97.0", "2", "0-0:96.7.19", "260401101112S", "0000000240*s", "000000000000W", "0000000007*s"]
PEAKS = ["0-0:98.1.0", "1", "1-0:1.6.0", "1-0:1.6.0", "261101000000W", "261014180000S", "02.000*kW"]


def test_logs_are_data():
    assert reading(FAILURES, PEAKS) == {
        "power_failure_log": [{"end": "2026-04-01T10:11:12", "seconds": 240}, {"seconds": 7}],
        "act_pow_pos_max_log": [{"month": "2026-11-01T00:00:00", "time": "2026-10-14T18:00:00", "value": 2000}],
    }


@given(st.sampled_from([FAILURES, PEAKS]), st.data())
def test_a_log_with_anything_else_in_it_keeps_its_code_and_brackets(log, data):
    at = data.draw(st.integers(2, len(log) - 1))
    changed = [*log[:at], data.draw(st.sampled_from(["", "x", "1.7*V", "1-0:1.6", "240"])), *log[at + 1 :]]
    assert reading(changed) == {log[0]: changed[1:]}
    for end in range(2, len(log)):
        values = reading(log[:end])
        assert all(record in reading(log)[name] for name in values if name.endswith("_log") for record in values[name])


def test_the_values_of_a_log_are_not_named_where_a_transformer_ratio_would_change_them():
    assert reading(PEAKS, ratio=decimal_ratio("200/5")) == {PEAKS[0]: PEAKS[1:]}


@pytest.mark.skipif(not captures(), reason=NO_CAPTURES)
def test_a_real_telegram_cut_short_gives_the_same_values_or_none():
    for name in captures():
        with open(os.path.join(CAPTURES, f"{name}.raw"), "rb") as file:
            octets = file.read()
        if not octets.startswith(b"/"):
            continue
        _, objects = telegram.read_telegram(octets)
        whole = reading(*objects)
        for end in range(len(objects)):
            result = {key: value for key, value in reading(*objects[:end]).items() if ":" not in key}
            number = result.pop("meter_ID", None)  # from another of its codes, while the first has not come
            assert number is None or number in whole.values(), name
            assert all(whole[key] == value for key, value in result.items()), name
