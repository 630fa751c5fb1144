"""han-mqtt against a real mosquitto; what it announces against Home Assistant's rules, and Domoticz's."""

import json
import os
import signal
import subprocess
import sys
from decimal import Decimal
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker import PATIENCE, Listener, Mosquitto, needed
from conftest import ROOT
from hanpipe.periods.kinds import kind_of
from hanpipe.programs import mqtt as program
from hanpipe.readings import quantities
from hanpipe.readings.decimals import plain
from hanpipe.sinks.mqtt import broker as mqtt
from hanpipe.sinks.mqtt import sink
from hanpipe.sinks.mqtt.discovery import Announcer
from hanpipe.sinks.mqtt.home_assistant import BINARY, sensor
from hanpipe.sinks.mqtt.meters import IDENTITY_PATIENCE, Meter, MeterFinder
from hanpipe.sinks.mqtt.outbox import Outbox
from hanpipe.sinks.mqtt.pace import Pace
from hanpipe.sinks.mqtt.topics import Message, Topics
from hanpipe.sinks.readings_in import ReadingReader
from hanpipe.spool.sink import WINDOW
from hanpipe.unix.status import Failure
from needs import needs

PROGRAM = [sys.executable, f"{ROOT}/bin/han-mqtt"]
ID = "6970631401234567"
BASE = f"hanpipe/{ID}"
CONFIG = f"homeassistant/sensor/hanpipe_{ID}"
STATUS = "hanpipe/tests/status"

# Device class -> state classes, units. Home Assistant, developers' documentation, "Sensor entity".
STATES = {"measurement"}
REGISTERS = {"total", "total_increasing"}
RULES = {
    "power": (STATES, {"mW", "W", "kW", "MW", "GW", "TW"}),
    "energy": (
        REGISTERS,
        {"J", "kJ", "MJ", "GJ", "mWh", "Wh", "kWh", "MWh", "GWh", "TWh", "cal", "kcal", "Mcal", "Gcal"},
    ),
    "reactive_power": (STATES, {"var"}),
    "apparent_power": (STATES, {"VA"}),
    "voltage": (STATES, {"V", "mV", "µV", "kV", "MV"}),
    "current": (STATES, {"A", "mA"}),
    "frequency": (STATES, {"Hz", "kHz", "MHz", "GHz"}),
    "power_factor": (STATES, {None, "%"}),
    "gas": (REGISTERS, {"L", "m³", "ft³", "CCF"}),
    "water": (REGISTERS, {"L", "gal", "m³", "ft³", "CCF", "MCF"}),
    "volume": (REGISTERS, {"L", "mL", "gal", "fl. oz.", "m³", "ft³", "CCF", "MCF"}),
    "duration": (STATES, {"d", "h", "min", "s", "ms"}),
    "timestamp": ({None}, {None}),
}
NO_CLASS = {None, "kvarh", "kVAh"}  # units of what has no class that all versions know


def line(**values):
    return json.dumps(values).encode() + b"\n"


def full(power=826, register=21_123_450):
    return line(
        time="2026-11-22T10:15:04.123Z",
        obis_list_version="AIDON_V0001",
        meter_ID=ID,
        meter_model="6525",
        act_pow_pos=power,
        act_pow_neg=0,
        react_pow_neg=78,
        curr_L1=3.9,
        volt_L1=236.2,
        act_energy_pos=register,
        act_energy_neg=1,
        react_energy_pos=1_234_567,
    )


def start(broker, *arguments, env=None):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    command = [*PROGRAM, "--port", str(broker.port), "--client-id", "tests", *arguments]
    return subprocess.Popen(command, **pipes, env={**os.environ, **(env or {})})


def feed(process, data):
    process.stdin.write(data)
    process.stdin.flush()


def end(process, data=b""):
    out, words = process.communicate(data, timeout=PATIENCE)
    return process.returncode, out, words.decode()


