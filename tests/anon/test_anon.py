"""han-anon: no name is left, every check is right, and every value is as it was."""

import io
import json
import os
import random

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

import hanpipe
from conftest import CAPTURES, NO_CAPTURES, captures
from fake_meters import AUTHENTICATION_KEY, KEY, sent
from hanpipe.anon.inventing import Inventor, NoNameLeftError
from hanpipe.anon.names import is_name, spellings
from hanpipe.anon.rewriting import Capture, Sealed
from hanpipe.anon.sealing import TEST_KEY
from hanpipe.apdu.keys import Keys, Line
from hanpipe.fake import meters
from programs import run, shell

NAMES = st.text("0123456789", min_size=6, max_size=20).filter(lambda name: int(name) > 99999 and name[0] != "0")


def octets_of(name, count=30):
    return b"".join(b"".join(frames) for frames, *_ in sent(name, count))


def keys_of(name, key=KEY, authentication_key=AUTHENTICATION_KEY):
    title = meters.meter(name).needed
    return Keys([Line(title, key, authentication_key)]) if title else None


def readings(octets, keys, names):
    """The readings, without the values that are names."""
    found = hanpipe.readings(io.BytesIO(octets), keys=keys, warn=lambda text: None)
    return [{key: value for key, value in reading.items() if str(value) not in names} for reading in found]


@pytest.mark.parametrize("name", meters.names())
def test_a_meter_under_another_name_says_the_same(name):
    octets = octets_of(name)
    capture = Capture(octets, keys_of(name))
    inventor = Inventor(capture.names, "seed")
    made = capture.anonymous(inventor)
    title = meters.meter(name).needed
    keys = Keys([Line(bytes.fromhex(inventor.invented(title.hex())), TEST_KEY, TEST_KEY)]) if title else None
    assert len(made) == len(octets)
    invented = {inventor.invented(name) for name in capture.names}
    assert readings(made, keys, invented) == readings(octets, keys_of(name), capture.names)
    again = Capture(made, keys)
    assert again.names_left(inventor) == set()
    assert capture.names_left(inventor) == capture.names or title
    assert again.names == invented


@pytest.mark.parametrize("name", [name for name in meters.names() if meters.meter(name).needed])
def test_a_ciphered_meter_without_its_key_is_refused(name):
    octets = octets_of(name, 3)
    with pytest.raises(Sealed, match="key"):
        Capture(octets, None).anonymous(Inventor([], "seed"))
    wrong = Keys([Line(meters.meter(name).needed, bytes(16), b"")])
    with pytest.raises(Sealed, match="wrong key"):
        Capture(octets, wrong).anonymous(Inventor([], "seed"))


@pytest.mark.slow
@given(st.sets(NAMES, min_size=1, max_size=20), st.text(max_size=3))
def test_one_name_becomes_one_name_of_its_kind(names, seed):
    inventor = Inventor(names, seed)
    invented = [inventor.invented(name) for name in names]
    assert len({*invented, *names}) == 2 * len(names)
    assert [len(name) for name in invented] == [len(name) for name in names]
    assert all(name.isdigit() for name in invented)
    assert [Inventor(names, seed).invented(name) for name in names] == invented


TITLES = st.binary(min_size=5, max_size=5) | st.text("ASP09 \0", min_size=5, max_size=5).map(str.encode)


@given(TITLES)
def test_a_system_title_keeps_its_maker_whatever_its_number_is(number):
    title = (b"SAS" + number).hex()
    invented = Inventor([title], "seed").invented(title)
    assert len(invented) == len(title)
    assert invented != title
    assert invented[:6] == title[:6]


# What damage makes of names: zeros before anything, numbers just above a power of 256, hex of a text, or of anything.
ANY_NAMES = st.one_of(
    st.tuples(st.text("0", max_size=14), st.text("\xa8\x1a\xf3\to1Z0", min_size=5, max_size=9)).map("".join),
    st.text("012", min_size=5, max_size=22),
    st.tuples(st.integers(3, 8), st.integers(0, 9)).map(lambda number: str(256 ** number[0] + number[1])),
    st.binary(min_size=5, max_size=12).map(bytes.hex),
    st.text(" !)0AaZ\0", min_size=5, max_size=12).map(lambda text: text.encode().hex()),
)


@given(ANY_NAMES)
@example("000001000000000001")
def test_any_name_becomes_another_in_every_spelling(name):
    assume(is_name(name))
    inventor = Inventor([name], "seed")
    assert inventor.invented(name) != name
    assert len(inventor.invented(name)) == len(name)
    for way in spellings(name).values():
        assert len(way) < 4 or inventor.replace(way) != way


def test_a_name_of_thousands_of_digits_is_found_as_a_text():
    assert b"1" * 5000 in spellings("1" * 5000).values()


def test_where_no_name_is_left_it_is_said():
    with pytest.raises(NoNameLeftError, match="found so many names like 'ÄÖÜÄ1'"):
        Inventor([f"ÄÖÜÄ{digit}" for digit in range(1, 10)], "seed")


