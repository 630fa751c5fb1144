"""han-doctor: each fault of han-fake gets its name, what loses nothing is undone, and healthy meters are healthy."""

import base64
import gzip
import json
import os
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from conftest import ROOT
from fake_meters import AUTHENTICATION_KEY, KEY, sent
from hanpipe.apdu.keys import Keys
from hanpipe.apdu.keys import Line as KeyLine
from hanpipe.doctor import case as case_module
from hanpipe.doctor import causes, intake, report, undo
from hanpipe.doctor.case import Case
from hanpipe.doctor.finding import Found
from hanpipe.doctor.hint import why_nothing
from hanpipe.doctor.mend import LineOctets, Mender
from hanpipe.fake import meters
from hanpipe.fake.faults import Faults, read
from hanpipe.line.settings import Line
from hanpipe.link import FRAMERS
from hanpipe.link.kinds import GOOD
from hanpipe.link.records import pack
from hanpipe.unix.gunzip import MAGIC
from hanpipe.unix.status import NOTHING, OK, USAGE
from programs import run

EVEN = Line(2400, "even")
CLEAR = ("aidon", "kaifa", "kamstrup", "embriq", "aidon-se", "iskra-ch", "p1-nl", "p1-se")


def made(meter: str, fault: str = "", count: int = 60, line: Line = EVEN) -> bytes:
    """Return what a meter sends, damaged by a fault of han-fake."""
    faults = Faults(read(fault) if fault else {}, 1, line)
    return b"".join(faults.damage(frames, 0, hourly=False) for frames, _, _, _ in sent(meter, count))


def verdict(octets: bytes) -> str:
    case = Case()
    case.feed(octets)
    case.feed(b"")
    return report.verdict(causes.findings(case))


@pytest.mark.parametrize("meter", CLEAR)
def test_a_healthy_meter_is_healthy(meter: str) -> None:
    assert verdict(made(meter)) == report.HEALTHY


@pytest.mark.slow
@pytest.mark.parametrize(
    ("meter", "fault", "cause"),
    [
        ("aidon", "crlf", "newlines"),
        ("kamstrup", "cr-to-lf", "newlines"),
        ("kamstrup", "no-cr", "newlines"),
        ("p1-nl", "no-cr", "newlines"),
        ("kamstrup", "telnet", "telnet"),
        ("aidon", "utf-8", "text-encoding"),
        ("kaifa", "stuffing", "stuffing"),
        ("kamstrup", "flow-control", "flow-control"),
        ("aidon", "seven-bit", "seven-bit"),
        ("aidon", "baud:9600", "baud"),
        ("aidon", "baud:115200", "baud"),
        ("aidon", "baud:1200", "baud"),
        ("aidon", "inverted", "inverted"),
        ("aidon", "parity:none,strict", "parity"),
        ("kamstrup", "tail:90%", "tail-loss"),
        ("aidon", "flip:0.3%", "noise"),
        ("aidon", "drop:0.5%", "dropped"),
    ],
)
def test_a_fault_of_a_simulated_meter_has_its_cause(meter: str, fault: str, cause: str) -> None:
    assert verdict(made(meter, fault)) == cause


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ("", report.HEALTHY),
        ("seven-bit", "seven-bit"),
        ("flow-control", "flow-control"),
        ("no-cr", "newlines"),
        ("cr-to-lf", "newlines"),
        ("drop:0.5%", "dropped"),
        ("tail:90%", "dropped"),
        ("flip:0.3%", "noise"),
    ],
)
def test_a_fault_of_an_mbus_meter_has_its_cause(fault: str, cause: str) -> None:
    case = Case(Keys([KeyLine(meters.meter("kaifa-at").needed, KEY, AUTHENTICATION_KEY)]))
    case.feed(made("kaifa-at", fault))
    case.feed(b"")
    assert report.verdict(causes.findings(case)) == cause


@pytest.mark.slow
def test_a_line_of_8n1_read_at_8e1_is_one_of_the_wrong_parity() -> None:
    assert verdict(made("kamstrup", "parity:even", line=Line(2400, "none"))) == "parity"


@pytest.mark.parametrize(
    ("octets", "cause"),
    [
        (b"", "silent"),
        (b"2026-11-22 10:15:04 INFO connected to the broker\n" * 50, "not-a-meter"),
        (b"PK\x03\x04" + bytes(100), "not-a-meter"),
        (b"\xff" * 300, "stuck"),
        (b"# A document\n\nwith text in it.\n", "not-a-meter"),
        (bytes.fromhex("1b1b1b1b01010101760512345678620062007263010176") * 20, "other-protocol"),
    ],
)
def test_what_no_meter_sent_is_named(octets: bytes, cause: str) -> None:
    assert verdict(octets) == cause


