"""OBIS codes and their names; docs/fields.md lists every one."""

import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import ROOT
from hanpipe.readings import p1, quantities
from programs import docs_script


def test_the_page_is_written_from_the_table():
    make = docs_script("make")
    with open(os.path.join(ROOT, "docs", "fields.md"), encoding="utf-8") as file:
        assert file.read() == make.fields_page(), "python3 docs/make.py"


def test_the_rows_are_all_codes_that_have_a_quantity():
    codes = [f"1-0:{c}.{d}.0" for c in range(256) for d in range(100)] + ["1-0:0.2.8"]
    codes += [f"0-0:{c}.{d}.{e}" for c in range(128) for d in range(32) for e in range(32)]
    rows = dict(quantities.rows())
    assert {code: found for code in codes if (found := quantities.quantity(code))} == rows
    assert set(rows.values()) == {quantities.quantity(code) for code in rows}


def test_a_name_leads_back_to_its_quantity():
    for _, found in quantities.rows():
        assert quantities.named(found.name) == found
    assert quantities.named("act_energy_neg_L2_T3") == quantities.quantity("1-0:42.8.3")
    assert quantities.named("gas_volume_2").number == "2"


@pytest.mark.parametrize("name", ["volt_2", "volt_L4", "act_pow_pos_T1", "act_energy_pos_T", "gas_volume_x", "", "#1"])
def test_other_names_have_no_quantity(name):
    assert quantities.named(name) is None


def test_the_page_lists_every_kind_of_sub_meter():
    with open(os.path.join(ROOT, "docs", "fields.md"), encoding="utf-8") as file:
        text = file.read()
    for kind in set(p1._DEVICES.values()):
        assert f"`{kind}_time`" in text
        assert f"`{kind}_ID`" in text
        assert f"`{kind}_volume`" in text
        assert f"`{kind}_energy`" in text


@given(st.binary(min_size=6, max_size=6))
def test_a_code_is_written_without_255(octets):
    assert re.fullmatch(r"\d+-\d+:\d+\.\d+\.\d+(\*\d+)?", quantities.code(octets))
    assert quantities.code(octets).endswith(f"*{octets[5]}") == (octets[5] != 255)


@given(st.text())
def test_any_text_has_a_quantity_or_none(text):
    assert quantities.quantity(text) is None or isinstance(quantities.quantity(text), quantities.Quantity)


@pytest.mark.parametrize(
    ("code", "name", "unit"),
    [
        ("1-0:1.7.0", "act_pow_pos", "W"),
        ("1-1:1.7.0", "act_pow_pos", "W"),
        ("1-0:2.8.2", "act_energy_neg_T2", "Wh"),
        ("1-0:63.7.0", "react_pow_pos_L3", "var"),
        ("1-0:52.7.0", "volt_L2", "V"),
        ("1-0:13.7.0", "power_factor", None),
        ("0-0:96.14.0", "tariff", None),
        ("1-0:36.7.0", "act_pow_net_L1", "W"),
        ("1-3:0.2.8", "P1_version", None),
        ("0-0:17.0.0", "act_pow_limit", "W"),
        ("1-0:15.24.0", "act_pow_sum_avg3", "W"),
        ("1-0:52.33.0", "volt_sag_duration_L2", "s"),
    ],
)
def test_names(code, name, unit):
    assert quantities.quantity(code)[:2] == (name, unit)


@pytest.mark.parametrize("code", ["1-0:1.7.0*1", "7-0:1.7.0", "1-0:1.7.5", "0-1:96.14.0", "1-0:32.7.1", ""])
def test_what_has_no_name(code):
    assert quantities.quantity(code) is None
