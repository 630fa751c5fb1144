"""Each program says why it finds nothing: the cause, or which program is missing before it."""

import gzip
import json
import os

import pytest
from test_doctor import made

from conftest import ROOT
from hanpipe.doctor.hint import SAMPLE, why_nothing
from programs import run


def words(program: str, given: bytes) -> str:
    return run(program, given=given).words


@pytest.mark.slow
def test_the_missing_program_is_named() -> None:
    octets = made("aidon", count=5)
    records = run("han-frame", given=octets).out
    lines = run("han-decode", given=records).out
    assert words("han-decode", octets) == (
        "han-decode: expected records of han-frame, found octets of a line: run han-frame first\n"
    )
    assert words("han-fields", records) == (
        "han-fields: expected lines of han-decode, found records of han-frame: run han-decode first\n"
    )
    assert words("han-fields", octets).endswith("found octets of a line: run han-frame and han-decode first\n")
    assert "found lines of han-decode, which han-fields reads" in words("han-frame", lines)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("meter", "option", "words"),
    [
        ("aidon", "--link p1", ", but good HDLC frames: leave out --link p1"),
        ("aidon", "--link mbus", ", but good HDLC frames: leave out --link mbus"),
        ("kaifa-at", "--link hdlc", ", but good M-Bus frames: leave out --link hdlc"),
        ("kaifa-at", "--escapes", ", but good M-Bus frames: leave out --escapes"),
        ("p1-se", "--link hdlc", ", but good P1 frames: leave out --link hdlc"),
    ],
)
def test_an_option_that_is_wrong_is_named(meter: str, option: str, words: str) -> None:
    octets = made(meter, count=5)
    ran = run("han-frame", *option.split(), given=octets)
    assert ran.status == 1
    assert ran.words.endswith(f" frame in {len(octets):,} octets{words}\n")


@pytest.mark.slow
def test_octets_and_text_are_not_hex_text() -> None:
    ran = run("han-frame", "--from-hex", given=made("aidon", count=5))
    assert ran.words == "han-frame: expected hex text, found octets of a line: leave out --from-hex\n"
    ran = run("han-frame", "--from-hex", given=b"nothing is here\n" * 9)
    assert ran.words == "han-frame: expected hex text, found text without hex digits\n"
    records = run("han-frame", given=made("aidon", count=5)).out
    assert "found records of han-frame: read it with han-decode" in run("han-frame", "--from-hex", given=records).words


def test_a_document_is_not_a_meter() -> None:
    with open(os.path.join(ROOT, "README.md"), "rb") as file:
        assert "found a document (Markdown)" in words("han-frame", file.read())


@pytest.mark.parametrize(
    ("fault", "cause"), [("baud:9600", "baud"), ("seven-bit", "seven-bit"), ("utf-8", "text-encoding")]
)
def test_octets_without_a_frame_have_a_cause(fault: str, cause: str) -> None:
    octets = made("kaifa", fault)[:SAMPLE]
    assert why_nothing("han-frame", octets).startswith(f"{cause}: ")
    assert f"octets: {cause}: " in words("han-frame", octets)


def test_a_fault_of_kind_record_holds_a_small_part_of_the_input() -> None:
    lines = run("han-decode", given=bytes(range(256)) * 400).out.splitlines()
    faults = [json.loads(line) for line in lines]
    assert {fault["fault"] for fault in faults} == {"record"}
    assert max(len(fault["octets"]) for fault in faults) == 2 * 2048
    assert b"".join(bytes.fromhex(fault["octets"]) for fault in faults) == bytes(range(256)) * 400


def test_a_gzip_file_is_read_as_what_it_holds(tmp_path) -> None:
    octets = made("aidon", count=5)
    path = tmp_path / "capture.raw.gz"
    path.write_bytes(gzip.compress(octets[:500]) + gzip.compress(octets[500:]))
    assert run("han-frame", str(path)).out == run("han-frame", "--no-time", given=octets).out
    with open(path, "rb") as file:
        assert run("han-doctor", stdin=file).status == 0


def test_a_gzip_file_that_begins_with_an_empty_member_has_not_ended(tmp_path) -> None:
    octets = made("aidon", count=5)
    path = tmp_path / "capture.raw.gz"
    path.write_bytes(gzip.compress(b"") * 4000 + gzip.compress(octets))  # more than is read at once
    assert run("han-frame", str(path)).out == run("han-frame", "--no-time", given=octets).out


def test_a_damaged_gzip_file_is_an_error_of_the_input(tmp_path) -> None:
    path = tmp_path / "capture.raw.gz"
    path.write_bytes(gzip.compress(made("aidon", count=5))[:50] + b"x" * 50)
    done = run("han-frame", str(path))
    assert done.status == 4
    assert "damaged gzip data" in done.words
