"""Exit statuses, and the exception that ends a program with one of them."""

OK, NOTHING, USAGE, CONFIGURATION, IO, REFUSED = range(6)
READER_LEFT = 141  # as shells report it when SIGPIPE ends a program


class Failure(Exception):
    """Ends a program with an exit status and a message for the user."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
