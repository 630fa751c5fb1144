"""OBIS codes and their names; docs/fields.md lists every one."""

import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import ROOT
from hanpipe.readings import p1, quantities


def page() -> dict[str, tuple[str, str]]:
    """Return name -> (code, unit) of each row of the table of electricity."""
    with open(os.path.join(ROOT, "docs", "fields.md"), encoding="utf-8") as file:
        section = file.read().partition("## Electricity")[2].partition("\n## ")[0]
    return {
        name: (code, unit)
        for name, code, unit in re.findall(r"^\| `(\w+)` \| `([^`]+)` \| (\S+) \|", section, re.MULTILINE)
    }


def test_the_page_lists_every_name_with_its_code_and_unit():
    codes = [f"1-0:{c}.{d}.{e}" for c in range(256) for d in range(100) for e in (0, 1)]
    codes += [f"0-0:96.{d}.{e}" for d in range(100) for e in range(100)]
    named = {known.name: (code, known.unit or "-") for code in codes if (known := quantities.quantity(code))}
    assert page() == named


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
    ],
)
def test_names(code, name, unit):
    assert quantities.quantity(code)[:2] == (name, unit)


@pytest.mark.parametrize("code", ["1-0:1.7.0*1", "7-0:1.7.0", "1-0:1.7.5", "0-1:96.14.0", "1-0:32.7.1", ""])
def test_what_has_no_name(code):
    assert quantities.quantity(code) is None
