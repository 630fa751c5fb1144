"""han-report as its users run it: archives of any kind in, one page out."""

import gzip
import os
import re
import shutil
import struct
import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import ROOT
from hanpipe.report.svg import WIDTH
from needs import needs
from programs import run, shell
from report.houses import golden, house, lines, reading

HOUSE = os.path.join(ROOT, "lib", "hanpipe", "fake", "house.raw")
TITLES = ["Power", "Energy of each hour", "Duration curve", "Peaks", "Voltage", "Current"]


def page(ran):
    """The page of a run that went well, as a tree; every page is XML too."""
    assert (ran.status, ran.words) == (0, "")
    return parse(ran.out.decode())


def parse(text):
    return ElementTree.fromstring(text.removeprefix("<!DOCTYPE html>\n"))


def titles(tree):
    return ["".join(found.itertext()) for found in tree.iter("h3")]


def svgs(tree):
    return list(tree.iter("{http://www.w3.org/2000/svg}svg"))


def figures(tree):
    """The key figures: name -> value and remark."""
    return {
        row[0].text: (row[1].text, row[2].text)
        for table in tree.iter("table")
        if table.get("class") == "key"
        for row in table.iter("tr")
    }


def test_readings_of_a_day_become_a_page_with_every_picture():
    tree = page(run("han-report", given=lines(house(24, sun=900))))
    assert titles(tree) == [*TITLES, "Voltage quality"]
    assert "".join(tree.find(".//h1").itertext()) == "Wednesday 4 March 2026"
    assert figures(tree)["Export"][1].startswith("register at ")


def test_the_page_is_the_one_that_was_reviewed():
    ran = run("han-report", "--zone", "Europe/Oslo", "--rule", "no", given=golden())
    with open(os.path.join(os.path.dirname(__file__), "house.html"), "rb") as file:
        made = re.sub(b"<style>.*</style>", b"", ran.out, flags=re.DOTALL)
        assert made == file.read(), "make golden writes it anew; review the diff, and look at the page"


@pytest.mark.slow
def test_a_week_has_a_map_of_its_hours_and_its_gaps():
    readings = [one for one in house(24 * 7, step=60) if "T10:0" not in one["time"]]
    tree = page(run("han-report", given=lines(readings)))
    assert titles(tree)[2] == "Power by hour and day"
    assert titles(tree)[-2:] == ["Gaps", "Voltage quality"]
    assert "7 gaps longer than a minute, 1 h 17 min in all" in figures(tree)["Readings"][1]


@pytest.mark.slow
def test_octets_records_lines_and_readings_of_one_archive_give_the_same_page():
    pages = {
        run("han-report", HOUSE).out,
        shell(f"han-frame {HOUSE} | han-report").out,
        shell(f"han-frame {HOUSE} | han-decode | han-report -").out,
        shell(f"han-frame {HOUSE} | han-decode | han-fields | gzip | han-report").out,
    }
    assert len(pages) == 1
    assert b"7359990000000001" not in pages.pop()
    assert b"7359990000000001" in run("han-report", "--show-ids", HOUSE).out


def test_files_of_different_kinds_are_one_archive(tmp_path):
    shutil.copy(HOUSE, tmp_path / "june.raw")
    later = house(2, start=datetime(2026, 6, 22, tzinfo=UTC))
    (tmp_path / "june.jsonl.gz").write_bytes(gzip.compress(lines(later)))
    ran = run("han-report", str(tmp_path / "june.raw"), str(tmp_path / "june.jsonl.gz"))
    assert ran.words == "han-report: left out 8 readings without a time: no reading before them has one\n"
    assert figures(parse(ran.out.decode()))["Readings"][0] == str(40 - 8 + 120)


def test_damage_in_the_last_piece_of_a_gzip_stream_is_an_error(tmp_path):
    packed = bytearray(gzip.compress(lines(house(1))))
    packed[-6] ^= 1  # in its checksum: all readings can be read
    given = tmp_path / "june.jsonl.gz"
    given.write_bytes(packed)
    for ran in (run("han-report", str(given)), run("han-report", given=bytes(packed))):
        assert (ran.status, ran.out) == (4, b"")
        assert "damaged gzip data" in ran.words


@pytest.mark.parametrize("limits", [["--from", "2027-01-01"], ["--to", "2026-06-21"]])
def test_limits_without_a_reading_say_what_there_is(limits):
    ran = run("han-report", *limits, given=lines(house(1, start=datetime(2026, 6, 21, tzinfo=UTC))))
    assert (ran.status, ran.out) == (1, b"")
    assert "the archive has readings from 2026-06-21T" in ran.words


