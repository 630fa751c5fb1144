"""The package pyarrow, of the extra `parquet`; without it, one line says what to install."""

try:
    import pyarrow
    from pyarrow import compute, parquet
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "tables and Parquet need the package pyarrow: pip install 'hanpipe[parquet]'", name="pyarrow"
    ) from error

__all__ = ["compute", "parquet", "pyarrow"]
