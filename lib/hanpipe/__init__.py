"""Read the HAN port of electricity meters.

    import hanpipe
    for reading in hanpipe.readings(open("raw.log", "rb")):
        print(reading.time, reading["act_pow_pos"])

Each stage can be used on its own and does no input or output: link (octets -> frames), apdu (frames -> typed data),
readings (typed data -> readings). docs/api.md lists the public names; they are imported when they are first used.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hanpipe.apdu.deciphering import Deciphering
    from hanpipe.apdu.decoder import Decoder
    from hanpipe.apdu.keys import KeyFileError, Keys, read_key_file
    from hanpipe.apdu.message import Message, Refusal, Telegram
    from hanpipe.link import FRAMERS
    from hanpipe.link.octets import Malformed
    from hanpipe.link.records import RecordReader, pack_all
    from hanpipe.readings.naming import Naming
    from hanpipe.readings.reader import LineReader
    from hanpipe.readings.reading import Reading
    from hanpipe.readings.schema import table_schema
    from hanpipe.readings.stream import readings
    from hanpipe.readings.tables import tables

__version__ = "0.1.0"

# Public name -> its module.
_HOMES = {
    "Deciphering": "apdu.deciphering",
    "Decoder": "apdu.decoder",
    "FRAMERS": "link",
    "KeyFileError": "apdu.keys",
    "Keys": "apdu.keys",
    "LineReader": "readings.reader",
    "Malformed": "link.octets",
    "Message": "apdu.message",
    "Naming": "readings.naming",
    "Reading": "readings.reading",
    "RecordReader": "link.records",
    "Refusal": "apdu.message",
    "Telegram": "apdu.message",
    "pack_all": "link.records",
    "read_key_file": "apdu.keys",
    "table_schema": "readings.schema",
    "tables": "readings.tables",
}

__all__ = [
    "FRAMERS",
    "Deciphering",
    "Decoder",
    "KeyFileError",
    "Keys",
    "LineReader",
    "Malformed",
    "Message",
    "Naming",
    "Reading",
    "RecordReader",
    "Refusal",
    "Telegram",
    "__version__",
    "pack_all",
    "read_key_file",
    "readings",
    "table_schema",
    "tables",
]


def __getattr__(name: str) -> "Any":
    from hanpipe.unix.late import imported

    if name == "readings":  # the room itself, which can be called
        return imported("readings")
    if name in _HOMES:
        return getattr(imported(_HOMES[name]), name)
    raise AttributeError(f"module 'hanpipe' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
