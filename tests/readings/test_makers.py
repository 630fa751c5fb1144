"""The maker of a meter: each way in which a message says it."""

import pytest

from hanpipe.readings.makers import maker


@pytest.mark.parametrize(
    ("keys", "list_version", "device_name", "name"),
    [
        ({}, "AIDON_V0001", None, "Aidon"),
        ({}, "Kamstrup_V0001", None, "Kamstrup"),
        ({"identification": "/KFM5KAIFA-METER"}, None, None, "Kaifa"),
        ({"identification": "/ISk5\\2MT382-1000"}, None, None, "Iskraemeco"),
        ({"system_title": b"SAG\x05\x00\x00\x00\x01".hex()}, None, None, "Sagemcom"),
        ({}, None, "LGZ1030700000016", "Landis+Gyr"),
        ({"identification": "/XYZ5 meter"}, None, None, None),
        ({"identification": ""}, "", "", None),
        ({"system_title": "4b41"}, None, None, None),
        ({"system_title": "no hex, 16 signs"}, None, None, None),
        ({"system_title": 5}, None, None, None),
        ({}, None, None, None),
    ],
)
def test_a_maker_is_known_by_what_the_meter_says_of_itself(keys, list_version, device_name, name):
    assert maker(keys, list_version, device_name) == name
