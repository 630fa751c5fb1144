"""Records to messages: what is joined, opened and read, in the library and in han-decode."""

import json
import os
import signal
import struct
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import encoder
from hanpipe.apdu.ciphered import try_keys
from hanpipe.apdu.deciphering import Deciphering
from hanpipe.apdu.decoder import Decoder
from hanpipe.apdu.keys import ANY, Keys, Line
from hanpipe.apdu.message import Message, Refusal, Telegram
from hanpipe.link import FRAMERS
from hanpipe.link.crc import arc
from hanpipe.link.octets import Malformed
from hanpipe.link.records import pack
from needs import needs
from strategies import notifications

ROOT = os.path.join(os.path.dirname(__file__), "..", "..")
CAPTURES = os.path.join(ROOT, "..", "shared", "captures")
TITLE = bytes.fromhex("4b414d4500000001")
KEY, WRONG, AUTHENTICATION = bytes(range(16)), bytes(range(1, 17)), bytes(range(0xD0, 0xE0))
APDU = encoder.notification({"array": [{"double-long-unsigned": 826}, {"visible-string": "AIDON_V0001"}]})
TELEGRAM = b"/KAM5\r\n\r\n1-0:1.8.0(00001234.567*kWh)\r\n!0000\r\n"


def telegrams(apdu, size, source=1, destination=0x67):
    """Write the M-Bus telegrams that carry an APDU, size octets of it each."""
    pieces = [apdu[at : at + size] for at in range(0, len(apdu), size)]
    written = []
    for number, piece in enumerate(pieces):
        ci = number | (0x10 if number == len(pieces) - 1 else 0)
        body = bytes([0x53, 0xFF, ci, source, destination]) + piece
        head = bytes([0x68, len(body) & 0xFF, len(body) & 0xFF, 0x68])
        written.append(head + body + bytes([sum(body) & 0xFF, 0x16]))
    return written


def blocks(apdu, size):
    """Write the blocks of a transfer that carry an APDU, size octets of it each."""
    pieces = [apdu[at : at + size] for at in range(0, len(apdu), size)]
    return [
        struct.pack(">BBHH", 0xE0, 0xC0 if number == len(pieces) else 0x40, number, 0)
        + encoder.length(len(piece))
        + piece
        for number, piece in enumerate(pieces, 1)
    ]


def block_frames(apdu, size):
    """Write them as L+G sends them: the LLC header in the first frame only."""
    return [encoder.frame((b"" if at else b"\xe6\xe7\x00") + block) for at, block in enumerate(blocks(apdu, size))]


