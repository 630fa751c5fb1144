"""Messages -> an MQTT broker. Only this module imports paho-mqtt, version 1.6 or 2.

The connection has a thread of its own, so that a broker that is away or slow does not stall the input.
"""

import _thread
import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Callable

from hanpipe.sinks.errors import Denied
from hanpipe.sinks.mqtt.outbox import Outbox
from hanpipe.sinks.peer.login import Login
from hanpipe.sinks.retry import Waiting
from hanpipe.unix.connect import look_up
from hanpipe.unix.stderr import reason
from hanpipe.unix.typed import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    import ssl

LAST_PATIENCE: Final = 5.0  # s for what waits when the input has ended

_KEEP_ALIVE: Final = 30  # s of silence before the broker is asked; it takes us for dead after 45
_LOOK: Final = 10.0  # s between two looks at how long it has been silent
_LEAVING: Final = 1.0  # s for the word that we are off
_SHORT: Final = 10.0  # s: a connection that was lost so soon

# CONNACK, MQTT 3.1.1, table 3.1; paho-mqtt 2 says the same by the reason codes of MQTT 5.
_REFUSED_LOGIN: Final = (4, 5, 0x86, 0x87)
_REFUSALS: Final = {
    1: "it requires another version of MQTT", 0x84: "it requires another version of MQTT",
    2: "it refuses the client id",         0x85: "it refuses the client id",
    3: "it is not available",              0x88: "it is not available",
}  # fmt: skip


class Session(NamedTuple):
    """How to connect to a broker.

    tls:    None for plain TCP
    status: topic of our availability; online: topic where Home Assistant announces its start, None for none
    """

    host: str
    port: int
    client_id: str
    login: Login | None
    tls: "ssl.SSLContext | None"
    status: str
    online: str | None


