"""Readings -> a screen in the terminal. Only this room imports rich."""

try:
    import rich  # noqa: F401  every module of the room needs it, and here its absence has one message
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "needs the package rich: pip install 'hanpipe[top]', or apt install python3-rich", name="rich"
    ) from error
