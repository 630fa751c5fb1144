"""Scalers that depend on the magnitude of a value."""

import json
import os
import tomllib
from decimal import Decimal

from conftest import ROOT
from hanpipe.apdu.decoder import Decoder
from hanpipe.link import FRAMERS
from hanpipe.readings.naming import Naming
from hanpipe.readings.reading import Reading


def test_a_voltage_in_hundredths_is_one_in_a_line_too_long_to_have_holes() -> None:
    """The line of such a list holds its values literally: they decide as holes would."""
    with open(os.path.join(ROOT, "lib/hanpipe/meters/kamstrup.toml"), "rb") as file:
        examples = tomllib.load(file)["example"]
    (example,) = (one for one in examples if one["origin"].endswith("voltages in 0.01 V"))
    ((kind, octets),) = FRAMERS["hdlc"]().feed(bytes.fromhex(example["octets"]))
    (message,) = Decoder().feed(kind, octets)
    reading = Reading(Naming().plan(json.loads(message.line())), ())
    expected = json.loads(example["reading"], parse_float=Decimal)
    assert reading["volt_L1"] == expected["volt_L1"]
    assert 200 < reading["volt_L1"] < 250
