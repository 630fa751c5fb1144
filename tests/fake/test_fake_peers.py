"""Octets of han-fake are what other people's decoders take them for: amshan and gurux-dlms, if they are installed."""

import re

import pytest

from fake_meters import AUTHENTICATION_KEY, KEY, sent
from hanpipe.fake import meters
from needs import needs

# gurux-dlms 1.0 cannot read these, though real meters send them: a length that wraps, and data in an I frame.
UNREAD_BY_GURUX = ("sagemcom-at", "kaifa", "kaifa-1p", "kaifa-it", "kaifa-se")
READ_BY_AMSHAN = re.compile(r"(aidon|kaifa|kamstrup)(-1p|-it|-se)?|embriq|p1-se")
AMSHAN = {  # its names, and thousandths of what they hold
    "active_power_import": ("act_pow_pos", 1),
    "active_power_export": ("act_pow_neg", 1),
    "reactive_power_export": ("react_pow_neg", 1),
    "voltage_l1": ("volt_L1", 1000),
    "active_power_import_total": ("act_energy_pos", 10_000),
    "active_power_export_total": ("act_energy_neg", 10_000),
}


@pytest.mark.parametrize("name", [name for name in meters.names() if READ_BY_AMSHAN.fullmatch(name)])
def test_amshan_reads_what_the_house_had(name):
    needs("han")
    from han.autodecoder import AutoDecoder
    from han.dlde import ModeDReader
    from han.hdlc import HdlcFrameReader

    reader = ModeDReader() if name.startswith("p1") else HdlcFrameReader(use_octet_stuffing=False)
    decoder, result, found = AutoDecoder(), 0, set()
    for frames, values, *_ in sent(name, 12):
        for frame in reader.read(b"".join(frames)):
            result += frame.is_valid
            decoded = decoder.decode_message(frame)
            for theirs in AMSHAN.keys() & decoded.keys():
                ours, resolution = AMSHAN[theirs]
                assert abs(decoded[theirs] * 1000 - values[ours]) < resolution
                found.add(theirs)
    assert result == 12
    assert found == AMSHAN.keys()


def numbers(value):
    """All numbers in what gurux-dlms makes of a notification-body."""
    if isinstance(value, list):
        return [number for inner in value for number in numbers(inner)]
    return [value] if isinstance(value, int) else []


@pytest.mark.parametrize(
    "name",
    [name for name in meters.names() if meters.meter(name).link in ("hdlc", "mbus") and name not in UNREAD_BY_GURUX],
)
def test_gurux_reads_what_was_encoded(name):
    needs("gurux_dlms")
    if meters.meter(name).needed:
        needs("cryptography")
    for frames, values, rows, _ in sent(name, 12):
        columns = [row.split() for row in rows]
        expected = [meters.scaled(values[row[2]], int(row[3])) for row in columns if len(row) == 5]
        found = iter(numbers(by_gurux(meters.meter(name), frames)))
        assert all(any(number == other for other in found) for number in expected)  # all of them, in order


def by_gurux(meter, frames):
    """Return the notification-body that gurux-dlms finds in frames."""
    from gurux_reader import bodies

    return bodies(frames, meter.link, KEY, AUTHENTICATION_KEY)[-1]
