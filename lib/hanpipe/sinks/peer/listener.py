"""The clients of a server: a bounded number, each for a bounded time and with bounded memory, in one thread.

    accepted -> request -> answer -> closed        at most REQUEST s, then at most ANSWER s
                       '-> stays connected         and gets all that is sent from then on

When all places are taken, the next client gets the place of the one that was accepted first and does not stay. So slow
clients keep nobody out, because a real one sends its request at once. A client that stays keeps its place.
"""

import collections
import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable

from hanpipe.unix.typed import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import ssl

    from hanpipe.sinks.peer.tls import Connection

MOST: Final = 64  # clients at a time
REQUEST: Final = 5.0  # s for a request
ANSWER: Final = 30.0  # s until a client has its answer and has left
UNTAKEN: Final = 262_144  # octets that a client which stays may leave untaken; with more it is disconnected
_PIECE: Final = 4096  # octets read from a client at once
_PAUSE: Final = 0.1  # s until the next attempt to accept, where no descriptor is free
_NEVER: Final = float("inf")


class Reply(NamedTuple):
    """A reply to a client. stays: it then stays connected, and gets all that is sent from then on."""

    octets: bytes
    stays: bool = False


# All that a client has sent so far -> its reply; None: the request is not complete.
Replier = Callable[[bytes], "Reply | None"]


class Listener:
    """Listens from its making until it is closed or the program ends.

    Any thread may call its methods. Everything else happens in a thread of its own, which sleeps between events.
    """

    def __init__(
        self,
        host: str,
        port: int,
        replier: Replier | None = None,
        most: int = MOST,
        tls: "ssl.SSLContext | None" = None,
    ) -> None:
        """Listen from now on.

        replier: called in the own thread; None: every client stays
        tls:     the certificate of a server over TLS
        raise:   OSError
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._server = socket.create_server((host, port), family=family, backlog=128)
        self._server.setblocking(False)
        self.port: int = self._server.getsockname()[1]
        self._replier = replier
        self._most = most
        self._tls = tls
        self._clients: dict[int, _Client] = {}  # by descriptor, in the order in which they came
        self._to_send: collections.deque[bytes | None] = collections.deque()  # None: the end
        self._woken, self._waker = socket.socketpair()
        self._waker.setblocking(False)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        """Return how many clients are connected."""
        return len(self._clients)

    def send(self, octets: bytes) -> None:
        """Send octets to all clients that stay."""
        self._enqueue(octets)

    def close(self) -> None:
        """Send what fits into the buffers of the system, close all connections, and listen no longer."""
        self._enqueue(None)
        self._thread.join()

    def _enqueue(self, octets: bytes | None) -> None:
        self._to_send.append(octets)
        with contextlib.suppress(OSError):  # full: the thread is about to wake; or it has ended
            self._waker.send(b"\n")

    def _serve(self) -> None:
        going = True
        while going:
            ready = self._wait()
            for client in [client for client in self._clients.values() if client.socket.fileno() in ready]:
                if ready[client.socket.fileno()] & (select.POLLERR | select.POLLHUP):
                    self._drop(client)
                else:
                    self._look(client)
            going = self._send()
            now = time.monotonic()
            for client in [client for client in self._clients.values() if client.until <= now]:
                self._drop(client)
            if self._server.fileno() in ready:
                self._accept()
        for client in list(self._clients.values()):
            self._drop(client)
        for opened in (self._server, self._woken, self._waker):
            opened.close()

    def _wait(self) -> dict[int, int]:
        """Wait until something happens or the time of a client is over; return what happened to which descriptor."""
        poll = select.poll()
        poll.register(self._server, select.POLLIN)
        poll.register(self._woken, select.POLLIN)
        until = _NEVER
        for client in self._clients.values():
            poll.register(client.socket, client.events())
            until = min(until, client.until)
        left = None if until == _NEVER else max(0.0, until - time.monotonic()) * 1000 + 1
        ready = dict(poll.poll(left))
        if self._woken.fileno() in ready:
            self._woken.recv(_PIECE)
        return ready

    def _send(self) -> bool:
        """Send what waits to all clients that stay; return False at the end."""
        while self._to_send:
            octets = self._to_send.popleft()
            if octets is None:
                return False
            for client in [client for client in self._clients.values() if client.stays]:
                client.waiting += octets
                self._look(client)
        return True

    def _accept(self) -> None:
        try:
            accepted, _ = self._server.accept()
        except (BlockingIOError, ConnectionError):  # the client has left
            return
        except OSError:  # no descriptor or no memory is free
            time.sleep(_PAUSE)
            return
        if len(self._clients) >= self._most:
            oldest = next((client for client in self._clients.values() if not client.stays), None)
            if oldest is None:
                accepted.close()
                return
            self._drop(oldest)
        accepted.setblocking(False)
        try:
            client = _Client(self._secured(accepted), self._replier)
        except OSError:  # the client has left
            accepted.close()
            return
        self._clients[client.socket.fileno()] = client
        self._look(client)  # its request has mostly come with it

    def _secured(self, accepted: socket.socket) -> "socket.socket | Connection":
        """Return the connection as it is, or over TLS. raise: OSError."""
        if self._tls is None:
            return accepted
        from hanpipe.sinks.peer.tls import Connection  # ssl costs 10 ms and 5 MiB

        return Connection(accepted, self._tls)

    def _look(self, client: "_Client") -> None:
        if not client.goes_on():
            self._drop(client)

    def _drop(self, client: "_Client") -> None:
        if self._clients.pop(client.socket.fileno(), None):
            client.socket.close()


class _Client:
    """One connection. until: when its time is over; stays: it gets what is sent to all; waiting: octets to send."""

    def __init__(self, accepted: "socket.socket | Connection", replier: Replier | None) -> None:
        self.socket = accepted
        self.stays = replier is None
        self.until = _NEVER if replier is None else time.monotonic() + REQUEST
        self.waiting = bytearray()
        self._replier = replier  # None: it has its reply
        self._received = bytearray()
        self._ended = False  # it sends no more

    def events(self) -> int:
        """Return what to wait for."""
        return (0 if self._ended else select.POLLIN) | (select.POLLOUT if self.waiting else 0)

    def goes_on(self) -> bool:
        """Read and write what is possible without waiting; return whether the connection is still of use."""
        try:
            self._read()
            self._write()
        except OSError:  # it has left
            return False
        if self.stays:
            return len(self.waiting) <= UNTAKEN
        return not self._ended or (self._replier is None and bool(self.waiting))

    def _write(self) -> None:
        """Write a piece; end the direction after an answer. Closed while the client sends, it might lose the answer."""
        with contextlib.suppress(BlockingIOError):
            if self.waiting:
                del self.waiting[: self.socket.send(self.waiting)]
            if self._replier is None and not (self.waiting or self.stays):
                self.socket.shutdown(socket.SHUT_WR)

    def _read(self) -> None:
        """Read a piece; what comes after a request is ignored."""
        if self._ended:
            return
        with contextlib.suppress(BlockingIOError):
            octets = self.socket.recv(_PIECE)
            self._ended = not octets
            if self._replier is None:
                return
            self._received += octets
            if (reply := self._replier(bytes(self._received))) is not None:
                self._replier, self.waiting, self.stays = None, bytearray(reply.octets), reply.stays
                self.until = _NEVER if reply.stays else time.monotonic() + ANSWER
                self._received.clear()
