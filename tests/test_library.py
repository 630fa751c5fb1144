"""hanpipe.readings(): the warnings that a program gets."""

import io
import json
import random

import pytest

import encoder
import hanpipe
from fake_meters import sent
from hanpipe.apdu.keys import ANY, Keys, Line
from hanpipe.fake import meters
from needs import needs
from programs import shell

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


@pytest.mark.parametrize(
    ("begin", "what"),
    [(b"\x1f\x8b\x08", "gzip.open"), (b"HANH\0\0", "RecordReader"), (b'{"link":"hdlc"', "LineReader")],
)
def test_a_stream_of_another_kind_is_a_warning(begin, what):
    warned = []
    assert list(hanpipe.readings(io.BytesIO(begin), warn=warned.append)) == []
    assert [what in text for text in warned] == [True]


def test_an_open_power_of_ten_is_told():
    result = []
    (reading,) = hanpipe.readings(io.BytesIO(LIST), link="apdu", warn=result.append)
    assert reading["1-0:32.7.0"] == 2362
    assert "no scaler for V" in result[0]


def test_described_values_are_read_where_asked():
    assert list(hanpipe.readings(io.BytesIO(DESCRIBED), link="apdu")) == []
    (reading,) = hanpipe.readings(io.BytesIO(DESCRIBED), link="apdu", descriptors=True, warn=[].append)
    assert reading["1-0:1.7.0"] == 826


def lines_of_a_fleet():
    """Lines of every simulated meter that needs no key, mixed, some with a time."""
    mix = random.Random(7)
    lines = []
    for number, name in enumerate(meters.names()):
        if not meters.meter(name).needed:
            for at, (frames, *_) in enumerate(sent(name, 3, seed=number)):
                time = f"{1_769_854_500 + at}.25 " if number % 2 else ""
                lines.append((mix.random(), f'Haus\u00e6"{name} {time}{b"".join(frames).hex()}\n'))
    return "".join(line for _, line in sorted(lines)).encode()


def test_lines_of_many_sources_give_the_readings_of_the_programs(tmp_path):
    lines = lines_of_a_fleet()
    (tmp_path / "lines").write_bytes(lines)
    ours = [reading.line() for reading in hanpipe.readings(io.BytesIO(lines), lines=True, warn=[].append)]
    out, piped, _ = shell(f"han-frame --lines {tmp_path}/lines | han-decode | han-fields")
    assert out == 0
    assert ours == piped.decode().splitlines()
    sources = {json.loads(line)["source"] for line in ours}
    assert len(sources) == len([name for name in meters.names() if not meters.meter(name).needed])
    assert sum("time" in json.loads(line) for line in ours) > 10


def test_what_is_decided_only_at_the_end_is_read_in_lines_too():
    """A header of an M-Bus frame promises 254 octets, so that the frame after it waits for them."""
    octets = b"\x68\xfe\xfe\x68\x53\x7e" + encoder.pushed(LIST) + b"\x7e"
    alone = [dict(reading) for reading in hanpipe.readings(io.BytesIO(octets), warn=[].append)]
    text = b"house " + octets.hex().encode()
    lines = list(hanpipe.readings(io.BytesIO(text), lines=True, warn=[].append))
    assert len(alone) == 1
    assert [dict(reading) for reading in lines] == alone
    assert [reading.source for reading in lines] == ["house"]


def test_a_line_that_cannot_be_read_is_a_warning():
    warned = []
    assert not list(hanpipe.readings(io.BytesIO(b"one 7e\nwrong\n"), lines=True, warn=warned.append))
    assert len(warned) == 1
    assert warned[0].startswith("line 2: expected SOURCE HEX")
