"""The package pyarrow, of the extra `parquet`; without it, one line says what to install."""

try:
    import pyarrow
    from pyarrow import compute, parquet
except ModuleNotFoundError as error:
    from hanpipe.unix.missing import needed

    raise needed("pyarrow", "a table") from error

__all__ = ["compute", "parquet", "pyarrow"]
