"""A thousandth of the nightly run of damaged inputs, and that it finds what it looks for."""

import json

import pytest

import damage
from needs import needs
from programs import run


@pytest.mark.slow
@pytest.mark.parametrize("first", [0, 500_000])
def test_damaged_inputs_give_valid_outputs(first):
    needs("line_protocol_parser")
    result = damage.share(1, first, 250)
    assert result["failed"] == 0
    assert result["done"] == 250
    assert result["read"] > 100


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("text", lambda *_: "\x1b[31m\n"),
        ("point", lambda *_: "han,meter_id=a\\ x=1"),
        ("draw", lambda *_: "\u202e"),
        ("SERIES", damage.re.compile("x")),
    ],
)
def test_an_output_that_is_not_valid_is_found_and_its_input_named(name, broken, monkeypatch, capfd):
    needs("line_protocol_parser")
    monkeypatch.setattr(damage, name, broken)
    result = damage.share(1, 0, 100)
    words = capfd.readouterr().out
    assert result["failed"] == words.count("repeat: tests/damage.py --seed 1 --first ") == damage.MOST_FAILED
    first = int(words.partition("input ")[2].partition(":")[0])
    assert f"--first 0 --inputs {first + 1} " in words


def test_the_unit_of_a_damaged_telegram_controls_no_terminal():
    typed = {"link": "p1", "identification": "/KAM5", "objects": [["1-0:2.8.0", "00002564.423*k\u0080\u001bh"]]}
    shown = run("han-fields", "--text", "--obis", given=json.dumps(typed).encode() + b"\n").out.decode()
    assert shown.replace("\n", "").isprintable()


def test_a_damaged_year_does_not_make_half_a_million_periods():
    lines = [{"date_time": f"{year}-06-21T12:00:00", "act_pow_pos": 5} for year in (2026, 2027, 2026)]
    ran = run("han-every", "1m", given=b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    assert (ran.status, ran.out.count(b"\n")) == (0, 3)
