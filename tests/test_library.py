"""hanpipe.readings(): the warnings that a program gets."""

import io

import pytest

import encoder
import hanpipe
from hanpipe.apdu.keys import ANY, Keys, Line
from needs import needs

CIPHERED = b"\xdb\x08KAM\0\0\0\0\1\x0d\x20\0\0\0\1" + bytes(8)
LIST = encoder.notification({"structure": [{"octet-string": "0100200700ff"}, {"long-unsigned": 2362}]})
DESCRIPTOR = {"cosem-attribute-descriptor": {"class_id": 3, "logical_name": "0100010700ff", "attribute_id": 2}}
DESCRIBED = encoder.notification(
    {"structure": [{"enum": 1}, {"array": [{"structure": [DESCRIPTOR, {"long-unsigned": 826}]}]}]}
)


def test_a_message_without_a_key_is_a_warning():
    with pytest.warns(RuntimeWarning, match="title KAM0000000001: no key") as warned:
        assert list(hanpipe.readings(io.BytesIO(CIPHERED * 3))) == []
    assert len(warned) == 1


def test_what_is_told_goes_where_the_caller_wants_it_once():
    needs("cryptography")
    result = []
    keys = Keys([Line(ANY, bytes(16), b"")])
    assert list(hanpipe.readings(io.BytesIO(CIPHERED * 3), keys=keys, warn=result.append)) == []
    assert len(result) == 1
    assert "wrong key" in result[0]


def test_an_open_power_of_ten_is_told():
    result = []
    (reading,) = hanpipe.readings(io.BytesIO(LIST), link="apdu", warn=result.append)
    assert reading["1-0:32.7.0"] == 2362
    assert "no scaler for V" in result[0]


def test_described_values_are_read_where_asked():
    assert list(hanpipe.readings(io.BytesIO(DESCRIBED), link="apdu")) == []
    (reading,) = hanpipe.readings(io.BytesIO(DESCRIBED), link="apdu", descriptors=True, warn=[].append)
    assert reading["1-0:1.7.0"] == 826