class Broker:
    """The connection to a broker: kept up, reopened, fed from an outbox."""

    def __init__(
        self,
        session: Session,
        outbox: Outbox,
        say: Callable[[str], None],
        explain: Callable[[str], None],
        pass_on: Callable[[bytes], None],
    ) -> None:
        """Take the messages to send, ways to tell the user, and what writes delivered lines.

        raise: ModuleNotFoundError: paho-mqtt is missing
        """
        self.title = f"{session.host}:{session.port}"
        self.denied = False  # the broker refused the login when it was last met
        self._session = session
        self._outbox = outbox
        self._explain = explain
        self._write = pass_on
        self._client = _client(session)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message
        self._waiting = Waiting(self.title, say)
        self._why = ""  # the connection was refused
        self._met = False  # the broker has once taken us
        self._since: float | None = None  # it has taken us, by the monotonic clock
        self._lost_soon = 0  # connections in a row
        self._farewell: int | None = None  # message id of "offline"
        self._left = False
        self._error: BaseException | None = None
        self._end: float | None = None  # until when the rest may be sent; None: the input has not ended
        self._patient = True  # that end may be put off
        self._woken, self._waker = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._waker, False)
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def away(self) -> bool:
        """Return whether the broker could not be reached when it was last tried."""
        return self._waiting.away

    @property
    def retries(self) -> int:
        """Return how often the broker could not be reached."""
        return self._waiting.retries

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    def wake(self) -> None:
        """Send what the outbox holds. raise: the error that ended the thread."""
        if self._error:
            raise self._error
        with contextlib.suppress(BlockingIOError):  # it is awake
            os.write(self._waker, b".")

    def finish(self, stopping: Callable[[], bool]) -> None:
        """Send the rest, as long as the broker takes it, and disconnect. stopping: within LAST_PATIENCE in all.

        raise: the error that ended the thread
        """
        self._patient = not stopping()
        self._end = time.monotonic() + LAST_PATIENCE
        self.wake()
        while self._thread.is_alive() and time.monotonic() < self._end + 2 * _LEAVING:
            self._thread.join(0.2)
            self._patient = not stopping()
        if self._error:
            raise self._error

    # In the thread -----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._over():
                self._turn()
            self._pass_on()
            self._leave()
        except BaseException as error:  # whatever it is, the main thread has to end with it
            self._error = error
            _thread.interrupt_main(signal.SIGTERM)

    def _over(self) -> bool:
        if self._end is None:
            return False
        left = self._end - time.monotonic()
        return not self._outbox.left or left < 0 or (self._since is None and self._waiting.seconds() > left)

    def _turn(self) -> None:
        """Do what is due, or wait."""
        if self._client.socket() is not None:
            if self._since is not None:
                self._send()
                self._prove(self._since)
            self._serve(_LOOK if self._end is None else max(0.0, min(_LOOK, self._end - time.monotonic())))
        elif pause := self._waiting.seconds():
            self._sleep([], [], pause)
        else:
            self._connect()
        self._pass_on()

    def _pass_on(self) -> None:
        if lines := self._outbox.delivered():
            self._write(lines)

    def _connect(self) -> None:
        try:
            look_up(self._session.host, self._session.port, _LOOK)  # paho-mqtt would wait for it for minutes
            self._client.reconnect()
        except OSError as error:
            self._waiting.failed(_words(error))

    def _send(self) -> None:
        while (taken := self._outbox.take()) is not None:
            message, item = taken
            sent = self._client.publish(message.topic, message.payload, qos=1, retain=message.retain)
            self._outbox.flies(sent.mid, item)

    def _serve(self, patience: float) -> None:
        """Wait for octets of the broker, or for a call of wake, and handle them."""
        connection = self._client.socket()
        if connection is None:  # lost while something was sent
            return
        pending = self._session.tls is not None and connection.pending() > 0
        writing = [connection] if self._client.want_write() else []
        ready, writable = self._sleep([connection], writing, 0.0 if pending else patience)
        if ready or pending:
            self._client.loop_read()
        if writable:
            self._client.loop_write()
        self._client.loop_misc()

    def _sleep(self, reading: list[Any], writing: list[Any], patience: float) -> tuple[bool, bool]:
        """Wait; return whether there is something to read, and room to write."""
        ready, writable, _ = select.select([self._woken, *reading], writing, [], patience)
        if self._woken in ready:
            os.read(self._woken, 4096)
        return any(one in ready for one in reading), bool(writable)

    def _prove(self, since: float) -> None:
        """Report that the broker is back once a connection lasts, after some that did not."""
        if self._lost_soon >= 3 and time.monotonic() - since >= _SHORT:
            self._lost_soon = 0
            self._waiting.worked()

    def _leave(self) -> None:
        """Publish "offline": a clean disconnect sends no will."""
        if self._since is None:
            return
        end = time.monotonic() + _LEAVING
        self._farewell = self._client.publish(self._session.status, "offline", qos=1, retain=True).mid
        while self._since is not None and self._farewell is not None and (left := end - time.monotonic()) > 0:
            self._serve(left)
        self._left = True
        self._client.disconnect()

    # Called by paho-mqtt; version 2 has more arguments ----------------------------------------------------------

    def _on_connect(self, client: Any, userdata: Any, flags: Any, reason: Any, *more: Any) -> None:
        code = reason if isinstance(reason, int) else reason.value
        self.denied = code in _REFUSED_LOGIN
        if code:
            self._refused(code)
            return
        self._met = True
        self._since = time.monotonic()
        if self._lost_soon < 3:
            self._waiting.worked()
        kept = flags["session present"] if isinstance(flags, dict) else flags.session_present
        self._explain(f"{self.title}: connected as {self._session.client_id}" + ", in the same session" * bool(kept))
        client.publish(self._session.status, "online", qos=1, retain=True)
        if self._session.online:
            client.subscribe(self._session.online, qos=1)
        if not kept:  # a broker that forgot the session has forgotten what it was to retain
            self._outbox.repeat()

    def _refused(self, code: int) -> None:
        self._why = _REFUSALS.get(code, f"it refuses the connection ({code})")
        if self.denied:
            user = f" of user '{self._session.login.user}'" if self._session.login else ": a login is required"
            self._why = f"it refuses the login{user} (--login FILE)"
            if not self._met:  # later it may be that what the broker asks has not started yet
                raise Denied(self._why)

    def _on_disconnect(self, *details: Any) -> None:
        if self._left:
            return
        soon = self._since is not None and time.monotonic() - self._since < _SHORT
        self._lost_soon = self._lost_soon + 1 if soon else 0
        self._since = None
        why = self._why or "connection lost"
        if self._lost_soon >= 3:
            why = f"connection lost again and again: does another client call itself '{self._session.client_id}'?"
        self._why = ""
        self._waiting.failed(why)

    def _on_publish(self, client: Any, userdata: Any, mid: int, *more: Any) -> None:
        self._outbox.acknowledged(mid)
        if mid == self._farewell:
            self._farewell = None
        if self._end is not None and self._patient:
            self._end = time.monotonic() + LAST_PATIENCE

    def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
        if message.payload == b"online" and not message.retain:
            self._explain(f"{message.topic}: online; announcing everything again")
            self._outbox.repeat()


def _client(session: Session) -> Any:
    """Make a client of paho-mqtt, of either version. raise: ModuleNotFoundError."""
    try:
        import paho.mqtt.client as mqtt
    except ModuleNotFoundError as error:
        from hanpipe.unix.missing import needed

        raise needed("paho", "MQTT") from error
    api = [mqtt.CallbackAPIVersion.VERSION2] if hasattr(mqtt, "CallbackAPIVersion") else []
    make: Any = mqtt.Client
    client = make(*api, client_id=session.client_id, clean_session=False)
    if session.login:
        client.username_pw_set(session.login.user, session.login.password)
    if session.tls:
        client.tls_set_context(session.tls)
    client.will_set(session.status, "offline", qos=1, retain=True)
    client.connect_async(session.host, session.port, keepalive=_KEEP_ALIVE)
    return client


def _words(error: OSError) -> str:
    """Return why a broker cannot be reached, and what to do."""
    if message := getattr(error, "verify_message", ""):
        return f"its certificate is not trusted: {message}; name it with --ca FILE, or use --insecure"
    if why := getattr(error, "reason", None):  # of TLS
        return f"TLS failed: {str(why).replace('_', ' ').lower()}"
    return reason(error)