@given(NAMES, st.binary(max_size=30), st.binary(max_size=30), st.data())
def test_a_name_is_found_in_every_spelling(name, before, after, data):
    inventor = Inventor([name], "seed")
    way = data.draw(st.sampled_from([*spellings(name).values()]))
    made = inventor.replace(before + way + after)
    assert len(made) == len(before + way + after)
    assert way not in made


def test_octets_that_are_damaged_keep_no_trace():
    octets = bytearray(octets_of("kaifa", 12))
    capture = Capture(bytes(octets), None)
    (name,) = (name for name in capture.names if len(name) == 16)
    at = octets.index(name.encode())
    octets[at + 3] ^= 1
    made = Capture(bytes(octets), None).anonymous(Inventor(capture.names, "seed"))
    assert name.encode()[4:] not in made


def with_a_bit_wrong_elsewhere(octets):
    """A capture in which each frame with a name has a wrong bit, but not in the name."""
    capture = Capture(octets, None)
    inventor = Inventor(capture.names, "seed")
    hurt, rest = bytearray(octets), random.Random(1)
    for piece in capture.pieces:
        if names := list(inventor.known.whole(piece.octets)):
            places = range(14, len(piece.octets) - 3)
            at = rest.choice([at for at in places if not any(one.begin <= at < one.end for one in names)])
            hurt[piece.begin + at] ^= 1 << rest.randrange(7)
    return bytes(hurt), capture.names


@pytest.mark.parametrize("name", ["aidon", "kaifa", "kamstrup", "iskra-ch", "landisgyr-ch", "p1-nl"])
def test_a_name_that_is_in_damaged_frames_only_is_found(name):
    hurt, names = with_a_bit_wrong_elsewhere(octets_of(name))
    capture = Capture(hurt, None)
    assert capture.names == set()
    made = capture.anonymous(Inventor(capture.names, "seed", capture.damaged))
    assert len(made) == len(hurt)
    assert Capture(made, None).names_left(Inventor(names, "")) == set()


@pytest.mark.parametrize("damage", ["wrong", "lost", "flag"])
@pytest.mark.parametrize("place", range(16))
def test_a_name_with_one_octet_wrong_or_lost_leaves_no_trace(place, damage):
    octets = octets_of("kaifa", 12)
    capture = Capture(octets, None)
    (name,) = capture.names
    at = octets.index(name.encode()) + place
    put = {"wrong": bytes([octets[at] ^ 1]), "lost": b"", "flag": b"~"}[damage]
    hurt = Capture(octets[:at] + put + octets[at + 1 :], None)
    made = hurt.anonymous(Inventor(hurt.names, "seed", hurt.damaged))
    begin = at - place
    left = [part for part in (name[:place], name[place + 1 :]) if len(part) >= 4 and set(part) != {"0"}]
    assert not any(part.encode() in made[begin : begin + 16] for part in left)
    assert hurt.names_left(Inventor(hurt.names, "")) == {name}
    assert Capture(made, None).names_left(Inventor(hurt.names, "")) == set()


@pytest.mark.parametrize("size", [4, 7, 12])
def test_a_capture_that_begins_or_ends_inside_a_name_leaves_no_trace(size):
    octets = octets_of("kaifa", 24)
    (name,) = Capture(octets, None).names
    begin, end = octets.index(name.encode()) + 16 - size, octets.rindex(name.encode()) + size
    capture = Capture(octets[begin:end], None)
    made = capture.anonymous(Inventor(capture.names, "seed"))
    assert made[:size] != name.encode()[-size:]
    assert made[-size:] != name.encode()[:size]
    assert Capture(made, None).names_left(Inventor([name], "")) == set()


@given(st.text("0123456789", min_size=5, max_size=16), st.integers(0, 15), st.binary(max_size=9), st.binary(max_size=9))
def test_a_short_name_with_a_wrong_octet_is_found_too(name, place, before, after):
    assume(len(name.strip("0")) >= 5)
    assume(len(set(name)) > 2)
    wrong = bytearray(name.encode())
    wrong[place % len(name)] ^= 0x80
    made = Inventor([name], "seed").replace_traces(before + wrong + after)
    assert wrong not in made


def test_zeros_and_makers_are_not_traces():
    traces = Inventor(["0000000012345678", "5341530102030405"], "seed").all
    assert traces.in_damage(b"00000000") == []
    assert traces.in_damage(b"SAS") == []
    assert traces.in_damage(b"x0000000000000000x") == []


