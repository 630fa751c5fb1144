"""How long a test waits before it gives up. A module without imports: helpers that run outside of the suite use it."""

PATIENCE = 120.0  # s; what a test waits for takes a fraction of a second, unless the machine is busy