@pytest.mark.parametrize(
    ("form", "fix"),
    [
        ("utf-16", "iconv -f UTF-16 -t ASCII"),
        ("utf-16-be", "iconv -f UTF-16 -t ASCII"),
        ("base64", "base64 -d"),
        ("base64 in one line", "base64 -d"),
    ],
)
def test_a_text_that_has_to_be_converted_is_named_with_its_program(form: str, fix: str) -> None:
    octets = made("kamstrup", count=30)
    text = octets.hex(" ")
    given_ = {
        "utf-16": text.encode("utf-16"),
        "utf-16-be": b"\xfe\xff" + text.encode("utf-16-be"),
        "base64": base64.encodebytes(octets),
        "base64 in one line": base64.b64encode(octets),
    }[form]
    case = Case()
    case.feed(given_)
    case.feed(b"")
    (finding,) = causes.findings(case)
    assert finding.cause.name == "not-a-meter"
    assert finding.fix == f"convert it, and give the result: {fix} FILE"
    assert why_nothing("han-frame", given_[:4096]).endswith(f"read it with {fix} first")


def test_a_line_of_zeros_may_be_one_that_does_not_change() -> None:
    case = Case()
    case.feed(bytes(5000))
    case.feed(b"")
    (finding,) = causes.findings(case)
    assert finding.cause.name == "baud"  # which a port that is 48 times too fast looks like as well
    assert finding.found.evidence.startswith("each of 5,000 octets is 00: the line does not change, so check wiring")


def test_no_more_titles_are_counted_apart_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(case_module, "_MOST_TITLES", 3)
    case = Case()
    for number in range(5):
        keys = {"link": "hdlc", "system_title": f"{number:016x}", "fault": "no key", "octets": "00"}
        case.feed(json.dumps(keys | {"apdu": "general-glo-ciphering"}).encode() + b"\n")
    case.feed(b"")
    assert len(case.refused_of) == 4
    assert case.counts()["ciphered"] == 5


def test_layers_after_the_one_that_fails_are_not_called_ok() -> None:
    silent = run("han-doctor", given=b"")
    assert "frames" not in silent.words + silent.out.decode()
    assert json.loads(run("han-doctor", "--json", given=b"").out)["counts"]["frames"] == 0
    assert "0 of 0 good, 1 of noise  not reached" in run("han-doctor", given=b"a text\n" * 9).out.decode()


_PARTS = [b"\x7e", b"\x7e\xa0", b"/XXX5\r\n", b"HANn\0\0\0\x01", b'{"fault":"noise"}\n', b'{"link":[]}\n']


@pytest.mark.slow
@given(st.lists(st.one_of(st.sampled_from(_PARTS), st.binary(max_size=80)), max_size=8).map(b"".join))
def test_any_octets_have_a_verdict(octets: bytes) -> None:
    assume(octets[:2] != MAGIC)
    known = {cause.name for cause in causes.CAUSES} | {report.HEALTHY}
    assert verdict(octets) in known


@given(
    st.sampled_from([row for row in undo.UNDOS if row.change.startswith("every") or row.cause == "stuffing"]),
    st.lists(st.integers(1, 400), max_size=8),
)
def test_mending_does_not_depend_on_the_pieces(row: undo.Undo, cuts: list[int]) -> None:
    octets = made("kamstrup", "crlf,telnet", 6) + b"\xff\xff\xff\r\r\n\xc3\xa9\xc2"
    mender, parts, at = Mender(row.undo), [], 0
    for size in cuts:
        if octets[at : at + size]:
            parts.append(mender.feed(octets[at : at + size]))
        at += size
    parts += [mender.feed(octets[at:])] if octets[at:] else []
    parts.append(mender.feed(b""))
    assert b"".join(parts) == row.undo(octets)


@pytest.mark.parametrize("fault", ["crlf", "telnet", "utf-8", "stuffing"])
def test_mending_brings_back_what_the_meter_sent(fault: str) -> None:
    done = run("han-doctor", "--mend", given=made("kamstrup", fault))
    assert frames(done.out) == frames(made("kamstrup"))
    assert done.status == OK


@pytest.mark.parametrize("form", ["hex", "records", "gzip", "gzip of hex"])
def test_what_holds_octets_is_mended_as_octets_are(form: str) -> None:
    octets = made("kamstrup", "crlf")
    hexed = b"\n".join(octets[at : at + 32].hex(" ").encode() for at in range(0, len(octets), 32))
    given_ = {
        "hex": hexed,
        "records": run("han-frame", given=octets).out,
        "gzip": gzip.compress(octets[:999]) + gzip.compress(octets[999:]),
        "gzip of hex": gzip.compress(hexed),
    }[form]
    done = run("han-doctor", "--mend", given=given_)
    assert (frames(done.out), done.status) == (frames(made("kamstrup")), OK)


