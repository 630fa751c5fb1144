"""A stream of octets -> Arrow RecordBatches, without an object per reading."""

from collections.abc import Callable, Iterable, Iterator

from hanpipe.apdu.bulk import Bulk, BulkReader
from hanpipe.readings.naming import Naming
from hanpipe.readings.rows import Rows
from hanpipe.readings.schema import USUAL, kinds_of
from hanpipe.readings.stream import new_decoder, of_lines, of_octets, once
from hanpipe.unix.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import BinaryIO

    import pyarrow

    from hanpipe.apdu.decoder import Decoder
    from hanpipe.apdu.keys import Keys
    from hanpipe.apdu.message import Result
    from hanpipe.link import Event


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
    decoder = new_decoder(keys, warn, descriptors=descriptors)
    results: Iterable[Bulk | list[Result]]
    if lines:
        results = map(decoder.feed_all, of_lines(stream, link, warn))
    else:
        results = _in_bulk(decoder, of_octets(stream, link, warn))
    for some in results:
        if isinstance(some, Bulk):
            waiting.add_bulk(some, naming)
        else:
            waiting.add_results(some, naming)
        if len(waiting) >= rows:
            yield waiting.batch(kinds)
    if waiting:
        yield waiting.batch(kinds)


def _in_bulk(decoder: "Decoder", pieces: "Iterable[tuple[list[Event], int]]") -> "Iterator[Bulk | list[Result]]":
    """Yield what each piece completes, in bulk if all of it is like what came before."""
    reader = BulkReader(decoder)
    for events, now in pieces:
        yield reader.read(events, now) or decoder.feed_events(events, now)