@pytest.mark.slow
def test_a_capture_without_a_name_is_said_to_have_none(tmp_path):
    octets, path = octets_of("aidon", 3), tmp_path / "mine.raw"
    at = octets.index(b"7359990000000001") - 30
    path.write_bytes(octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :])
    ran = run("han-anon", str(path))
    assert (ran.status, b"7359990000000001" in ran.out) == (0, False)
    assert ran.words == (
        "han-anon: found no name in 2 good frames, only 1 name in damaged ones; look at the output before you "
        "publish it\n"
    )
    path.write_bytes(octets_of("p1-se", 2))
    assert "found no name in 2 good frames; look at the output" in run("han-anon", str(path)).words
    ran = run("han-anon", "--check", str(path), str(path))
    assert (ran.status, ran.out) == (1, b"")
    assert "found no name in 2 good frames, so nothing was checked: look at the file itself" in ran.words


BELGIAN = (
    b"/FLU5\\253769484_A\r\n\r\n0-0:96.1.4(50217)\r\n0-0:96.1.1(12345678)\r\n1-0:1.8.1(050217.123*kWh)\r\n"
    b"1-0:2.8.1(112345678.123*kWh)\r\n0-0:96.13.1(Meter 12345678)\r\n1-0:1.7.0(50217.678*kW)\r\n"
    b"1-0:2.7.0(50217*kW)\r\n!\r\n"
)


def test_in_a_telegram_a_short_name_is_not_a_part_of_a_number():
    capture = Capture(BELGIAN, None)
    made = capture.anonymous(Inventor(capture.names, "seed"))
    assert b"(050217.123*kWh)" in made
    assert b"(112345678.123*kWh)" in made
    assert b"(50217.678*kW)" in made
    assert b"(50217*kW)" in made
    assert b"(12345678)" not in made
    assert b"Meter 12345678" not in made
    assert Capture(made, None).names_left(Inventor(capture.names, "")) == set()


@pytest.mark.skipif(not captures(), reason=NO_CAPTURES)
@pytest.mark.parametrize("name", ["kaifa/no-dump-multi", "iskraemeco/ch-seg-vse2026", "sagemcom/nl-p1-t211"])
def test_real_captures_keep_their_good_frames(name):
    with open(os.path.join(CAPTURES, f"{name}.raw"), "rb") as file:
        capture = Capture(file.read(), None)
    made = Capture(capture.anonymous(Inventor(capture.names, "seed")), None)
    assert [piece.kind for piece in made.pieces if piece.kind.isupper()] == [
        piece.kind for piece in capture.pieces if piece.kind.isupper()
    ]


@pytest.mark.slow
def test_the_program_writes_what_may_be_published_and_proves_it(tmp_path):
    mine, published = tmp_path / "mine.raw", tmp_path / "published.raw"
    mine.write_bytes(octets_of("aidon"))
    done = run("han-anon", "--seed", "1", str(mine))
    assert done.status == 0
    published.write_bytes(done.out)
    assert run("han-anon", "--seed", "1", str(mine)).out == done.out
    assert run("han-anon", "--seed", "2", str(mine)).out != done.out
    checked = run("han-anon", "--check", str(mine), str(published))
    assert (checked.status, checked.out) == (0, f"none of 1 name in {mine} is left\n".encode())
    checked = run("han-anon", "--check", str(mine), str(mine))
    assert checked.status == 1
    assert b"7359990000000001 is still there" in checked.out
    assert run("han-anon", given=b"no meter").status == 1


@pytest.mark.slow
@pytest.mark.parametrize("way", ["han-frame", "han-frame | han-decode", "hex"])
def test_without_a_good_frame_nothing_is_written_and_nothing_is_proved(tmp_path, way):
    octets, other = octets_of("kamstrup", 3), tmp_path / "other"
    other.write_bytes(octets.hex().encode() if way == "hex" else shell(way, given=octets).out)
    for options in ([], ["--check", str(other)]):
        ran = run("han-anon", *options, str(other))
        assert (ran.status, ran.out) == (1, b"")
        assert "expected octets of a line, found" in ran.words
    (tmp_path / "octets").write_bytes(octets)
    ran = run("han-anon", "--check", str(tmp_path / "octets"), given=b"")
    assert (ran.status, ran.out) == (1, b"")


def test_a_ciphered_capture_comes_out_under_the_published_key(tmp_path):
    title = meters.meter("kamstrup-dk").needed.hex()
    keys, again = tmp_path / "keys", tmp_path / "again"
    keys.write_text(f"{title} {KEY.hex()} {AUTHENTICATION_KEY.hex()}\n")
    again.write_text(f"* {TEST_KEY.hex()} {TEST_KEY.hex()}\n")
    octets = octets_of("kamstrup-dk", 3)
    refused = run("han-anon", given=octets)
    assert refused.status == 5
    assert refused.out == b""
    assert "han-anon needs the key of a ciphered meter (--key-file)" in refused.words
    made = run("han-anon", "--key-file", str(keys), given=octets).out
    frames = run("han-frame", "--no-time", given=made).out
    lines = run("han-decode", "--key-file", str(again), given=frames).out.splitlines()
    assert [json.loads(line)["authenticated"] for line in lines] == [True] * 3