def encrypt(text, control=0x30, counter=1):
    """Return security control, counter, text and tag as a meter sends them."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    context = Cipher(algorithms.AES(KEY), modes.GCM(TITLE + counter.to_bytes(4, "big"))).encryptor()
    context.authenticate_additional_data(bytes([control]) + AUTHENTICATION if control & 0x10 else b"")
    text = context.update(text) + context.finalize()
    octets = bytes([control]) + counter.to_bytes(4, "big") + text + (context.tag[:12] if control & 0x10 else b"")
    return encoder.length(len(octets)) + octets


def glo(text=APDU, control=0x30, counter=1):
    return b"\xdb\x08" + TITLE + encrypt(text, control, counter)


def decoder(*lines):
    needs("cryptography")
    return Decoder(Deciphering(Keys(lines)))


def with_keys():
    return decoder(Line(TITLE, KEY, AUTHENTICATION))


def fed(target, kind, records):
    return [one for octets in records for one in target.feed(kind, octets)] + target.end()


def keys_of(result):
    return [json.loads(one.line()) for one in result]


def bodies(result):
    return [json.loads(one.line())["body"] for one in result if type(one) is Message]


BODY = bodies(Decoder().feed("A", APDU))


def test_every_carrier_gives_the_same_message():
    for kind, records in [
        ("M", telegrams(APDU, 200)),
        ("M", telegrams(APDU, 3)),
        ("H", block_frames(APDU, 200)),
        ("H", block_frames(APDU, 3)),
        ("H", encoder.pushed_in_pieces(APDU, 5)),
        ("M", telegrams(b"".join(blocks(APDU, 200)), 7)),
    ]:
        result = fed(Decoder(), kind, records * 2)
        assert [type(one) for one in result] == [Message, Message]
        assert bodies(result) == BODY * 2


def test_keys_of_mbus():
    result = keys_of(fed(Decoder(), "M", telegrams(APDU, 200)))[0]
    assert list(result) == ["link", "address", "destination", "source", "apdu", "invoke_id", "date_time", "body"]
    assert (result["link"], result["address"], result["destination"], result["source"]) == ("mbus", "ff", "67", "01")


@pytest.mark.parametrize(("kind", "write"), [("M", telegrams), ("H", block_frames)])
@given(sent=st.data())
def test_pieces_in_any_order_give_only_what_was_sent(kind, write, sent):
    pieces = write(APDU, 8)
    line = sent.draw(st.lists(st.sampled_from(pieces), max_size=10))
    result = fed(Decoder(), kind, line + pieces)
    assert bodies(result) == BODY * len(bodies(result))
    assert bodies(result)
    assert {json.loads(one.line())["fault"] for one in result if type(one) is Refusal} <= {"segment lost"}


@pytest.mark.parametrize(("kind", "write"), [("M", telegrams), ("H", block_frames)])
def test_a_missing_piece_costs_one_message(kind, write):
    pieces = write(APDU, 10)
    result = fed(Decoder(), kind, pieces[:1] + pieces[2:] + pieces)
    assert bodies(result) == BODY
    faults = [json.loads(one.line()) for one in result if type(one) is Refusal]
    assert {fault["fault"] for fault in faults} == {"segment lost"}
    assert "".join(fault["octets"] for fault in faults) == (APDU[:10] + APDU[20:]).hex()


@pytest.mark.parametrize(("write", "kind"), [(telegrams, "M"), (block_frames, "H")])
def test_the_end_gives_up_what_was_not_completed(write, kind):
    result = keys_of(fed(Decoder(), kind, write(APDU, 10)[:-1]))
    assert [one["fault"] for one in result] == ["segment lost"]
    assert APDU.hex().startswith(result[0]["octets"])


@pytest.mark.parametrize(("kind", "write"), [("M", telegrams), ("H", block_frames)])
def test_a_damaged_frame_ends_what_was_begun(kind, write):
    """Of two messages, the end of the first and the beginning of the second are lost in one damaged frame."""
    pieces, target = write(APDU, 10), Decoder()
    result = target.feed(kind, pieces[0]) + target.feed("c", pieces[0]) + fed(target, kind, pieces[1:])
    assert not bodies(result)
    assert [one["fault"] for one in keys_of(result)][:2] == ["segment lost", "frame check"]
    target = Decoder()
    noisy = target.feed(kind, pieces[0]) + target.feed("n", b"\xa0\x01") + fed(target, kind, pieces[1:])
    assert bodies(noisy) == BODY


def test_a_lost_piece_is_told_under_the_address_of_its_sender():
    whole = encoder.pushed(APDU, addresses=b"\x41\x05")
    for begun in (encoder.pushed_in_pieces(APDU, 20)[0], block_frames(APDU, 20)[0]):
        result = keys_of(fed(Decoder(), "H", [begun, whole]))
        assert [(one["source"], one.get("fault")) for one in result] == [("05", None), ("0883", "segment lost")]


def test_frames_of_one_meter_are_read_alike_while_another_has_not_ended():
    frame, target = encoder.pushed(APDU, addresses=b"\x41\x05"), Decoder()
    (expected,) = target.feed("H", frame)
    target.feed("H", encoder.pushed_in_pieces(APDU, 20)[0])
    (result,) = target.feed("H", frame)
    assert (result.line(), result.shape) == (expected.line(), expected.shape)


def test_blocks_in_blocks_are_no_apdu():
    nested = APDU
    for _ in range(2000):
        nested = blocks(nested, 65000)[0]
    result = keys_of(Decoder().feed("A", nested))
    assert result[0]["fault"] == "apdu"


@pytest.mark.parametrize("control", [0x20, 0x30, 0x21])
@pytest.mark.parametrize(
    ("kind", "write"),
    [
        ("A", lambda apdu: [apdu]),
        ("M", lambda apdu: telegrams(apdu, 20)),
        ("H", lambda apdu: block_frames(apdu, 20)),
        ("H", lambda apdu: encoder.pushed_in_pieces(apdu, 20)),
    ],
)
def test_ciphered_notifications_on_every_carrier(control, kind, write):
    result = fed(with_keys(), kind, write(glo(control=control, counter=1)) + write(glo(control=control, counter=2)))
    assert bodies(result) == BODY * 2
    first, second = keys_of(result)
    assert (first["system_title"], first["authenticated"]) == (TITLE.hex(), control == 0x30)
    assert (first["invocation_counter"], second["invocation_counter"]) == (1, 2)
    assert "fault" not in first


def test_without_a_title_each_titled_line_is_tried():
    result = decoder(Line(b"SOMEBODY", KEY, b""), Line(TITLE, KEY, b"")).feed("A", b"\xdc\0" + encrypt(APDU))
    assert bodies(result) == BODY
    assert keys_of(result)[0]["system_title"] == TITLE.hex()


@pytest.mark.parametrize("kind", ["apdu", "telegram"])
def test_every_line_of_a_key_file_is_tried_on_a_refused_message(kind):
    pytest.importorskip("cryptography", reason="the extra 'decrypt' is not installed")
    objects = TELEGRAM.partition(b"\r\n\r\n")[2]
    octets = glo() if kind == "apdu" else b"/KAM5\r\n\r\n\0" + encrypt(objects) + b"!ABCD\r\n"
    lines = {
        "opens": Line(TITLE, KEY, AUTHENTICATION),
        "opens, not authenticated": Line(TITLE, KEY, b""),
        "wrong authentication key": Line(TITLE, KEY, WRONG),
        "wrong key": Line(TITLE, WRONG, AUTHENTICATION),
        "wrong size": Line(TITLE, KEY * 2, b""),
    }
    assert try_keys(octets, Keys(lines.values())) == [(line, verdict) for verdict, line in lines.items()]
    anywhere = [Line(ANY, KEY, AUTHENTICATION), Line(b"SOMEBODY", KEY, AUTHENTICATION)]
    verdicts = [trial.verdict for trial in try_keys(octets, Keys(anywhere))]
    assert verdicts == (["opens", "opens"] if kind == "apdu" else ["wrong key"])
    with pytest.raises(Malformed):
        try_keys(APDU, Keys())


def test_a_refused_message_keeps_its_octets():
    result = keys_of(Decoder().feed("A", glo(counter=5273)))
    assert result == [
        {
            "link": "apdu",
            "apdu": "general-glo-ciphering",
            "system_title": TITLE.hex(),
            "invocation_counter": 5273,
            "security": "E+A suite 0",
            "fault": "no key",
            "detail": "no key for this title: add a line to the key file (--key-file)",
            "octets": glo(counter=5273).hex(),
        }
    ]


def test_a_text_that_is_authentic_but_no_apdu():
    result = keys_of(with_keys().feed("A", glo(b"\x0fabc")))
    assert (result[0]["fault"], result[0]["authenticated"]) == ("apdu", True)


def test_only_padding_may_follow_an_apdu_whose_tag_was_not_checked():
    assert bodies(with_keys().feed("A", glo(APDU + b"\0\0", control=0x20))) == BODY
    result = keys_of(with_keys().feed("A", glo(APDU + b"\1", control=0x20)))
    assert result[0]["fault"] == "wrong key"


SEVERAL = APDU + b"\xe6\xe7\x00" + APDU + b"\0\0\xe6\xe6\x00" + APDU + APDU + b"\xff\xff"


@pytest.mark.parametrize(
    ("kind", "records"),
    [
        ("A", [SEVERAL]),
        ("H", [encoder.pushed(SEVERAL)]),
        ("H", [encoder.frame(b"\xe6\xe6\x00" + SEVERAL)]),
        ("H", encoder.pushed_in_pieces(SEVERAL, 31)),
        ("H", block_frames(SEVERAL, 30)),
        ("M", telegrams(SEVERAL, 30)),
        ("A", [glo(SEVERAL)]),
        ("A", [glo(SEVERAL, control=0x20)]),
        ("A", [b"".join(blocks(SEVERAL, 30))]),
        ("H", [encoder.pushed(glo(APDU) + b"\xe6\xe7\x00" + glo(APDU) + APDU + glo(APDU))]),
    ],
)
def test_several_apdus_in_the_same_octets_are_messages_in_order(kind, records):
    decoder = with_keys()
    for time in (1, 2):
        result = [one for octets in records for one in decoder.feed(kind, octets, time)]
        assert bodies(result) == BODY * 4
        assert [one.time for one in result] == [time] * 4


def test_octets_after_an_apdu_that_are_not_one_are_refused_by_themselves():
    garbage = b"\x7d\x33"
    for kind, octets in [("H", encoder.pushed(APDU + garbage)), ("A", APDU + garbage), ("A", glo(APDU + garbage))]:
        message, refused = with_keys().feed(kind, octets)
        assert bodies([message]) == BODY
        assert (refused.keys["fault"], refused.keys["octets"]) == ("apdu", garbage.hex())


def test_joined_segments_with_octets_after_the_apdu_are_refused_whole():
    """A lost segment would show like that."""
    result = fed(Decoder(), "H", encoder.pushed_in_pieces(APDU + b"\x7d\x33", 10))
    assert [one.keys["octets"] for one in result] == [(APDU + b"\x7d\x33").hex()]


def test_thousands_of_apdus_in_the_same_octets():
    small = encoder.notification({"null-data": None})
    result = with_keys().feed("A", small * 8000 + glo(small) * 50)
    assert len(result) == 8050
    assert {type(one) for one in result} == {Message}


@pytest.mark.parametrize("control", [0x73, 0x93, 0x1F, 0x11])
@pytest.mark.parametrize("information", [b"", b"\x81\x80\x12\x05"])
def test_a_frame_that_manages_the_connection_is_named_as_that(control, information):
    target, pieces = Decoder(), encoder.pushed_in_pieces(APDU, 20)
    result = [target.feed("H", octets) for octets in (pieces[0], encoder.frame(information, control=control))]
    assert result[0] == []
    assert [one.keys["fault"] for one in result[1]] == ["no apdu"]
    assert bodies(fed(target, "H", pieces[1:])) == BODY


@pytest.mark.parametrize("carry", [lambda text: text, glo, lambda text: glo(text, control=0x20)])
def test_p1_telegrams(carry):
    target = with_keys()
    result = target.feed("P" if carry(b"") == b"" else "A", carry(TELEGRAM), 1_700_000_000_123_000_000)
    assert type(result[0]) is Telegram
    keys = keys_of(result)[0]
    assert (keys["time"], keys["link"]) == ("2023-11-14T22:13:20.123Z", "p1")
    assert keys["identification"] == "/KAM5"
    assert keys["objects"] == [["1-0:1.8.0", "00001234.567*kWh"]]
    assert keys.get("system_title") == (None if carry(b"") == b"" else TITLE.hex())


def test_without_a_checked_tag_the_crc_inside_a_telegram_is_checked():
    text = TELEGRAM[: TELEGRAM.index(b"!") + 1]
    right, wrong = b"%b%04X\r\n" % (text, arc(text)), b"%b%04X\r\n" % (text, arc(text) ^ 1)
    for control, key in [(0x20, AUTHENTICATION), (0x30, b"")]:
        target = decoder(Line(TITLE, KEY, key))
        assert [type(one) for one in target.feed("A", glo(right, control=control))] == [Telegram]
        (refused,) = target.feed("A", glo(wrong, control=control))
        assert refused.keys["fault"] == "frame check"
        assert refused.keys["octets"] == glo(wrong, control=control).hex()
    assert [type(one) for one in with_keys().feed("A", glo(wrong))] == [Telegram]


def test_several_telegrams_and_padding_in_one_ciphered_apdu():
    target = with_keys()
    for control in (0x20, 0x30):
        result = target.feed("A", glo(TELEGRAM * 2 + b"\0\0", control=control))
        assert [type(one) for one in result] == [Telegram, Telegram]
    result = target.feed("A", glo(TELEGRAM + b"garbage"))
    assert [one.keys.get("fault") for one in result] == [None, "telegram"]


@pytest.mark.parametrize(
    "text",
    [TELEGRAM, TELEGRAM.partition(b"\r\n\r\n")[2], b"1-0:1.8.0(00001234.567*kWh)\r\n"],
    ids=["all", "end", "bare"],
)
def test_polish_telegrams(text):
    octets = b"/KAM5\r\n\r\n\0" + encrypt(text) + b"!ABCD\r\n"
    keys = keys_of(with_keys().feed("P", octets))[0]
    assert keys["objects"] == [["1-0:1.8.0", "00001234.567*kWh"]]
    assert (keys["identification"], keys["authenticated"], keys["system_title"]) == ("/KAM5", True, TITLE.hex())
    refused = keys_of(decoder(Line(TITLE, WRONG, b"")).feed("P", octets))[0]
    assert (refused["fault"], refused["identification"], refused["octets"]) == ("wrong key", "/KAM5", octets.hex())
    assert keys_of(Decoder().feed("P", octets[:30]))[0]["fault"] == "apdu"


@given(st.sampled_from("HMPAnhct"), st.binary(min_size=1, max_size=60))
def test_any_record_gives_lines(kind, octets):
    for front in (
        b"",
        b"\xdb\x08" + TITLE,
        b"\xdc\0",
        b"\xe0\xc0\0\1\0\0",
        b"/A\r\n\r\n\0",
        b"\x68\x20\x20\x68\x53\xff\x10\x01\x67",
    ):
        result = fed(with_keys(), kind, [front + octets])
        for one in keys_of(result):
            assert one.keys() & {"fault", "body", "objects"}


@given(st.data(), st.sampled_from([0x00, 0x10, 0x20, 0x30]))
def test_spoilt_plaintext_never_raises(data, control):
    text = bytearray(data.draw(st.sampled_from([APDU, TELEGRAM])))
    for _ in range(data.draw(st.integers(1, 3))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    apdu = (
        glo(bytes(text), control=control)
        if control & 0x20
        else b"\xdb\x08"
        + TITLE
        + encoder.length(len(text) + 5 + (12 if control else 0))
        + bytes([control, 0, 0, 0, 1])
        + bytes(text)
        + bytes(12 if control else 0)
    )
    for target in (with_keys(), Decoder()):
        assert len(keys_of(target.feed("A", apdu))) == 1


@given(notifications(), st.integers(1, 50))
def test_ciphering_and_pieces_change_no_body(apdus, size):
    plain = [json.loads(one.line()) for apdu in apdus for one in Decoder().feed("A", apdu)]
    target = with_keys()
    line = [piece for counter, apdu in enumerate(apdus, 1) for piece in blocks(glo(apdu, counter=counter), size)]
    result = keys_of(fed(target, "A", line))
    for one, expected in zip(result, plain, strict=True):
        assert [one[key] for key in ("apdu", "invoke_id", "date_time", "body")] == list(expected.values())[1:]


def cases():
    """Return the captures that are ciphered, or come over M-Bus or P1."""
    found = []
    for maker in sorted(os.listdir(CAPTURES)) if os.path.isdir(CAPTURES) else []:
        for name in sorted(os.listdir(os.path.join(CAPTURES, maker))) if "." not in maker else []:
            if name.endswith(".json"):
                with open(os.path.join(CAPTURES, maker, name), encoding="utf-8") as file:
                    case = json.load(file)
                if case.get("encrypted") or case["link"] in ("mbus", "p1"):
                    found.append(pytest.param(os.path.join(CAPTURES, maker, name), case, id=f"{maker}/{name[:-5]}"))
    return found or [pytest.param(None, None, marks=pytest.mark.skip(reason="no captures at ../shared/captures"))]


@pytest.mark.parametrize(("path", "case"), cases())
def test_captures(path, case):
    with open(path[:-5] + ".raw", "rb") as file:
        octets = file.read()
    key, authentication = bytes.fromhex(case.get("key") or ""), bytes.fromhex(case.get("auth_key") or "")
    target = decoder(*([Line(ANY, key, authentication)] if key else []))
    framer = FRAMERS["auto"]()
    result = [one for frame in framer.feed(octets) + framer.feed(b"") for one in target.feed(*frame)] + target.end()
    good = [json.loads(one.line()) for one in result if type(one) is not Refusal]
    assert len(good) == len(case["messages"])
    if case["encrypted"]:
        assert all(one["authenticated"] is (case.get("gcm_tag") == "ok") for one in good)
        refused = [one.keys for one in result if type(one) is Refusal and "invocation_counter" in one.keys]
        assert len(good) + len(refused) == case["apdus"]
        fault = "frame check" if case.get("inner_crc") == "bad" and not case.get("gcm_tag") else "no key"
        assert all(one["fault"] == fault for one in refused)
        titles = {one["system_title"] for one in refused}
        assert "system_title" not in case or titles <= {(case["system_title"] or "").lower()}


# --- frames whose check failed ---


def unchecked(kind, octets):
    """Return the keys of what follows the fault of a frame."""
    fault, *others = keys_of(Decoder(unchecked=True).feed(kind, octets, 1))
    assert fault["octets"] == octets.hex()
    assert all(list(one)[:3] == ["time", "checked", "link"] and one["checked"] is False for one in others)
    return others


def test_a_frame_whose_check_failed_is_read_only_where_asked():
    for link, octets in [("hdlc", encoder.pushed(APDU)), ("mbus", telegrams(APDU, 200)[0])]:
        damaged = octets[:-2] + bytes([octets[-2] ^ 1]) + octets[-1:]
        (result,) = unchecked("c", damaged)
        assert (result["link"], result["body"]) == (link, BODY[0])
        assert [one["fault"] for one in keys_of(Decoder().feed("c", damaged))] == ["frame check"]


@given(st.integers(1, 200))
def test_a_frame_cut_short_is_read_as_far_as_it_goes(size):
    for result in unchecked("t", encoder.pushed(APDU)[:size]):
        found, sent = result["body"]["array"], BODY[0]["array"]
        assert found == sent[: len(found)]


def test_a_telegram_whose_crc_is_wrong_is_read_where_asked():
    (result,) = unchecked("c", TELEGRAM)
    assert result["objects"] == [["1-0:1.8.0", "00001234.567*kWh"]]


def test_what_is_ciphered_or_a_later_piece_is_not_read_unchecked():
    for kind, octets in [
        ("c", encoder.pushed(glo())),
        ("c", encoder.pushed_in_pieces(APDU, 20)[1]),
        ("c", telegrams(APDU, 10)[1]),
        ("n", encoder.pushed(APDU)),
    ]:
        assert unchecked(kind, octets) == []


@given(
    st.sampled_from("chtn"),
    st.sampled_from([b"", b"\x68", b"/KAM", b"\xa0\x20\x41\x03\x13\0\0"]),
    st.binary(max_size=60),
)
def test_any_octets_whose_check_failed_give_lines(kind, front, octets):
    unchecked(kind, front + octets)


def test_an_unchecked_message_makes_no_shape_for_a_checked_one():
    octets, target = encoder.pushed(APDU), Decoder(unchecked=True)
    target.feed("c", octets)
    assert "checked" not in keys_of(target.feed("H", octets))[0]


def run(tmp_path, records, *options, **environment):
    """Run han-decode as users do; environment: of it, besides what it takes to start."""
    environment = {"PATH": os.environ["PATH"], **environment}
    command = [sys.executable, os.path.join(ROOT, "bin", "han-decode"), *options]
    done = subprocess.run(command, input=b"".join(records), capture_output=True, env=environment, cwd=tmp_path)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr.decode()


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "keys.txt"
    path.write_text(f"{TITLE.hex()} {KEY.hex()} {AUTHENTICATION.hex()}\n")
    path.chmod(0o600)
    return path


def test_the_program_opens_and_remembers(tmp_path, key_file):
    records = [pack("A", glo(counter=counter), 0) for counter in (1, 2)]
    options = ("--key-file", "keys.txt", "--counters", "counters.txt")
    status, result, said = run(tmp_path, records, *options)
    assert (status, [one["authenticated"] for one in result], said) == (0, [True, True], "")
    assert (tmp_path / "counters.txt").read_text() == f"{TITLE.hex()} 2\n"
    status, result, said = run(tmp_path, records, *options)
    assert (status, [one["counter"] for one in result]) == (0, ["back", "repeated"])
    assert said.count("han-decode: title KAM4500000001: ") == 2


def test_a_message_beyond_the_count_is_not_remembered(tmp_path, key_file):
    records = [pack("A", glo(counter=counter), 0) for counter in (1, 2, 3)]
    options = ("--key-file", "keys.txt", "--counters", "counters.txt")
    assert len(run(tmp_path, records, *options, "-n", "1")[1]) == 1
    assert (tmp_path / "counters.txt").read_text() == f"{TITLE.hex()} 1\n"
    assert [one.get("counter") for one in run(tmp_path, records, *options)[1]] == ["repeated", None, None]


@pytest.mark.parametrize("options", [[], ["--tree"]])
def test_readings_of_damaged_frames_alone_are_nothing_valid(tmp_path, options):
    damaged = pack("c", encoder.pushed(APDU), 0)
    command = [sys.executable, os.path.join(ROOT, "bin", "han-decode"), "--unchecked", "--stats", *options]
    done = subprocess.run(command, input=damaged, capture_output=True, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout
    assert b'"messages": 0' in done.stderr


def test_where_the_program_looks_for_keys(tmp_path, key_file):
    records = [pack("A", glo(), 0)]
    assert run(tmp_path, records)[0] == 5
    assert run(tmp_path, records, HANPIPE_KEY_FILE="keys.txt")[0] == 0
    (tmp_path / "han-keys").write_text(key_file.read_text())
    assert run(tmp_path, records, CREDENTIALS_DIRECTORY=str(tmp_path))[0] == 0


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ([], "the input is empty"),
        ([b"no records"], "han-frame"),
        ([pack("c", encoder.pushed(APDU), 0), pack("n", b"x", 0)], "only 2 faults (1 frame check, 1 noise)"),
        ([pack("H", encoder.frame(b"", control=0x73), 0)], "only 1 fault (1 no apdu)"),
    ],
)
def test_a_run_that_reads_nothing_says_why_in_one_line(tmp_path, records, words):
    for options in ([], ["--tree"]):
        command = [sys.executable, os.path.join(ROOT, "bin", "han-decode"), *options]
        done = subprocess.run(command, input=b"".join(records), capture_output=True, cwd=tmp_path)
        assert done.returncode == 1
        assert done.stderr.count(b"\n") == 1
        assert words in done.stderr.decode()


def test_exit_statuses_and_words(tmp_path, key_file):
    ciphered, plain = pack("A", glo(), 0), pack("A", APDU, 0)
    status, result, said = run(tmp_path, [ciphered] * 2 + [plain])
    assert (status, len(result)) == (5, 3)
    assert said == "han-decode: title KAM4500000001: no key for this title: add a line to the key file (--key-file)\n"
    assert run(tmp_path, [plain])[0] == 0
    assert run(tmp_path, [ciphered])[2].count("\n") == 1
    assert run(tmp_path, [ciphered], "--key-file", "none.txt")[0::2] == (
        3,
        "han-decode: none.txt: no such file or directory\n",
    )
    assert run(tmp_path, [plain], "--counters", "none/counters")[0] == 4
    key_file.write_text("* 00\n")
    status, _, said = run(tmp_path, [plain], "--key-file", "keys.txt")
    assert (status, said) == (3, "han-decode: keys.txt:1: a title has 16 hex digits, a key 32 or 64; here are 2\n")


def test_keys_for_everybody_are_warned_of(tmp_path, key_file):
    key_file.chmod(0o644)
    status, _, said = run(tmp_path, [pack("A", glo(), 0)], "--key-file", "keys.txt")
    assert (status, said) == (
        0,
        "han-decode: keys.txt: everybody on this machine may read these keys: chmod o-rwx keys.txt\n",
    )


def test_missing_cryptography_is_one_line(tmp_path, key_file):
    (tmp_path / "cryptography.py").write_text("raise ModuleNotFoundError(name='cryptography')\n")
    status, _, said = run(tmp_path, [pack("A", glo(), 0)], "--key-file", "keys.txt", PYTHONPATH=str(tmp_path))
    assert status == 3
    assert said.count("\n") == 1
    assert "pip install cryptography" in said
    assert run(tmp_path, [pack("A", APDU, 0)], "--key-file", "keys.txt", PYTHONPATH=str(tmp_path))[0] == 0


def test_a_signal_saves_the_counters(tmp_path, key_file):
    command = [sys.executable, os.path.join(ROOT, "bin", "han-decode"), "--key-file", "keys.txt", "--counters", "c"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path) as process:
        process.stdin.write(pack("A", glo(counter=7), 1))
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["invocation_counter"] == 7
        assert (tmp_path / "c").read_text() == ""
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
    assert (tmp_path / "c").read_text() == f"{TITLE.hex()} 7\n"