def test_limits_that_contradict_are_an_error():
    assert run("han-report", "--from", "2026-06-22", "--to", "2026-06-22", given=lines(house(1))).status == 2


@pytest.mark.parametrize("given", [b"", b"\n", b"no reading\n", b'{"a":1}\n', b"7e a0 2a 41 08 83 13 04 13 e6 e7 00\n"])
def test_an_archive_without_a_reading_says_so_in_one_line(given):
    ran = run("han-report", given=given)
    assert (ran.status, ran.out, ran.words.count("\n")) == (1, b"", 1), ran.words


def test_several_meters_have_a_section_each_and_too_many_are_left_out():
    two = [one for pair in zip(house(3), house(3, number="7359990000000002", seed=2), strict=True) for one in pair]
    tree = page(run("han-report", given=lines(two)))
    assert [heading.text for heading in tree.iter("h2")] == ["Meter 1", "Meter 2", "Faults"]
    many = [reading(datetime(2026, 3, 4, tzinfo=UTC), str(number), act_pow_pos=5) for number in range(25)]
    ran = run("han-report", given=lines(many))
    assert ran.words == "han-report: left out readings of more than 20 meters: 5\n"
    assert ran.out.count(b"<section") == 21


def test_an_archive_of_power_alone_or_of_registers_alone_has_the_pictures_of_these():
    power = [{name: one[name] for name in ("time", "act_pow_pos")} for one in house(5)]
    assert titles(page(run("han-report", given=lines(power)))) == TITLES[:4]
    registers = [{key: one[key] for key in ("time", "act_energy_pos")} for one in house(5) if "date_time" in one]
    tree = page(run("han-report", given=lines(registers)))
    assert titles(tree) == ["Energy of each hour", "Peaks"]


@pytest.mark.parametrize(
    ("start", "hours"), [(datetime(2026, 3, 28, 23, tzinfo=UTC), 23), (datetime(2026, 10, 24, 22, tzinfo=UTC), 25)]
)
def test_a_day_of_summer_time_has_its_23_or_25_hours(start, hours):
    tree = page(run("han-report", "--zone", "Europe/Oslo", given=lines(house(hours, start=start))))
    rows = tree.findall(".//figure[2]//tbody/tr")
    assert len(rows) == hours
    assert "".join(tree.find(".//h1").itertext()).startswith("Sunday ")


def test_from_and_to_leave_out_what_is_outside():
    given = lines(house(30))
    tree = page(run("han-report", "--from", "2026-03-04T06:00", "--to", "2026-03-05", given=given))
    count, remark = figures(tree)["Readings"]
    assert (count, remark[:40]) == ("1,080", "4 March 2026 06:00 to 4 March 2026 23:59")
    wrong = run("han-report", "--from", "yesterday", given=given)
    assert (wrong.status, "2026-11-01" in wrong.words) == (2, True)


def test_faults_are_counted(tmp_path):
    with open(HOUSE, "rb") as file:
        octets = file.read()
    (tmp_path / "damaged.raw").write_bytes(octets[:700] + octets[710:])
    ran = run("han-report", str(tmp_path / "damaged.raw"))
    assert b'<th scope="row">truncated</th><td>' in ran.out or b'<th scope="row">frame check</th><td>' in ran.out
    ran = run("han-report", given=lines(house(1)) + b"broken\n")
    assert b'<th scope="row">line that is not a reading</th><td>1</td>' in ran.out


def test_periods_are_not_readings():
    readings = lines(house(4))
    periods = run("han-every", "1h", given=readings).out + run("han-peaks", given=readings).out
    ran = run("han-report", given=periods)
    skipped = "han-report: skipped lines of han-every or han-peaks; expected the readings of han-fields\n"
    assert (ran.status, ran.out, ran.words) == (1, b"", skipped)
    ran = run("han-report", given=readings + periods)
    assert (ran.status, ran.words) == (0, skipped)
    assert figures(parse(ran.out.decode())) == figures(page(run("han-report", given=readings)))
    fault = '<th scope="row">line of han-every or han-peaks</th><td>{}</td>'
    assert fault.format(len(periods.splitlines())).encode() in ran.out


def test_times_that_run_backwards_are_reported():
    ran = run("han-report", given=lines(house(2)) * 2)
    assert ran.words == "han-report: times run backwards: give each file once, in the order of their times\n"