def run(broker, data, *arguments, env=None):
    return end(start(broker, *arguments, env=env), data)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A broker for tests that leave it alive."""
    needed()
    with Mosquitto(tmp_path_factory.mktemp("broker")) as broker:
        yield broker


# The table ----------------------------------------------------------------------------------------------------------


def names():
    """Every number of docs/fields.md that has an OBIS code of its own, tariffs, and registers of sub-meters."""
    known = {found.name for _, found in quantities.rows() if found.what != quantities.TEXT}
    tariffs = {f"{name}_T{n}" for name in known if quantities.named(name).what == quantities.REGISTER for n in (1, 2)}
    sub_meters = {"gas_volume", "gas_volume_2", "water_volume", "warm_water_volume", "heat_energy", "heat_volume"}
    return sorted(known | tariffs | sub_meters)


def test_every_field_has_an_entity_that_home_assistant_takes():
    for name in names():
        made = sensor(name)
        assert made is not None, name
        if made.device_class is None:
            assert made.unit in NO_CLASS, name
            assert made.state_class in {None, *REGISTERS}
        else:
            states, units = RULES[made.device_class]
            assert made.state_class in states, name
            assert made.unit in units, name
        assert not made.object.endswith(("_min", "_max"))  # Domoticz skips them
        assert not made.object.startswith(("min_", "max_"))
        assert set(made.object) <= set("abcdefghijklmnopqrstuvwxyzLNQT0123456789_")
    objects = [sensor(name).object for name in names()]
    assert len(set(objects)) == len(objects) == len({sensor(name).name for name in names()})


HOUR = {"time": "2026-11-22T11:00:00+01:00", "begin": "2026-11-22T10:00:00+01:00", "end": "2026-11-22T11:00:00+01:00"}
WHOLE = line(
    **HOUR, meter_ID=ID, meter_model="6525", act_pow_pos=826.5, act_pow_pos_max=2310, volt_L1=231.2, volt_L1_max=233.1,
    volt_L1_min=229.8, known=0.998, act_energy_pos=21_123_450, act_energy_pos_delta=827, gas_volume=7000.125,
    gas_volume_delta=0.125, estimated=False,
)  # fmt: skip
OPEN = line(**HOUR, meter_ID=ID, running=True, known=0.5, act_energy_pos_delta=413, projected=826, estimated=True)
MONTH = line(
    **HOUR, meter_ID=ID, rule="no", month="2026-11", ended=False, peak=4711.5, peak_1=5100,
    peak_1_begin="2026-11-03T18:00:00+01:00", peak_1_estimated=False,
)  # fmt: skip
WARNING = line(**HOUR, meter_ID=ID, limit=5000, heading=5210.5, above_limit=True)


def test_each_value_of_periods_and_peaks_has_an_entity_that_home_assistant_takes():
    for (one,) in map(lines, (WHOLE, OPEN, MONTH, WARNING)):
        kind = kind_of(one.reading)
        known = {name: made for name in one.reading if (made := sensor(name, kind))}
        texts = {"meter_ID", "meter_model", "rule", "month", "running", "ended", "peak_1_estimated"}
        assert one.reading.keys() - known.keys() - set(HOUR) <= texts
        for name, made in known.items():
            if made.platform == BINARY:
                assert (made.unit, made.state_class) == (None, None)
                assert made.device_class in (None, "problem")
            elif made.device_class is None:
                assert (made.unit, made.state_class) == ("%", "measurement")
            else:
                states, units = RULES[made.device_class]
                assert made.state_class in {*states, None}, name
                assert made.unit in units
            assert made.expire is None
        assert (
            len({made.object for made in known.values()}) == len({made.name for made in known.values()}) == len(known)
        )


def test_a_period_is_one_message_and_its_amounts_begin_anew_with_it():
    for by_device in (False, True):
        topics = Topics("h", Announcer("ha", "s", by_device=by_device), whole=False, retain=True)
        result = [topics.messages(one, Meter("m", "n")) for one in lines(WHOLE, OPEN)]
        assert [[message.topic for message in announced] for announced, _ in result] == [
            ["ha/device/hanpipe_m_1h/config"], ["ha/device/hanpipe_m_1h_running/config"],
        ]  # fmt: skip
        assert [[(message.topic, message.retain) for message in sent] for _, sent in result] == [
            [("h/m/1h", True)], [("h/m/1h_running", False)],
        ]  # fmt: skip
        state = json.loads(result[0][1][0].payload, parse_float=Decimal)
        assert [state[key] for key in ("delta_import_energy", "import_energy", "peak_import_power", "known")] == [
            Decimal("0.827"), Decimal("21123.45"), 2310, Decimal("99.8"),
        ]  # fmt: skip
        parts = json.loads(result[0][0][0].payload)["components"]
        energy = parts["delta_import_energy"]
        assert energy["name"] == "Active energy import of the hour"
        assert (energy["state_class"], energy["device_class"], energy["unit_of_measurement"]) == (
            "total",
            "energy",
            "kWh",
        )
        assert energy["last_reset_value_template"] == "{{ value_json.begin }}"
        assert energy["value_template"] == "{{ value_json.get('delta_import_energy') }}"
        assert "last_reset_value_template" not in parts["import_energy"]
        assert parts["estimated"]["platform"] == "binary_sensor"


def test_a_rule_of_any_characters_makes_a_topic_and_an_id():
    odd = MONTH.replace(b'"rule": "no"', b'"rule": "a/b+#.\\u00e9"')
    topics = Topics("h", Announcer("ha", "s", by_device=False), whole=False, retain=True)
    ((announced, sent),) = [topics.messages(one, Meter("m", "n")) for one in lines(odd)]
    assert [message.topic for message in announced + sent] == [
        "ha/device/hanpipe_m_peaks_a_b____/config", "h/m/peaks_a_b____",
    ]  # fmt: skip


def test_readings_and_periods_never_share_a_topic_or_an_id():
    topics = Topics("h", Announcer("ha", "s", by_device=True), whole=False, retain=True)
    result = [topics.messages(one, Meter("m", "n")) for one in lines(full(), WHOLE, OPEN, MONTH, WARNING)]
    sent = [{message.topic for message in messages} for _, messages in result]
    configs = [json.loads(announced[-1].payload) for announced, _ in result]
    ids = [{one["unique_id"] for one in config["components"].values()} for config in configs]
    for groups in (sent, ids):
        assert len(set().union(*groups)) == sum(map(len, groups))
    assert len({config["device"]["identifiers"][0] for config in configs}) == 1


def test_only_power_of_now_expires():
    expiring = {name for name in names() if sensor(name).expire}
    assert expiring == {n for n in names() if (q := quantities.named(n)).base == "act_pow" and q.what == "power"}


@pytest.mark.parametrize(("interval", "seconds"), [(0, 60), (10, 60), (300, 900)])
@pytest.mark.parametrize("by_device", [False, True])
def test_power_stays_until_three_intervals_are_over(interval, seconds, by_device):
    announcer = Announcer("ha", "status", by_device=by_device, interval=interval)
    topics = Topics("h", announcer, whole=False, retain=True)
    (read,) = lines(full())
    announced = [json.loads(message.payload) for message in topics.messages(read, Meter("m", "n"))[0]]
    entities = list(announced[0]["components"].values()) if by_device else announced
    assert {one["name"]: one["expire_after"] for one in entities if "expire_after" in one} == {
        "Active power import": seconds,
        "Active power export": seconds,
    }


def test_what_may_fall_is_no_increasing_total():
    assert sensor("act_energy_net").state_class == "total"
    assert sensor("act_energy_pos").state_class == "total_increasing"


@pytest.mark.parametrize(
    ("energy", "power"),
    [
        ("act_energy_pos", "act_pow_pos"),
        ("act_energy_neg", "act_pow_neg"),
        ("act_energy_pos_L2", "act_pow_pos_L2"),
        ("act_energy_neg_L3", "act_pow_neg_L3"),
        ("act_energy_net", "act_pow_net"),
        ("act_energy_pos_T2", "act_pow_pos"),
    ],
)
def test_domoticz_pairs_energy_with_its_own_power(energy, power):
    """It takes the W sensor whose unique_id shares the longest start: no other may share as much."""
    watts = [name for name in names() if sensor(name).unit == "W"]
    shared = {name: start_in_common(sensor(name).object, sensor(energy).object) for name in watts}
    best = max(shared.values())
    assert [name for name in watts if shared[name] == best] == [power]


def start_in_common(one, other):
    return next(length for length in range(len(one), -1, -1) if other.startswith(one[:length]))


@pytest.mark.parametrize("name", ["1-0:99.9.9", "#1", "gas_energy", "meter_model", "tPI", "", "volt_L4", "act_pow_up"])
def test_what_no_table_knows_is_no_entity(name):
    assert sensor(name) is None


@given(st.integers(-(10**25), 10**25) | st.decimals(-1000, 1000, places=6), st.integers(-6, 3))
def test_plain_is_exact_and_short(value, power):
    text = plain(value, power)
    assert Decimal(text) == Decimal(value) * Decimal(10) ** power if abs(value) < 10**18 else text
    assert "E" not in text
    assert text != "-0"
    assert not ("." in text and text.endswith(("0", ".")))


def test_energy_is_exact_to_the_watt_hour():
    assert [plain(wh, -3) for wh in (21_123_450, 1, 999_999_999_999, 0)] == ["21123.45", "0.001", "999999999.999", "0"]


# Whose it is --------------------------------------------------------------------------------------------------------


def lines(*octets):
    return ReadingReader().feed(b"".join(octets))


def test_a_list_without_number_waits_for_it_and_is_then_of_the_last_one():
    whose = MeterFinder(None, clock=lambda: 0.0)
    first, full_list, after, other, last = lines(
        line(act_pow_pos=1), full(), line(act_pow_pos=2), line(meter_ID="A/B+#"), line(act_pow_pos=3)
    )
    meter = Meter(ID, "HAN meter 01234567", "6525", ID)
    assert whose.feed(first) == []
    assert whose.feed(full_list) == [(first, meter), (full_list, meter)]
    assert whose.feed(after) == [(after, meter)]
    whose.feed(other)
    assert whose.feed(last) == [(last, Meter("A_B__", "HAN meter A/B+#", None, "A/B+#"))]


def test_two_meters_in_one_stream_are_two_devices_and_a_list_of_nobody_is_left_out():
    warned = []
    whose = MeterFinder(None, clock=lambda: 0.0, warn=warned.append)
    one, other, nobody = lines(line(meter_ID="1" * 9), line(meter_ID="2" * 9), line(act_pow_pos=3))
    meters = [meter for read in (one, other, one, nobody, other) for _, meter in whose.feed(read)]
    assert [meter and meter.name for meter in meters] == [
        "HAN meter 11111111", "HAN meter 22222222", "HAN meter 11111111", None, "HAN meter 22222222",
    ]  # fmt: skip
    assert len(warned) == 1


def test_a_reading_that_names_its_source_is_of_the_meter_there():
    whose = MeterFinder(None, clock=lambda: 0.0)
    streams = lines(*[line(source=source, meter_ID=source * 9, meter_model="M") for source in "12"])
    for read in streams * 2:
        whose.feed(read)
    (nameless,) = lines(line(source="1", act_pow_pos=1))
    assert whose.feed(nameless) == [(nameless, Meter("1", "1", "M", "1" * 9))]
    (first,) = lines(line(source="haus/7", act_pow_pos=1))
    assert whose.feed(first) == [(first, Meter("haus_7_51c069ac", "haus/7"))]


def test_two_sources_never_share_a_topic():
    whose = MeterFinder(None, clock=lambda: 0.0)
    names = ("haus/7", "haus_7", "haus 7", "x" * 300, "x" * 301)
    assert len({meter.node for read in lines(*[line(source=name) for name in names])
                for _, meter in whose.feed(read)}) == len(names)  # fmt: skip


def test_the_name_of_the_user_goes_before_the_source():
    whose = MeterFinder("My house")
    (reading,) = lines(line(source="haus/7", act_pow_pos=826))
    assert whose.feed(reading)[0][1].node == "My_house"


def test_a_meter_that_never_warns_its_number_is_not_waited_for_for_ever():
    now = [0.0]
    whose = MeterFinder(None, clock=lambda: now[0])
    (first,) = lines(line(act_pow_pos=1))
    whose.feed(first)
    assert whose.seconds() == IDENTITY_PATIENCE
    now[0] = IDENTITY_PATIENCE
    ((_, meter),) = whose.release()
    assert meter.node == "meter"
    assert whose.feed(first) == [(first, meter)]


def test_a_name_goes_before_the_number():
    whose = MeterFinder("My house")
    (reading,) = lines(full())
    assert whose.feed(reading) == [(reading, Meter("My_house", "My house", "6525", None))]


def published(octets, meter=None, **options):
    topics = Topics("h", options.pop("announcer", None), **{"whole": False, "retain": False, **options})
    result = [topics.messages(one, meter or Meter("m", "n")) for one in lines(octets)]
    return [{m.topic: m.payload.decode() for m in messages} for _, messages in result]


def test_a_clock_is_one_only_with_its_offset():
    assert published(line(date_time="2026-11-22T10:15:04+01:00")) == [{"h/m/clock": "2026-11-22T10:15:04+01:00"}]
    assert published(line(date_time="2026-11-22T10:15:04")) == [{"h/m/date_time": "2026-11-22T10:15:04"}]


def test_what_no_table_knows_is_published_under_its_name():
    reading = b'{"1-0:99.9.9*5":0.10,"#1":"a","x/y\\ud800+":[1],"act_pow_pos":"much","none":null}\n'
    expected = {"h/m/1-0:99.9.9*5": "0.1", "h/m/_1": "a", "h/m/x_y__": "[1]", "h/m/act_pow_pos": "much"}
    assert published(reading) == [expected]


def test_only_what_is_no_measurement_is_retained_and_nothing_if_so_asked():
    reading = {"date_time": "2026-11-22T10:15:04+01:00", "tariff": 2, "act_energy_net": -5, "curr_L1": 3, "#1": 7}
    for retain in (False, True):
        topics = Topics("h", None, whole=True, retain=retain)
        messages = [m for one in lines(full(), line(**reading)) for m in topics.messages(one, Meter("m", "n"))[1]]
        kept = {m.topic.removeprefix("h/m/") for m in messages if m.retain}
        registers = {"import_energy", "export_energy", "import_reactive_energy", "net_energy"}
        assert kept == ({"clock", "tariff"} | registers if retain else set())


def test_an_entity_is_announced_once_and_again_when_its_device_is_another():
    topics = Topics("h", Announcer("ha", "s", by_device=False), whole=False, retain=False)
    meter = Meter("m", "n")

    def announced(octets, meter):
        return [m.topic.split("/")[-2] for m in topics.messages(*lines(octets), meter)[0]]

    assert announced(line(act_pow_pos=1, volt_L1=2), meter) == ["import_power", "voltage_L1"]
    assert announced(line(act_pow_pos=1, volt_L2=2), meter) == ["voltage_L2"]
    assert announced(line(act_pow_pos=1), meter) == []
    assert announced(line(act_pow_pos=1), meter._replace(model="6525")) == ["import_power", "voltage_L1", "voltage_L2"]
    assert announced(line(act_pow_pos=1), meter) == []  # a list that does not tell the model changes nothing
    assert announced(line(act_pow_pos=1), Meter("other", "n")) == ["import_power"]
    assert announced(line(act_pow_pos=1), meter) == []


def test_a_retained_value_is_published_when_it_changes_and_a_measurement_each_time():
    topics = Topics("h", None, whole=False, retain=True)
    sent = []
    for register in (5000, 5000, 6000):
        for one in lines(line(act_energy_pos=register, act_pow_pos=7)):
            sent += [m.payload.decode() for m in topics.messages(one, Meter("m", "n"))[1]]
    assert sent == ["5", "7", "7", "6", "7"]


def test_one_topic_has_the_last_value_of_everything_and_its_entities_read_it():
    topics = Topics(
        "h", Announcer("ha", "s", by_device=False, one_topic=True), whole=False, retain=True, one_topic=True
    )
    read = lines(
        line(act_energy_pos=5000), line(act_pow_pos=7.5, date_time="2026-11-22T10:15:04+01:00", meter_model="x")
    )
    announced, messages = zip(*[topics.messages(one, Meter("m", "n")) for one in read], strict=True)
    assert [[(m.topic, m.payload, m.retain) for m in sent] for sent in messages] == [
        [("h/m/state", b'{"import_energy":5}', False)],
        [("h/m/state", b'{"import_energy":5,"import_power":7.5,"clock":"2026-11-22T10:15:04+01:00"}', False)],
    ]
    configs = [json.loads(message.payload) for message in announced[0] + announced[1]]
    assert {config["state_topic"] for config in configs} == {"h/m/state"}
    assert configs[1]["value_template"] == "{{ value_json.import_power }}"


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=60))
def test_an_interval_has_the_mean_of_its_power_and_its_last_register(powers):
    pace, made = Pace(10), []
    for second, watts in enumerate(powers):
        read = line(time=f"2026-11-22T10:{second // 60:02}:{second % 60:02}Z", act_pow_pos=watts, act_energy_pos=second)
        made += [one.reading for one, _ in pace.add(*lines(read), Meter("m", "n"))]
    made += [one.reading for one, _ in pace.finish()]
    assert len(made) == -(-len(powers) // 10)
    assert [one["act_energy_pos"] for one in made] == [*range(9, len(powers) - 1, 10), len(powers) - 1]
    if len(powers) >= 10:
        assert abs(made[0]["act_pow_pos"] - Decimal(sum(powers[:10])) / 10) <= Decimal("0.05")


def test_the_numbers_of_an_interval_are_exact():
    pace = Pace(10)
    sent = b'"heat_energy":0.0000036,"act_energy_pos":12345678901234.5678,"act_pow_pos":500'
    made = [*pace.add(*lines(b'{"time":"2026-11-22T10:00:01Z",%b}\n' % sent), Meter("m", "n")), *pace.finish()]
    assert [set(one.octets.strip(b"{}\n").split(b",")) for one, _ in made] == [
        {b'"time":"2026-11-22T10:00:01Z"', *sent.split(b",")}
    ]


def test_an_interval_does_not_repeat_what_the_meter_did_not_send_in_it():
    pace, made = Pace(10), []
    values = {"0": {"act_energy_pos": 5, "meter_model": "x"}, "11": {"act_pow_pos": 7}, "21": {"act_pow_pos": 8}}
    for second, sent in values.items():
        read = line(time=f"2026-11-22T10:00:{second:0>2}Z", **sent)
        made += [one.reading for one, _ in pace.add(*lines(read), Meter("m", "n"))]
    assert "act_energy_pos" in made[0]
    assert "meter_model" not in made[1]


# Messages that wait -------------------------------------------------------------------------------


@given(st.lists(st.lists(st.integers(0, 3), max_size=3), max_size=30), st.randoms())
def test_in_order_a_line_is_delivered_when_all_of_it_is_acknowledged(topics, random):
    outbox = Outbox(in_order=True)
    put, flying, acknowledged, out = [], {}, 0, b""
    waiting = list(enumerate(topics))
    while waiting or flying or outbox.left:
        if waiting and random.random() < 0.5:
            number, kinds = waiting.pop(0)
            octets = b"%d\n" % number
            put.append((octets, len(kinds)))
            outbox.put([], [Message(str(kind), octets) for kind in kinds], octets)
        elif flying and random.random() < 0.5:
            mid = random.choice(sorted(flying))
            flying.pop(mid)
            outbox.acknowledged(mid)
        elif taken := outbox.take():
            mid = acknowledged = acknowledged + 1
            flying[mid] = taken[0].payload
            outbox.flies(mid, taken[1])
        out += outbox.delivered()
        assert all(octets not in flying.values() for octets in out.splitlines(keepends=True))
        assert len(flying) <= 20
    assert out + outbox.delivered() == b"".join(octets for octets, _ in put)


@given(st.lists(st.integers(0, 3), max_size=60), st.randoms())
def test_without_pass_the_last_value_of_each_topic_arrives(topics, random):
    outbox = Outbox(in_order=False)
    last, arrived, mids = {}, {}, iter(range(10**6))
    for number, topic in enumerate(topics):
        last[str(topic)] = b"%d" % number
        outbox.put([], [Message(str(topic), b"%d" % number)], b"line\n")
        if random.random() < 0.3 and (taken := outbox.take()):
            arrived[taken[0].topic] = taken[0].payload
            mid = next(mids)
            outbox.flies(mid, taken[1])
            outbox.acknowledged(mid)
    assert outbox.left <= 4
    while taken := outbox.take():
        arrived[taken[0].topic] = taken[0].payload
    assert arrived == last
    assert outbox.delivered() == b""


def test_what_the_broker_is_to_keep_is_repeated_and_never_by_a_later_value_before_an_earlier():
    outbox = Outbox(in_order=True)
    for number in range(3):
        outbox.put([Message("a", b"", True)], [Message("t", b"%d" % number, True), Message("p", b"")], b"\n")
    sent = [outbox.take()[0] for _ in range(3)]
    outbox.repeat()
    while taken := outbox.take():
        sent.append(taken[0])
    assert [m.topic for m in sent] == [*"atp", *"at", *"tptp"]
    assert [m.payload for m in sent if m.topic == "t"] == [b"0", b"0", b"1", b"2"]


@pytest.mark.slow
def test_all_that_han_spool_gives_at_once_waits_for_the_broker():
    """With JSON that is more than may wait without han-spool."""
    outbox = Outbox(in_order=True)
    reading = full()
    count = WINDOW // len(reading) + 1  # one line at least is given, whatever its length
    for number in range(count):
        outbox.put([], [Message("p", b"%d" % number), Message("r", reading, whole=True)], reading)
    assert (outbox.dropped, outbox.delivered()) == (0, b"")
    while taken := outbox.take():
        outbox.flies(1, taken[1])
        outbox.acknowledged(1)
    assert (outbox.sent, outbox.delivered()) == (2 * count, reading * count)


def test_a_retained_value_that_is_given_up_is_published_with_the_next_reading(monkeypatch):
    monkeypatch.setattr("hanpipe.sinks.queue.MOST_KEYS", 5)
    outbox, topics = Outbox(in_order=False), Topics("h", None, whole=False, retain=True)
    (reading,) = lines(line(tariff=1))
    for name in "abcdef":
        topics.forget(outbox.put(*topics.messages(reading, Meter(name, "n")), b""))
    sent = [outbox.take()[0].topic for _ in range(5)]
    assert sent == [f"h/{name}/tariff" for name in "bcdef"]
    again = [topics.messages(reading, Meter(name, "n"))[1] for name in "ab"]
    assert [len(messages) for messages in again] == [1, 0]


@pytest.fixture
def spooled(monkeypatch):
    """A sink with --interval 10, as han-spool runs it, and what takes and acknowledges its messages."""
    needs("paho")
    monkeypatch.setenv("HANPIPE_PASS", "delivered")
    options = program._parser().parse_args(["--interval", "10", "--pass", "--no-discovery"])
    says = dict.fromkeys(("warn", "report", "explain", "write"), lambda words: None)
    made = sink.MqttSink(SimpleNamespace(options=options, name="han-mqtt", **says))

    def delivered():
        while taken := made._outbox.take():
            made._outbox.flies(1, taken[1])
            made._outbox.acknowledged(1)
        return made._outbox.delivered()

    return made, delivered


def test_a_line_is_delivered_after_the_interval_of_its_own_meter(spooled):
    made, delivered = spooled
    first, second, third, fourth, fifth = [
        line(time=f"2026-11-22T10:00:{second}Z", meter_ID=meter, act_pow_pos=5)
        for meter, second in (("a", "01"), ("b", "02"), ("a", "11"), ("b", "12"), ("a", "21"))
    ]
    made.take(lines(first, second))
    assert delivered() == b""
    made.take(lines(third))
    assert delivered() == first
    made.take(lines(b"no reading\n", fourth))
    assert delivered() == second
    made.take(lines(fifth))
    assert delivered() == third + b"no reading\n"
    made._put(made._pace.finish())
    assert delivered() == fourth + fifth


def test_lines_that_are_in_no_interval_wait_for_none(spooled):
    made, delivered = spooled
    made.take(lines(WHOLE, b"no reading\n"))
    made._publish(made._finder.release(at_once=True))
    assert delivered() == WHOLE + b"no reading\n"


# A real broker ------------------------------------------------------------------------------------------------------


def test_values_and_discovery_are_read_by_a_second_client(shared):
    with Listener(shared, "hanpipe/#") as listener:
        status, _, words = run(shared, line(act_pow_pos=1) + full(), "--json")
        got = [(topic, payload) for topic, payload, _ in listener.until(STATUS, "offline")]
    assert (status, words) == (0, "")
    assert got[0] == (STATUS, "online")
    values = dict(got)
    assert values[f"{BASE}/import_power"] == "826"
    assert values[f"{BASE}/current_L1"] == "3.9"
    assert values[f"{BASE}/import_energy"] == "21123.45"
    assert values[f"{BASE}/export_energy"] == "0.001"
    assert values[f"{BASE}/import_reactive_energy"] == "1234.567"
    assert values[f"{BASE}/reading"].encode() + b"\n" == full()
    assert not any("meter/" in topic for topic in values)
    with Listener(shared, "homeassistant/#", "hanpipe/#") as later:
        later_got = later.some(12)  # of eight values, the status, and three registers
    assert all(retained for _, _, retained in later_got)
    # Home Assistant subscribes to a value only after it has heard of it: an hourly register must still be there.
    kept = {topic: payload for topic, payload, _ in later_got if topic.startswith(BASE)}
    assert kept == {topic: values[topic] for topic in values if topic.endswith("_energy")}
    result = {topic.split("/")[3]: json.loads(payload) for topic, payload, _ in later_got if topic.startswith(CONFIG)}
    assert len(result) == 8
    for name, config in result.items():
        states, units = RULES.get(config.get("device_class"), (REGISTERS, NO_CLASS))
        assert config.get("state_class") in states
        assert config.get("unit_of_measurement") in units
        assert config["unique_id"] == f"hanpipe_{ID}_{name}"
        assert config["state_topic"] == f"{BASE}/{name}"
        assert config["availability_topic"] == STATUS
        assert config["device"]["identifiers"] == [f"hanpipe_{ID}"]
        assert config["origin"]["name"] == "hanpipe"
        assert ("expire_after" in config) == (config.get("device_class") == "power")
        assert "value_template" not in config
    assert result["import_energy"]["unit_of_measurement"] == "kWh"
    assert "device_class" not in result["import_reactive_energy"]


@pytest.mark.slow
def test_device_discovery_and_none(shared):
    with Listener(shared, "ha2/#", "h2/#") as listener:
        common = ["--discovery-prefix", "ha2", "--prefix", "h2", "--meter", "My house"]
        assert run(shared, line(act_pow_pos=1) + full(), *common, "--device-discovery")[0] == 0
        got = listener.until("h2/tests/status", "offline")
        assert run(shared, full(), *common, "--no-discovery", "--no-retain")[0] == 0
        without = listener.until("h2/tests/status", "offline")
    topics = {topic for topic, *_ in got}
    assert {topic for topic in topics if topic.startswith("ha2/")} == {"ha2/device/hanpipe_My_house/config"}
    config = json.loads([payload for topic, payload, _ in got if topic.startswith("ha2/")][-1])
    assert config["origin"]["name"] == "hanpipe"
    assert config["device"] == {"identifiers": ["hanpipe_My_house"], "name": "My house", "model": "6525"}
    assert len(config["components"]) == 8
    assert all(one["platform"] == "sensor" and one["unique_id"] for one in config["components"].values())
    assert config["components"]["import_power"]["state_topic"] == "h2/My_house/import_power"
    assert not any(topic.startswith("ha2/") for topic, *_ in without)


def test_home_assistant_that_starts_hears_everything_again_and_a_kill_leaves_the_will(shared):
    with Listener(shared, "ha3/#", "h3/#") as listener:
        process = start(shared, "--discovery-prefix", "ha3", "--prefix", "h3")
        feed(process, full())
        listener.until(f"h3/{ID}/import_reactive_energy")
        feed(process, full(register=21_123_460))
        heard = listener.until(f"h3/{ID}/import_energy", "21123.46")
        assert not [topic for topic, *_ in heard if topic.startswith("ha3/")]
        listener.say("ha3/status", "online")
        again = {topic for topic, *_ in listener.until(f"h3/{ID}/import_reactive_energy", "1234.567")}
        assert {topic for topic in again if topic.endswith("import_energy/config")}
        process.kill()
        assert listener.until("h3/tests/status", "offline")
        process.communicate()


@pytest.mark.slow
def test_pass_waits_for_the_broker_and_latest_values_win_without(tmp_path):
    """Both begin before the broker does, and see it die and come back."""
    needed()
    broker = Mosquitto(tmp_path)
    spooled = {"HANPIPE_PASS": "delivered"}
    passing, latest = (
        start(broker, "--pass", "-v", env=spooled),
        start(broker, "--client-id", "latest", "--prefix", "latest"),
    )
    many = b"".join(full(power) for power in range(3000))
    feed(latest, many)  # more than a pipe holds: it is read without a broker
    feed(passing, full(1) + b"no reading\n")
    assert b"connection refused; trying again" in passing.stderr.readline()
    assert b"connection refused; trying again" in latest.stderr.readline()
    with broker:
        assert passing.stdout.readline() == full(1)
        assert passing.stdout.readline() == b"no reading\n"
        with Listener(broker, "latest/#", "hanpipe/#") as listener:
            feed(latest, full(3000))
            got = [payload for topic, payload, _ in listener.until(f"latest/{ID}/import_power", "3000")]
            assert len(got) < 100
        broker.kill()
        feed(passing, full(2))
        broker.start()
        feed(passing, full(3))
        assert [passing.stdout.readline() for _ in range(2)] == [full(2), full(3)]
        with Listener(broker, f"{CONFIG}/+/config", STATUS) as listener:
            assert (STATUS, "online", True) in listener.some(9)  # what it was to retain it has got again
        passing.send_signal(signal.SIGTERM)
        status, out, words = end(passing)
        assert (status, out) == (0, b"")
        assert words.count("connection lost; trying again") == 1
        assert words.count("back after") == 2
        assert end(latest)[0] == 0


def test_an_interval_of_ten_seconds_leaves_a_meter_of_each_second_two_messages_a_second(tmp_path):
    """Ten minutes of 18 values a second, replayed: how many messages there are. tests/pace.py tries it in real time."""
    needed()
    names = [f"curr_limit_L{phase}" for phase in (1, 2, 3)] + [f"volt_L{phase}" for phase in (1, 2, 3)]
    names += [f"act_pow_{way}_L{phase}" for way in ("pos", "neg") for phase in (1, 2, 3)]
    names += [
        "act_pow_pos",
        "act_pow_neg",
        *[f"act_energy_{way}_T{tariff}" for way in ("pos", "neg") for tariff in (1, 2)],
    ]
    readings = [
        line(time=f"2026-11-22T10:{second // 60:02}:{second % 60:02}Z", meter_ID=ID, **dict.fromkeys(names, second))
        for second in range(600)
    ]
    with Mosquitto(tmp_path) as broker, Listener(broker, "hanpipe/#") as listener:
        arguments = ["--interval", "10", "--no-discovery"]
        assert run(broker, b"".join(readings), *arguments)[0] == 0
        got = [topic for topic, *_ in listener.until(STATUS, "offline")]
    power = [topic for topic in got if topic == f"{BASE}/import_power"]
    assert 1 <= len(power) <= 60
    assert len(got) <= 60 * (len(names) + 1)  # of 600 readings: less than two messages a second of the meter's time


def test_periods_peaks_and_warnings_are_published_at_once_and_kept(shared):
    with Listener(shared, "h10/#") as listener:
        arguments = ["--prefix", "h10", "--interval", "10", "--discovery-prefix", "ha10", "--json"]
        assert run(shared, WHOLE + OPEN + MONTH + WARNING, *arguments)[0] == 0
        got = {
            topic.removeprefix(f"h10/{ID}/"): payload
            for topic, payload, _ in listener.until("h10/tests/status", "offline")
        }
    assert {"1h", "1h_running", "peaks_no", "limit", "reading"} <= got.keys()
    assert json.loads(got["limit"])["above_limit"] is True
    with Listener(shared, f"h10/{ID}/#", "ha10/#") as listener:
        kept = {topic: json.loads(payload) for topic, payload, _ in listener.some(7)}
    assert {topic for topic in kept if topic.startswith("h10")} == {
        f"h10/{ID}/{key}" for key in ("1h", "peaks_no", "limit")
    }
    warning = kept[f"ha10/device/hanpipe_{ID}_limit/config"]["components"]["above_limit"]
    assert (warning["platform"], warning["payload_on"], warning["device_class"]) == ("binary_sensor", "True", "problem")


@pytest.mark.slow
def test_json_loses_no_reading_of_a_file(shared, tmp_path):
    file = tmp_path / "readings"
    file.write_bytes(b"".join(full(power) for power in range(2000)))
    with Listener(shared, "h9/#") as listener:
        process = start(shared, "--prefix", "h9", "--json", "--stats", "--no-discovery", str(file))
        status, _, words = end(process)
        got = listener.until("h9/tests/status", "offline")
    assert status == 0
    assert [json.loads(payload)["act_pow_pos"] for topic, payload, _ in got if topic.endswith("/reading")] == [
        *range(2000)
    ]
    counted = json.loads(words.splitlines()[-1])
    assert counted["dropped"] == 0
    # Of a reading: its JSON and seven values; of all of them: the three registers, which never change
    assert counted["replaced"] == 2000 * 8 + 3 - sum(ID in topic for topic, *_ in got)


def test_two_meters_in_one_stream_are_two_devices(shared):
    with Listener(shared, "ha8/#", "h8/#") as listener:
        stream = b"".join(full().replace(ID.encode(), number) for number in (b"6970631400000001", b"6970631400000002"))
        run(shared, stream, "--prefix", "h8", "--discovery-prefix", "ha8")
        got = listener.until("h8/tests/status", "offline")
    configs = [json.loads(payload) for topic, payload, _ in got if topic.endswith("/config")]
    assert {config["device"]["name"] for config in configs} == {"HAN meter 00000001", "HAN meter 00000002"}
    assert len({config["unique_id"] for config in configs}) == len(configs) == 16


@pytest.mark.slow
def test_a_login_by_file_and_environment(tmp_path):
    needed()
    (tmp_path / "right").write_text("han:se:cret")
    (tmp_path / "wrong").write_text("han:wrong")
    for file in ("right", "wrong"):
        (tmp_path / file).chmod(0o600)
    with Mosquitto(tmp_path, login=("han", "se:cret")) as broker:
        assert run(broker, full(), "--login", str(tmp_path / "right"))[::2] == (0, "")
        by_environment = {"HAN_MQTT_USER": "han", "HAN_MQTT_PASSWORD": "se:cret"}
        assert run(broker, full(), env=by_environment)[0] == 0
        wrong = start(broker, "--login", str(tmp_path / "wrong"))  # its input stays open: it does not wait for that
        assert wrong.wait(PATIENCE) == 5
        assert wrong.stderr.read().decode() == (
            f"han-mqtt: {broker.title}: it refuses the login of user 'han' (--login FILE)\n"
        )
        wrong.communicate()
        status, _, words = run(broker, full())
    assert (status, words) == (
        5,
        f"han-mqtt: {broker.title}: it refuses the login: a login is required (--login FILE)\n",
    )


@pytest.mark.slow
def test_tls_trusts_what_it_is_told_to(tmp_path):
    needed()
    needs("openssl")
    certificate, key = f"{tmp_path}/broker.pem", f"{tmp_path}/broker.key"
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=broker", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", *kind, *names, "-keyout", key, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True)
    with Mosquitto(tmp_path, tls=(certificate, key)) as broker:
        assert run(broker, full(), "--ca", certificate)[::2] == (0, "")
        assert run(broker, full(), "--insecure")[::2] == (0, "")
        process = start(broker, "--tls")
        assert b"certificate is not trusted: self" in process.stderr.readline()
        process.kill()
        process.communicate()
        missing = run(broker, full(), "--ca", f"{tmp_path}/none")
    assert missing[0] == 3


def test_the_end_is_bounded_without_a_broker_and_says_what_is_lost(tmp_path, monkeypatch, capfd):
    needed()
    (tmp_path / "readings").write_bytes(full())
    monkeypatch.setattr(mqtt, "LAST_PATIENCE", 0.3)
    broker = Mosquitto(tmp_path)
    with pytest.raises(Failure, match=r"did not acknowledge .* at the end") as failure:
        program.main(["--port", str(broker.port), str(tmp_path / "readings")])
    assert failure.value.status == 4
    assert "connection refused; trying again" in capfd.readouterr().err


def test_pass_passes_every_octet_on(shared):
    data = b"\n" + line(act_pow_pos=1) + b"no reading\n" + full() + b"\n{}\nnor this"
    assert run(shared, data, "--pass")[:2] == (0, data)
    assert run(shared, b"\n", "--pass")[:2] == (1, b"\n")


def test_an_input_without_readings_gives_1(shared):
    status, _, words = run(shared, b"nonsense\n")
    assert (status, words) == (1, "han-mqtt: skipped a line that is not a reading; is the input from han-fields?\n")


def test_a_reader_that_leaves_is_no_error(shared):
    process = start(shared, "--pass")
    process.stdout.close()
    feed(process, full())
    assert process.wait(PATIENCE) == 141
    assert process.stderr.read() == b""
    process.stdin.close()
    process.stderr.close()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--prefix", "a/#"],
        ["--port", "0"],
        ["--client-id", "a b"],
        ["--host", ""],
        ["--host", "a..b"],
        ["--host", "broker:1883"],
        ["--meter", ""],
        ["--ca", "x", "--insecure"],
    ],
)
def test_usage(arguments):
    with pytest.raises(SystemExit) as left:
        program.main(arguments)
    assert left.value.code == 2


def test_the_library_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "paho.mqtt.client", None)
    session = mqtt.Session("127.0.0.1", 1, "x", None, None, "s", None)
    with pytest.raises(ModuleNotFoundError, match=r"MQTT needs the Python package paho-mqtt: .*pip install paho-mqtt"):
        mqtt.Broker(session, Outbox(in_order=False), print, print, lambda octets: None)
