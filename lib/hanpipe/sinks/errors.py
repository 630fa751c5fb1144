"""The errors of the sinks' rooms. `run.py` alone turns them into exit statuses."""


class SinkError(Exception):
    """Something went wrong outside the program; the message names it and says what to do."""


class Misconfigured(SinkError):
    """A file, an option or a device has to be changed."""


class NotWritten(SinkError):
    """A file or a port could not be used."""


class Away(SinkError):
    """The peer did not answer, answered nonsense, or cannot serve now. It may come back by itself."""


class Denied(SinkError):
    """The login or its rights do not suffice; the message says what to change."""

    def __init__(self, words: str, status: int = 401) -> None:
        """Take the message, and the HTTP status: 401 for the login, 403 for its rights."""
        super().__init__(words)
        self.status = status


class Wrong(SinkError):
    """The URL, what it names, or the certificate is wrong; the message says what to change."""


class Refused(SinkError):
    """The peer understood and refused: another try would end the same way."""


class TooLarge(Refused):
    """The peer refused a request for its size: a smaller one may pass."""
