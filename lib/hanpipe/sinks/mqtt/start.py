"""Options of han-mqtt -> its run."""

from hanpipe.sinks.errors import SinkError
from hanpipe.sinks.mqtt.sink import MqttSink
from hanpipe.sinks.run import failure, run
from hanpipe.unix.program import Program


def start(program: Program) -> int:
    """Run until the input ends; return the exit status. raise: Failure."""
    try:
        sink = MqttSink(program)
    except SinkError as error:
        raise failure(error) from error
    return run(program, sink)
