"""Readings -> a screen in the terminal. Only this room imports rich."""

try:
    import rich  # noqa: F401  every module of the room needs it, and here its absence has one message
except ModuleNotFoundError as error:
    from hanpipe.unix.missing import needed

    raise needed("rich", "the screen") from error
