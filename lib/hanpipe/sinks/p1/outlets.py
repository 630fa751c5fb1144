"""Where telegrams go: any number of readers over TCP. A reader that is too slow is disconnected."""

import contextlib
import socket
import threading

from hanpipe.unix.typed import Final

MOST_READERS: Final = 64


class Listener:
    """Sends each telegram to all who are connected; what they write is not read."""

    def __init__(self, host: str, port: int) -> None:
        """Listen from now on. raise: OSError."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._server = socket.create_server((host, port), family=family, reuse_port=False)
        self._readers: list[socket.socket] = []
        self._lock = threading.Lock()
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                reader, _ = self._server.accept()
                reader.setblocking(False)
                with self._lock:
                    if len(self._readers) < MOST_READERS:
                        self._readers.append(reader)
                    else:
                        reader.close()

    def write(self, octets: bytes) -> None:
        """Send a telegram; drop the readers that have left or that did not read the last ones."""
        with self._lock:
            self._readers = [reader for reader in self._readers if _sent(reader, octets)]

    def close(self) -> None:
        """End all connections."""
        self._server.close()
        with self._lock:
            for reader in self._readers:
                reader.close()


def _sent(reader: socket.socket, octets: bytes) -> bool:
    """Send octets without waiting; close the connection if not all of them fit."""
    try:
        if reader.send(octets) == len(octets):
            return True
    except OSError:
        pass
    reader.close()
    return False
