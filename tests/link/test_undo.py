"""link/undo.py: pasted telegrams -> the octets of the line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_p1 import telegram

from hanpipe.link.undo import restored_telegrams, why_not_restored

NUMBERS = st.lists(st.integers(0, 10**6).map(lambda number: b"1-0:1.8.0(%010d*kWh)\r\n" % number), min_size=1)
CHANGES = {
    "nothing": lambda octets: octets,
    "LF alone": lambda octets: octets.replace(b"\r", b""),
    "quoted": lambda octets: b"".join(b"> " + line + b"\n" for line in octets.split(b"\r\n")),
    "on one line": lambda octets: octets.replace(b"\r\n\r\n", b" ").replace(b"\r\n", b" "),
}


@pytest.mark.parametrize("change", CHANGES)
@given(NUMBERS)
def test_a_telegram_comes_back_as_it_was_sent(change: str, objects: list[bytes]) -> None:
    sent = telegram(b"".join(objects))
    assert restored_telegrams(b"words before\n" + CHANGES[change](sent)) == sent


@pytest.mark.parametrize("change", CHANGES)
def test_no_telegram_is_invented(change: str) -> None:
    assert restored_telegrams(CHANGES[change](telegram()).replace(b"31.7", b"32.7")) == b""


def test_what_is_missing_is_named() -> None:
    lines = telegram().split(b"\r\n")
    assert "first line" in why_not_restored(b"\n".join(lines[1:]))
    assert "last line" in why_not_restored(b"\n".join(lines[:-2]))
    assert "CRC is wrong" in why_not_restored(telegram().replace(b"31.7", b"32.7"))
    assert why_not_restored(b"7e a0 is not a telegram") == ""
