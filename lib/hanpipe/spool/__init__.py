"""A bounded queue on disk between a meter that never waits and a sink that may be away.

In the order in which the data flows: arrivals.py (octets -> lines), backlog.py (the queue), segments.py (its files),
process.py (the process of the sink), sink.py (its starts and ends), flight.py (what the sink has, and what it passes
on), runner.py (who waits for what). directory.py makes the directory and locks it.
"""
