"""Texts of a hostile meter in every format that is written, read again by another reader of that format."""

import csv
import io
import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from broker import Listener, Mosquitto, needed
from hanpipe.readings.naming import Naming
from hanpipe.readings.reader import LineReader
from hanpipe.sinks.influx.line_protocol import escaped, point
from hanpipe.sinks.mqtt.meters import node
from hanpipe.sinks.mqtt.topics import level
from hanpipe.sinks.prometheus.metrics import Metrics
from hanpipe.sinks.readings_in import ReadingReader
from hanpipe.sinks.tables.csv import Rows
from hanpipe.views.text import obis_text, text
from needs import needs
from programs import run

MARKS = "\\ ,=\"'#/+-@$\n\r\t\0\x1b[31m\u202e\u2028\ud800{}<>&|;a1é"
TEXTS = st.text(st.sampled_from(MARKS), max_size=8) | st.text(st.characters(), max_size=8)
NAMES = TEXTS.filter(bool)


# InfluxDB ------------------------------------------------------------------------------------------------------------


@given(TEXTS, st.dictionaries(NAMES, st.integers(-99, 99), min_size=1, max_size=4))
@example("a\\", {"b": 1})
@example("a\\,b\\=c\\ d", {"\\": 1, "x\\": 2})
@example("\\\\", {"time": 1, "x": 1})
def test_influx_reads_back_the_meter_and_every_number(meter, numbers):
    needs("line_protocol_parser")
    from line_protocol_parser import parse_line

    line = point("han", meter, numbers | {"time": "2026-11-22T10:15:04Z", "one": 1})
    found = parse_line(line)
    assert (found["measurement"], found["time"]) == ("han", 1795342504 * 10**9)
    assert found["tags"] == ({"meter_id": kept(meter)} if kept(meter) else {})
    expected = {}
    for name, value in (numbers | {"one": 1}).items():
        if kept(name) not in ("", "time") and name != "time":
            expected.setdefault(kept(name), value)
    assert found["fields"] == expected


def kept(text):
    """Return what is left of a text in line protocol: all but control characters and backslashes that are unclear."""
    text = "".join(one for one in text if not ("\ud800" <= one <= "\udfff" or one < " " or one == "\x7f"))
    return re.sub(r"\\+(?=[ ,=]|$)|\\+(?=\\)", "", text)


@given(TEXTS)
def test_no_backslash_is_before_another_or_before_the_end(text):
    bare = re.sub(r"\\[ ,=]", "_", escaped(text))
    assert not re.search(r"\\\\|\\$|[ ,=\n]", bare)
    assert not re.search(r"\\\\", escaped(text))


@pytest.mark.parametrize("name", ["time", "_field", "_measurement"])
def test_influx_keeps_some_names_for_itself(name):
    assert point("han", "", {name: 5}) == ""
    assert point("han", "", {name: 5, "x": 1}) == "han x=1"


# Prometheus ----------------------------------------------------------------------------------------------------------


@given(TEXTS, NAMES)
def test_prometheus_reads_back_the_meter_and_the_name(meter, name):
    needs("prometheus_client")
    from prometheus_client.parser import text_string_to_metric_families

    metrics = Metrics(300)
    metrics.take({f"#{name}": 5}, meter, 0)
    written = metrics.text(0).encode(errors="replace").decode()
    families = {family.name: family for family in text_string_to_metric_families(written)}
    assert set(families) == {"han_other", "han_readings"}
    (sample,) = families["han_other"].samples
    shown = {"name": f"#{name}"} | ({"meter_id": meter} if meter else {})
    assert sample.labels == {key: value.encode(errors="replace").decode() for key, value in shown.items()}
    assert sample.value == 5


# CSV -----------------------------------------------------------------------------------------------------------------


def table(texts, **options):
    """Return the rows that a reader of CSV finds: the columns are these texts, and so are the values under them."""
    lines = ReadingReader().feed(json.dumps(dict.fromkeys(texts, "") | {one: one for one in texts}).encode() + b"\n")
    rows = Rows(list(texts), lambda message: None, **options)
    written = (rows.header() + rows.rows(lines)).decode()
    return list(csv.reader(io.StringIO(written, newline="")))


@given(st.lists(NAMES, min_size=1, max_size=4, unique=True))
@example(["=1+1", "+1", "-1", "@SUM(A1)", "'=1", "''-1", "\t=1", "'", "'a", "a=1"])
def test_no_cell_of_a_table_is_a_formula_and_the_texts_come_back(texts):
    sent = [one.encode(errors="replace").decode() for one in texts]
    for row in table(texts):
        assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
        assert [re.sub(r"^'(?='*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])", "", cell) for cell in row] == sent
    assert table(texts, raw_text=True) == [sent, sent]


def test_numbers_are_never_changed_and_raw_text_is_an_option_of_the_program():
    line = b'{"curr_L1":-3.9,"meter_ID":"=cmd|\' /C calc\'!A0","message":"-5"}\n'
    assert run("han-csv", given=line).out == b"meter_ID,curr_L1,message\n'=cmd|' /C calc'!A0,-3.9,'-5\n"
    assert run("han-csv", "--raw-text", given=line).out == b"meter_ID,curr_L1,message\n=cmd|' /C calc'!A0,-3.9,-5\n"


# MQTT ----------------------------------------------------------------------------------------------------------------


@given(NAMES)
def test_a_text_is_one_level_of_a_topic(text):
    for made in (level(text), node(text)):
        assert re.fullmatch(r"[\w.:*-]+", made, re.ASCII)
        assert len(made) <= 200


def test_a_real_broker_takes_every_topic(tmp_path):
    needed()
    texts = ["a/b", "#", "+", "$SYS/x", "a\0b", "", "\ud800", "é", "/", "x" * 70_000, "\n"]
    lines = [{"meter_ID": f"{text}{at}", f"#{text}": 5, "act_pow_pos": 5} for at, text in enumerate(texts)]
    given_ = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    with Mosquitto(tmp_path) as broker, Listener(broker) as listener:
        ran = run("han-mqtt", "--port", str(broker.port), "--client-id", "texts", given=given_)
        heard = listener.until("hanpipe/texts/status", "offline")
    assert (ran.status, "Traceback" in ran.words) == (0, False)
    of_values = [topic for topic, _, _ in heard if topic.startswith("hanpipe/") and not topic.endswith("/status")]
    assert {topic.count("/") for topic in of_values} == {2}
    assert sum(topic.endswith("/import_power") for topic in of_values) == len(texts)


@pytest.mark.parametrize("topic", ["a\nb", "a\x1b", "a#", "+/a", "/a", "a/", "$SYS"])
def test_no_prefix_of_topics_is_a_filter(topic):
    ran = run("han-mqtt", "--prefix", topic)
    assert (ran.status, "expected the beginning of a topic" in ran.words) == (2, True)


# The terminal --------------------------------------------------------------------------------------------------------


@given(TEXTS, TEXTS)
def test_no_text_controls_the_terminal(value, code):
    typed = {"identification": value, "objects": [[code, value], ["0-0:96.1.0", value], ["1-0:1.7.0", "1.0*kW"]]}
    apdu = {"body": {"structure": [{"octet-string": "0000600107ff"}, {"visible-string": value}]}}
    reader = LineReader(Naming())
    for line in ({"link": "p1", **typed}, apdu):
        for plan, values, _ in reader.feed(json.dumps(line).encode() + b"\n"):
            for shown in (text(plan, values), obis_text(plan, values)):
                assert shown.replace("\n", "").isprintable()
                assert all(" = " in row for row in shown.splitlines())
