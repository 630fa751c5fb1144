"""Exit statuses, and the exception that ends a program with one of them."""

OK, NOTHING, USAGE, CONFIGURATION, IO, REFUSED = range(6)
READER_LEFT = 141  # the status that a shell reports for a program that SIGPIPE has ended


class Failure(Exception):
    """Ends a program: the exit status, and a message for the user."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
