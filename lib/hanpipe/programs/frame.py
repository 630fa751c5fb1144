"""han-frame: octets on the line to frames."""

import argparse

from hanpipe.link import FRAMERS
from hanpipe.link.records import pack_all
from hanpipe.link.run import Dump, Pack, from_records, line_octets, lines_to_frames, to_frames
from hanpipe.unix.late import late
from hanpipe.unix.options import new_parser
from hanpipe.unix.program import Program
from hanpipe.unix.status import NOTHING, OK


def main(argv: list[str]) -> int:
    """Run han-frame; return its exit status."""
    options = (parser := _parser()).parse_args(argv)
    if options.escapes and options.link not in ("auto", "hdlc"):
        parser.error(f"--escapes is for HDLC, not for --link {options.link}")
    if options.lines and (options.from_hex or options.hex or options.raw):
        parser.error("--lines reads SOURCE HEX and writes records: leave out --from-hex, --hex and --raw")
    if options.key_file and not options.pcap:
        parser.error("--key-file is for --pcap; han-decode reads ciphered APDUs")
    if options.from_records and not options.pcap:
        parser.error("--from-records is for --pcap; --raw reads records by itself")
    reader = "--raw" if options.raw else "--from-records" if options.from_records else ""
    if reader and (options.from_hex or options.lines or options.escapes or options.link != "auto"):
        parser.error(f"{reader} reads records: leave out --from-hex, --lines, --escapes and --link")
    option = "--escapes" if options.escapes else f"--link {options.link}" if options.link != "auto" else ""
    program, why = Program(options, parser.prog), late("doctor.hint", "why_no_frame", option)
    if reader:
        found = from_records(program, _pack(program))
    elif options.lines:
        found = lines_to_frames(program, why, _pack(program))
    else:
        found = to_frames(program, _dump(options), why, late("doctor.hint", "why_no_hex"), _pack(program))
    return OK if found else NOTHING


def _parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "han-frame",
        "Find HDLC, M-Bus and P1 frames in the octets of a HAN port; write one record\n"
        "for each, and pass all other octets on as fault records.",
        "han-read /dev/HANserial | han-frame | han-decode | han-fields\n  han-frame --hex capture.raw | less -R",
        count="stop after COUNT good frames",
        follow="wait for more when a regular file ends",
        stats="write counters as a JSON line to stderr at the end and\non SIGUSR1",
        files="octets of the line; - or none: standard input",
    )
    links = [name for name in FRAMERS if name != "escaped"]
    parser.add_argument("--link", choices=links, default="auto", help="expect this link layer (default: auto)")
    parser.add_argument("--escapes", action="store_true", help="undo the octet stuffing (7D) of lines that have it")
    parser.add_argument("--from-hex", action="store_true", help="read hex text: 7e a0 .., xxd, logs, a pasted telegram")
    parser.add_argument("--lines", action="store_true", help="read lines of many meters: SOURCE HEX or SOURCE TIME HEX")
    parser.add_argument("--from-records", action="store_true", help="with --pcap: read records, with their times")
    parser.add_argument("--no-time", action="store_true", help="write no time of arrival")
    parser.add_argument("--key-file", metavar="FILE", help="with --pcap: add the APDUs that these keys open")
    view = parser.add_mutually_exclusive_group()
    view.add_argument("--hex", action="store_true", help="show each frame with its fields, for people")
    view.add_argument("--pcap", action="store_true", help="write a capture for Wireshark and its hanpipe.lua")
    view.add_argument("--raw", action="store_true", help="turn records back into octets of the line")
    return parser


def _dump(options: argparse.Namespace) -> Dump | None:
    if not options.hex:
        return None
    from hanpipe.views.colour import colour_of_stdout
    from hanpipe.views.hexdump import HexDump

    return HexDump(colour_of_stdout()).feed


def _pack(program: Program) -> Pack:
    if not program.options.pcap:
        return line_octets if program.options.raw else pack_all
    from hanpipe.apdu.options import deciphering_of
    from hanpipe.views.pcap import Pcap

    return Pcap(deciphering_of(program)).feed
