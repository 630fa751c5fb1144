"""Which kind of input this is, from its first octets: octets of a line, hex text, records, lines, or something else."""

import re

from hanpipe.link.hextext import HexText
from hanpipe.link.kinds import FAULTS, GOOD
from hanpipe.unix.gunzip import MAGIC
from hanpipe.unix.typed import Final, NamedTuple

ENOUGH: Final = 4096  # octets that are looked at

_RECORD: Final = re.compile(b"HAN[%b]\\0\\0" % "".join([*GOOD, *FAULTS]).encode())
_LINE: Final = re.compile(rb'\s*\{[^\n]*"(?:link|apdu|body|objects|fault)":')
_READING: Final = re.compile(
    rb'\s*\{[^\n]*"(?:obis_list_version|meter_ID|meter_model|date_time|(?:re)?act_|volt_|curr_)'
)
_TELEGRAM: Final = re.compile(rb"^(?:/[A-Za-z]{3}[^\n]*|\d-\d+:\d+\.\d+\.\d+(?:\*\d+)?\([^\n]*)\r?\n", re.MULTILINE)
_PRINTABLE: Final = bytes(range(0x20, 0x7F)) + b"\t\r\n"
_TEXT: Final = 0.98  # share of printable characters from which octets count as text
_HEX: Final = 0.3  # share of the characters of a text, blanks left out, that are hex from which it counts as hex text


class Kind(NamedTuple):
    """A kind of input. name: a word for programs; title: what it is; program: which reads it, "" for none."""

    name: str
    title: str
    program: str = ""


OCTETS: Final = Kind("octets", "octets of a line", "han-frame")
HEX: Final = Kind("hex", "hex text", "han-frame --from-hex")
RECORDS: Final = Kind("records", "records of han-frame", "han-decode")
LINES: Final = Kind("lines", "lines of han-decode", "han-fields")
READINGS: Final = Kind("readings", "readings of han-fields", "a sink such as han-csv")
GZIP: Final = Kind("gzip", "gzip data", "zcat")
TEXT: Final = Kind("text", "text")
UTF_16: Final = Kind("other", "UTF-16 text", "iconv -f UTF-16 -t ASCII")
BASE64: Final = Kind("text", "base64 text", "base64 -d")

# The mark of the octet order, and then characters of ASCII: what PowerShell writes with >.
_UTF_16: Final = re.compile(rb"\xff\xfe(?:[\t\n\r -~]\0){4}|\xfe\xff(?:\0[\t\n\r -~]){4}")
_BASE64: Final = re.compile(rb"(?:[A-Za-z0-9+/]{40,}\r?\n)*[A-Za-z0-9+/]*={0,2}")
_MIXED: Final = (re.compile(rb"[A-Z]"), re.compile(rb"[a-z]"), re.compile(rb"[0-9]"))  # base64 of octets has them all
_SHORTEST_BASE64: Final = 40  # characters; a shorter text may be a word
# How files begin that are not of a meter.
_OTHERS: Final = (
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"%PDF", "a PDF document"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"PAR1", "a Parquet file"),
    (b"BZh", "bzip2 data"),
    (b"\xfd7zXZ\0", "xz data"),
    (b"\x28\xb5\x2f\xfd", "zstd data"),
    (b"\xd4\xc3\xb2\xa1", "a network capture (pcap)"),
    (b"\x0a\x0d\x0d\x0a", "a network capture (pcapng)"),
)
# Kinds of text, by a pattern that one of their lines has.
_TEXTS: Final = (
    (re.compile(rb"\A\s*<(?:!DOCTYPE|html|\?xml)", re.IGNORECASE), "a web page or XML"),
    (re.compile(rb"\A#!"), "a script"),
    (re.compile(rb"^#{1,3} \S|^```", re.MULTILINE), "a document (Markdown)"),
    (re.compile(rb"\A\s*[{\[]"), "JSON"),
    (re.compile(rb"^\W{0,2}\d{4}-\d\d-\d\d[T ]\d\d:\d\d|\b(?:INFO|WARN(?:ING)?|ERROR|DEBUG)\b", re.MULTILINE), "a log"),
    (re.compile(rb"\A(?:[^,\n]+,){3,}[^,\n]+\n"), "CSV"),
)


def recognise(begin: bytes) -> Kind:
    """Return the kind of input that begins with these octets."""
    if begin[:2] == MAGIC:
        return GZIP
    if _RECORD.match(begin):
        return RECORDS
    if _UTF_16.match(begin):
        return UTF_16
    for magic, title in _OTHERS:
        if begin.startswith(magic):
            return Kind("other", title)
    if len(begin.translate(None, _PRINTABLE)) > (1 - _TEXT) * len(begin):
        return OCTETS
    return _text(begin)


def other_kind(octets: bytes) -> str:
    """Return the title of the kind of an input if it is not octets of a line, else ""."""
    kind = recognise(octets[:ENOUGH])
    return "" if kind == OCTETS else kind.title


def _text(begin: bytes) -> Kind:
    """Return the kind of a text."""
    if _LINE.match(begin):
        return LINES
    if _READING.match(begin):
        return READINGS
    if _TELEGRAM.search(begin) or not begin.strip():
        return OCTETS
    text = HexText()
    if 2 * len(text.feed(begin) + text.feed(b"")) >= _HEX * len(b"".join(begin.split())):
        return HEX
    if _is_base64(begin.strip()):
        return BASE64
    title = next((title for pattern, title in _TEXTS if pattern.search(begin)), "text")
    return TEXT._replace(title=title)


def _is_base64(text: bytes) -> bool:
    """Return whether a text has nothing but lines of base64."""
    if len(text) < _SHORTEST_BASE64 or not _BASE64.fullmatch(text):
        return False
    return all(pattern.search(text) for pattern in _MIXED)
