"""han-decode: frames to typed JSON."""

from hanpipe import cli
from hanpipe.decoder import Decoder, Message
from hanpipe.records import RecordReader


def main(argv: list[str]) -> int:
    """Run han-decode; return its exit status."""
    parser = cli.parser(
        "han-decode",
        "Decode the frames of han-frame into typed JSON, one line for each APDU or fault.",
        "han-frame capture.raw | han-decode | jq .body",
        count="stop after COUNT APDUs",
        follow="wait for more when a regular file ends",
        stats="write counters as a JSON line to stderr at the end and\non SIGUSR1",
        files="records of han-frame; - or none: standard input",
    )
    options = parser.parse_args(argv)
    program = cli.Program(options, parser.prog)
    reader, decoder = RecordReader(), Decoder()

    def step(data: bytes, _: int) -> list[tuple[bytes, bool]]:
        told = [one for record in reader.feed(data) for one in decoder.feed(*record)]
        if not data:
            told += decoder.end()
        return [(one.line().encode() + b"\n", type(one) is Message) for one in told]

    return cli.OK if program.filter(step) else cli.NOTHING
