"""Debian's mosquitto on loopback, for tests; and a second client of it."""

import os
import queue
import signal
import socket
import subprocess
import time

from needs import find, needs
from patience import PATIENCE

MOSQUITTO = find("mosquitto")


def needed():
    """Skip without a broker, or without its client library."""
    needs("mosquitto", "paho")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Mosquitto:
    """A broker that can be killed and started again. By default it keeps nothing from one life to the next.

    login: (user, password) that it wants; tls: (certificate, key) files
    queue: how many messages wait for a slow reader before more are dropped, None for any number
    settings: lines of its configuration, in place of those about what it keeps
    """

    def __init__(self, folder, *, login=None, tls=None, queue=None, settings=None):
        self.port = free_port()
        self.title = f"127.0.0.1:{self.port}"
        self.login = login
        self.tls = tls
        self.settings = settings or ["persistence false", f"max_queued_messages {queue or 0}"]
        self.folder = str(folder)
        self._process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *error):
        self.kill()

    def start(self):
        lines = [f"listener {self.port} 127.0.0.1", *self.settings]
        if os.geteuid() == 0:
            lines.append("user root")  # else it gives up the right to read our files
        if self.login:
            passwords = f"{self.folder}/passwords"
            command = [find("mosquitto_passwd"), "-b", "-c", passwords, *self.login]
            subprocess.run(command, check=True, capture_output=True)
            lines += ["allow_anonymous false", f"password_file {passwords}"]
        else:
            lines.append("allow_anonymous true")
        if self.tls:
            lines += [f"certfile {self.tls[0]}", f"keyfile {self.tls[1]}"]
        configuration = f"{self.folder}/mosquitto.conf"
        with open(configuration, "w") as file:
            file.write("\n".join(lines) + "\n")
        self._process = subprocess.Popen([MOSQUITTO, "-c", configuration], stderr=subprocess.DEVNULL)
        self._wait()

    def _wait(self):
        """Wait until it listens; a refused connection is the only sign there is of "not yet"."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), PATIENCE).close()
            except ConnectionRefusedError:
                assert self._process.poll() is None, "mosquitto does not start"
                assert time.monotonic() < end, "mosquitto does not listen"
                time.sleep(0.01)
            else:
                return

    @property
    def pid(self):
        return self._process.pid

    def kill(self):
        if self._process:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None


class Listener:
    """A second client: what it gets of a topic filter, as (topic, payload, whether it was retained)."""

    def __init__(self, broker, *filters):
        import paho.mqtt.client as mqtt

        self._got = queue.Queue()
        self._subscribed = queue.Queue()
        self._client = mqtt.Client(*([mqtt.CallbackAPIVersion.VERSION2] if hasattr(mqtt, "CallbackAPIVersion") else []))
        self._client.on_message = lambda client, userdata, one: self._got.put(
            (one.topic, one.payload.decode(), bool(one.retain))
        )
        self._client.on_subscribe = lambda *details: self._subscribed.put(True)
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        self._client.subscribe([(filter_, 1) for filter_ in filters or ("#",)])
        self._subscribed.get(timeout=PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._client.disconnect()
        self._client.loop_stop()

    def say(self, topic, payload):
        self._client.publish(topic, payload, qos=1).wait_for_publish()

    def some(self, count):
        """Return so many messages, as they come."""
        return [self._got.get(timeout=PATIENCE) for _ in range(count)]

    def so_far(self):
        """Return all that came."""
        return [self._got.get() for _ in range(self._got.qsize())]

    def until(self, topic, payload=None):
        """Return all that came, up to a message of this topic (and payload)."""
        got = []
        while not got or got[-1][0] != topic or (payload is not None and got[-1][1] != payload):
            try:
                got.append(self._got.get(timeout=PATIENCE))
            except queue.Empty:
                raise AssertionError(f"no {topic} {payload or ''}; there was {got}") from None
        return got
