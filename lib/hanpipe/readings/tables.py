"""A stream of octets -> Arrow RecordBatches, without an object per reading."""

from collections.abc import Callable, Iterable, Iterator

from hanpipe.readings.naming import Naming
from hanpipe.readings.rows import Rows
from hanpipe.readings.schema import USUAL, kinds_of
from hanpipe.readings.stream import decoded, once
from hanpipe.unix.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import BinaryIO

    import pyarrow

    from hanpipe.apdu.keys import Keys


def tables(
    stream: "BinaryIO",
    *,
    names: Iterable[str] | None = None,
    rows: int = 20_000,
    link: str = "auto",
    lines: bool = False,
    keys: "Keys | None" = None,
    naming: Naming | None = None,
    descriptors: bool = False,
    warn: Callable[[str], None] | None = None,
) -> "Iterator[pyarrow.RecordBatch]":
    """Yield the readings in a stream of octets as tables, a row per reading, in order.

    All batches have the schema table_schema(names), whatever the stream holds. The values of a reading that have no
    column, or that their column cannot hold exactly, are in the column `other` as a JSON object; without such a column
    they are left out.

    rows:   a batch is yielded as soon as it has so many, and may have a few more; a stream of fewer gives one batch,
            and one without readings gives none
    others: as of readings
    raise:  as readings; ModuleNotFoundError: the package pyarrow is missing
    """
    warn = once(warn)
    naming = naming or Naming(warn=warn)
    kinds = kinds_of(USUAL if names is None else names)
    waiting = Rows()
    for results in decoded(stream, link, keys, warn, lines=lines, descriptors=descriptors):
        waiting.add_results(results, naming)
        if len(waiting) >= rows:
            yield waiting.batch(kinds)
    if waiting:
        yield waiting.batch(kinds)