def test_a_ciphered_archive_needs_its_keys(tmp_path):
    needs("cryptography")
    keys = tmp_path / "keys"
    keys.write_text(f"* {bytes(range(16)).hex()} {bytes(range(16, 32)).hex()}\n")
    keys.chmod(0o600)
    fake = run("han-fake", "--meter", "kaifa-at", "--seed", "1", "--speed", "0", "-n", "30", "--key-file", str(keys))
    tree = page(run("han-report", "--key-file", str(keys), given=fake.out))
    assert figures(tree)["Readings"][0] == "30"
    without = run("han-report", given=fake.out)
    assert (without.status, without.words.count("\n")) == (5, 1)
    assert "key" in without.words


def test_the_page_loads_nothing_and_runs_nothing():
    text = run("han-report", given=lines(house(2))).out.decode()
    assert not re.search(r"<(script|link|img|iframe|object|embed)\b|url\(|@import|\bon\w+=", text)
    assert re.findall(r"""(?:href|src)=|https?:(?!//www\.w3\.org/2000/svg)""", text) == []


def test_every_picture_has_a_role_a_title_and_a_description_that_are_its_own():
    tree = page(run("han-report", given=lines(house(3) + house(3, number="2"))))
    seen = [one.get("id") for one in tree.iter() if one.get("id")]
    assert len(seen) == len(set(seen))
    for svg in svgs(tree):
        assert svg.get("role") == "img"
        assert [svg[0].get("id"), svg[1].get("id")] == svg.get("aria-labelledby").split()
        assert svg[0].text
        assert svg[1].text


@pytest.mark.slow
def test_a_png_is_written_and_a_missing_package_is_one_line(tmp_path):
    needs("libcairo.so.2")
    ran = run("han-report", "--png", given=lines(house(24, sun=900)))
    assert ran.status == 0
    assert ran.out[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">I", ran.out[16:20])[0] == 2 * (WIDTH + 48)
    (tmp_path / "cairosvg.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'cairosvg'\", name='cairosvg')\n"
    )
    missing = run("han-report", "--png", given=lines(house(1)), env={"PYTHONPATH": str(tmp_path)})
    assert (missing.status, missing.words.count("\n"), "pip install cairosvg" in missing.words) == (3, 1, True)
    (tmp_path / "cairosvg.py").write_text("raise OSError('no library called \"cairo-2\" was found')\n")
    missing = run("han-report", "--png", given=lines(house(1)), env={"PYTHONPATH": str(tmp_path)})
    assert (missing.status, missing.words.count("\n"), "apt install libcairo2" in missing.words) == (3, 1, True)


class _Strict(HTMLParser):
    """Collects the elements of a page as a browser sees them."""

    def __init__(self):
        super().__init__()
        self.tags = set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)


@given(st.text(max_size=40), st.sampled_from(["meter_maker", "meter_model", "meter_ID", "source"]))
def test_a_text_of_a_meter_is_never_markup(words, name):
    from hanpipe.report.account import Account
    from hanpipe.report.page import Report, html
    from hanpipe.report.run import HIGHEST_HOURS

    account = Account(UTC, HIGHEST_HOURS)
    hostile = f"</style></svg><script>x</script>\0&{words}"
    at = 1_772_582_400_000_000_000
    account.take([(at + second * 10**9, {"act_pow_pos": 5, name: hostile}) for second in range(3)])
    account.finish()
    text = html(Report([account], UTC, "UTC", [(hostile, 1)], True))
    parse(text)
    seen = _Strict()
    seen.feed(text)
    assert "script" not in seen.tags


@given(st.sampled_from(["act_pow_pos", "volt_L1", "curr_L1", "act_energy_pos"]), st.decimals("-1e29", "1e29", places=3))
def test_every_number_that_is_drawn_is_finite(name, value):
    from hanpipe.report.account import Account
    from hanpipe.report.page import Report, html
    from hanpipe.report.run import HIGHEST_HOURS

    account = Account(UTC, HIGHEST_HOURS)
    at = 1_772_582_400_000_000_000
    for place in range(5):
        account.take([(at + place * 1800 * 10**9, {"act_pow_pos": 5, name: value + place})])
    account.finish()
    for svg in svgs(parse(html(Report([account], UTC, "UTC", [], False)))):
        for drawn in svg.iter():
            numbers = re.findall(
                r"[-\d.]+(?:e[-+]?\d+)?|nan|inf", " ".join((drawn.get("d", ""), drawn.get("x", ""), drawn.get("y", "")))
            )
            assert all(abs(float(number)) < 10_000 for number in numbers)