@pytest.mark.parametrize("programs", [["han-frame", "han-decode"], ["han-frame", "han-decode", "han-fields"]])
def test_lines_and_readings_cannot_be_mended(programs: list[str]) -> None:
    octets = made("aidon", count=3)
    for program in programs:
        octets = run(program, given=octets).out
    done = run("han-doctor", "--mend", given=octets)
    assert (done.out, done.status) == (b"", USAGE)
    assert done.words.startswith("han-doctor: --mend: expected octets, hex text or records of han-frame, found ")


@given(st.lists(st.integers(1, 300), max_size=6), st.sampled_from(["hex", "records", "gzip", "octets"]))
def test_the_octets_of_an_input_do_not_depend_on_the_pieces(cuts: list[int], form: str) -> None:
    octets = made("kamstrup", count=1)
    forms = {"hex": octets.hex(" ").encode(), "records": pack("n", octets, 0), "gzip": gzip.compress(octets)}
    given_, reader, found, at = forms.get(form, octets), LineOctets(), b"", 0
    for size in [*cuts, len(given_ := forms.get(form, octets))]:
        found += reader.feed(piece) if (piece := given_[at : at + size]) else b""
        at += size
    assert found + reader.feed(b"") == octets


def frames(octets: bytes) -> list[bytes]:
    framer = FRAMERS["auto"]()
    return [found for kind, found in framer.feed(octets) + framer.feed(b"") if kind in GOOD]


def test_an_apdu_whose_other_frames_never_came_is_not_healthy() -> None:
    whole = frames(made("iskra-ch", count=1))
    assert len(whole) > 1
    assert verdict(b"\x7e".join([b"", *whole, b""])) == "healthy"
    for piece in (whole[0], whole[-1]):
        assert verdict(b"\x7e" + piece + b"\x7e") == "dropped"


def test_a_clock_and_missed_lists_show_in_the_times_of_records() -> None:
    at = [1_782_043_190 + 10 * number for number in range(60)]
    octets = frames(made("kamstrup", count=60))
    late = b"".join(pack("H", frame, (time + 47 * 60) * 10**9) for frame, time in zip(octets, at, strict=True))
    some = b"".join(
        pack("H", frame, time * 10**9) for frame, time in list(zip(octets, at, strict=True))[::1] if time % 70
    )
    assert verdict(late) == "clock"
    assert verdict(some) == "missed-lists"


