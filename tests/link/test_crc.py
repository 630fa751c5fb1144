"""link/crc.py: the checks against their published values."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from hanpipe.link.crc import GOOD, residue, x25


def test_the_check_is_the_standards() -> None:
    assert x25(b"123456789") == 0x906E


@given(st.binary(max_size=300))
def test_octets_followed_by_their_check_have_the_good_residue(octets: bytes) -> None:
    assert residue(octets + struct.pack("<H", x25(octets))) == GOOD


@given(st.binary(max_size=300), st.integers(1, 0xFFFF))
def test_octets_followed_by_any_other_check_do_not(octets: bytes, difference: int) -> None:
    assert residue(octets + struct.pack("<H", x25(octets) ^ difference)) != GOOD
