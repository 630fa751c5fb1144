"""The fleet example: nothing is lost when its parts are killed; Kafka gives the rows of the pipe."""

import argparse
import importlib.util
import io
import queue
import sys

import pytest

from conftest import ROOT
from needs import needs
from programs import run

SMALL = ("--meters", "20", "--seconds", "100", "--speed", "100", "--save", "1", "--batch", "0.5")


@pytest.mark.slow
def test_no_list_is_lost_when_a_consumer_the_broker_and_influxdb_are_killed():
    needs("mosquitto", "influxd", "paho", "pyarrow")
    ran = run(sys.executable, f"{ROOT}/tests/fleet.py", *SMALL)
    assert (ran.status, ran.out.count(b"\nyes  ")) == (0, 4), ran.out.decode() + ran.words


@pytest.mark.slow
def test_the_rows_that_come_through_kafka_are_those_of_the_plain_pipe():
    needs("kcat", "confluent_kafka")
    ran = run(f"{ROOT}/examples/fleet/kafka.sh", "300")
    assert (ran.status, ran.out) == (0, b"300\nthe rows are equal\n"), ran.words


def example(name):
    """Return a script of the example as a module."""
    spec = importlib.util.spec_from_file_location(name, f"{ROOT}/examples/fleet/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_message_can_forge_the_line_of_another_meter():
    needs("paho", "pyarrow")
    intake = example("consume").Intake("name", ["3"], argparse.Namespace(host="127.0.0.1", port=1883))
    for topic, payload in (("meters/3", b"5 7e"), ("meters/3/a\tb/c\n", b"5\nb 7e")):
        message = mqtt_message(topic, payload)
        intake._take(None, None, message)
    assert intake._lines == [b"\t5\t7e\n", b"a_b/c\t5\tb\t7e\n"]


def mqtt_message(topic, payload):
    from paho.mqtt.client import MQTTMessage

    message = MQTTMessage(topic=topic.encode())
    message.payload = payload
    return message


def test_a_line_gets_the_partition_of_its_source_and_a_time_if_it_has_none():
    needs("paho")
    publish = example("publish")
    lines = queue.Queue()
    publish.read(io.BytesIO(b"a 5 7e\na+\t7f\n"), 4, lines)
    assert lines.get() == ("meters/3/a", b"5 7e")
    topic, payload = lines.get()
    time, _, octets = payload.partition(b" ")
    assert (topic.rpartition("/")[2], time.isdigit(), octets, lines.get()) == ("a_", True, b"7f", None)