def test_single_damaged_frames_are_named_with_the_verdict() -> None:
    octets = bytearray(made("kamstrup", count=300))
    octets[len(octets) // 2] ^= 1
    done = run("han-doctor", given=bytes(octets))
    assert (done.status, verdict(bytes(octets))) == (OK, report.HEALTHY)
    assert b"verdict     healthy, except for 1 of 300 frames\n" in done.out
    assert b"healthy: everything that came could be read" in run("han-doctor", given=made("kamstrup")).out


def refusals(fault: str, title: str, count: int) -> bytes:
    keys = {"link": "hdlc", "system_title": title, "fault": fault, "octets": "00"}
    return json.dumps(keys, separators=(",", ":")).encode() + b"\n" if count == 1 else refusals(fault, title, 1) * count


@pytest.mark.parametrize(
    ("fault", "cause"),
    [("no key", "no-key"), ("wrong key", "wrong-key"), ("authentication", "wrong-authentication-key")],
)
def test_one_title_of_many_of_which_nothing_opens_is_a_finding(fault: str, cause: str) -> None:
    good = of_values(TEXT).replace(b'{"link":"hdlc",', b'{"link":"hdlc","system_title":"4b414d0000000001",')
    assert verdict(good * 540 + refusals(fault, "4b414d0000000002", 60)) == cause
    assert verdict(good * 540 + refusals(fault, "4b414d0000000002", 2)) == cause
    if fault == "authentication":  # a damaged message: its tag fails, and its key opens others
        assert verdict(good * 540 + refusals(fault, "4b414d0000000001", 60)) == "noise"
    else:
        assert verdict(good * 540 + refusals(fault, "4b414d0000000001", 6)) == report.HEALTHY
        assert verdict(good * 40 + refusals(fault, "4b414d0000000001", 60)) == cause


def of_values(*values: dict) -> bytes:
    keys = {"link": "hdlc", "apdu": "data-notification", "date_time": None, "body": {"structure": list(values)}}
    return json.dumps(keys, separators=(",", ":")).encode() + b"\n"


NUMBER, TEXT = {"double-long-unsigned": 4711}, {"octet-string": "414243"}


@pytest.mark.parametrize(
    ("values", "cause"),
    [
        ([TEXT, NUMBER, NUMBER], "unknown-list"),
        ([{"octet-string": "07ea0101040c0000000000ff"}, NUMBER, NUMBER, NUMBER], "unknown-list"),
        ([NUMBER, NUMBER], report.HEALTHY),  # nothing that a meter file could know it by
        ([{"enum": 0}, {"array": [{"structure": [{"unsigned": 1}, {"enum": 1}]}]}], report.HEALTHY),
        ([{"octet-string": "0000190900ff"}, TEXT, NUMBER], report.HEALTHY),
    ],
)
def test_a_list_is_unknown_if_a_meter_file_could_know_it(values: list[dict], cause: str) -> None:
    octets = of_values(*values) * 3
    assert verdict(octets) == cause
    result = " ".join(run("han-doctor", given=octets).out.decode().split())
    assert "0 of 3 named whole" in result
    assert ("shown by position" in result) == (cause == report.HEALTHY)


def test_the_report_for_programs_has_counts_by_the_keys_of_stats() -> None:
    done = run("han-doctor", "--json", given=made("aidon", "crlf"))
    keys = json.loads(done.out)
    assert keys["verdict"] == keys["findings"][0]["cause"] == "newlines"
    assert {"octets", "frames", "faults", "messages", "ciphered", "deciphered", "readings"} <= keys["counts"].keys()
    assert (done.status, done.words) == (NOTHING, "")


def test_the_counters_are_those_of_the_programs() -> None:
    octets = made("kamstrup", "flip:0.1%")
    records = run("han-frame", "--stats", given=octets)
    lines = run("han-decode", "--stats", given=records.out)
    readings = run("han-fields", "--stats", given=lines.out)
    counts = json.loads(run("han-doctor", "--json", given=octets).out)["counts"]
    stats = [json.loads(done.words.splitlines()[-1]) for done in (records, lines, readings)]
    for key, value in [pair for each in stats for pair in each.items() if pair[0] in counts and pair[0] != "faults"]:
        assert counts[key] == value
    assert stats[0]["faults"].items() <= counts["faults"].items()
    assert {"octets", "frames"} <= stats[0].keys()
    assert {"messages", "ciphered", "deciphered"} <= stats[1].keys()
    assert "readings" in stats[2]


def test_the_report_for_people_has_80_columns_and_the_fix() -> None:
    done = run("han-doctor", given=made("aidon", "crlf"))
    lines = done.out.decode().splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("cause       newlines") for line in lines)
    assert "--mend undoes it" in " ".join(done.out.decode().split())


@pytest.mark.parametrize("cause", causes.CAUSES, ids=lambda cause: f"{cause.layer}-{cause.name}")
def test_every_finding_fits_a_terminal(cause: causes.Cause) -> None:
    octets = made("aidon", count=2)
    case = Case()
    case.feed(octets)
    case.feed(b"")
    found = Found("so many of so many octets " * 8, 1.0, {}, lambda octets: octets)
    for name in ("house.log", "-", "/dev/ttyUSB0"):
        text = report.as_text(case, [causes.Finding(cause, found)], name, None)
        assert max(map(len, text.splitlines())) <= 80
        assert "DEVICE" not in text


@pytest.mark.parametrize("cut", [1, 7, 4096, 10_000])
def test_counts_do_not_depend_on_the_pieces(cut: int) -> None:
    octets, whole, pieces = made("aidon", "flip:1%"), Case(), Case()
    whole.feed(octets)
    whole.feed(b"")
    for at in range(0, len(octets), cut):
        pieces.feed(octets[at : at + cut])
    pieces.feed(b"")
    assert whole.counts() == pieces.counts()


def test_each_kind_of_input_is_recognised() -> None:
    octets = made("aidon", count=5)
    records = run("han-frame", given=octets).out
    lines = run("han-decode", given=records).out
    readings = run("han-fields", given=lines).out
    kinds = [(octets, intake.OCTETS), (records, intake.RECORDS), (lines, intake.LINES), (readings, intake.READINGS)]
    for given_, kind in [*kinds, (octets.hex(" ").encode(), intake.HEX), (made("p1-nl", count=1), intake.OCTETS)]:
        assert intake.recognise(given_[: intake.ENOUGH]) == kind
    for given_ in (octets, records, lines, octets.hex(" ").encode()):
        assert verdict(given_) == report.HEALTHY


def test_the_page_has_a_section_for_each_cause_and_for_nothing_else() -> None:
    with open(os.path.join(ROOT, "docs", "doctor.md"), encoding="utf-8") as file:
        sections = re.findall(r"^## `([a-z-]+)`", file.read(), re.MULTILINE)
    assert sorted(sections) == sorted({cause.name for cause in causes.CAUSES})
