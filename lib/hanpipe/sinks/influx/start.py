"""Options of han-influx -> a run that writes points to standard output, or posts them."""

import argparse

from hanpipe.sinks.errors import SinkError
from hanpipe.sinks.influx.server import Influx
from hanpipe.sinks.influx.sink import InfluxSink, Printing
from hanpipe.sinks.peer.login import find_login, find_token
from hanpipe.sinks.peer.tls import tls_context
from hanpipe.sinks.run import failure, run
from hanpipe.unix.program import Program


def start(program: Program) -> int:
    """Run until the input ends; return the exit status. raise: ValueError: the URL is wrong; Failure."""
    if not program.options.url:
        return run(program, Printing(program))
    try:
        server = _server(program.options, program)
    except SinkError as error:
        raise failure(error) from error
    return run(program, InfluxSink(program, server))


def _server(options: argparse.Namespace, program: Program) -> Influx:
    query = {"org": options.org, "bucket": options.bucket} if options.bucket else {"db": options.database or "han"}
    if options.bucket:
        token = find_token(options.login, program.name, program.report)
        authorization = f"Token {token}" if token else ""
    else:
        login = find_login(options.login, program.name, program.report)
        authorization = login.basic if login else ""
    own_trust = options.ca or options.insecure
    tls = tls_context(options.ca, options.insecure, any_host=True) if own_trust else None
    return Influx(options.url, query, authorization, tls)
