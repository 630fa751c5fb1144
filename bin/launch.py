#!/usr/bin/env -S python3 -S
"""Run the program that this file was called by, from this checkout: bin/han-frame is a link to it."""

import os
import sys

CHECKOUT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
PACKAGES = f"{CHECKOUT}/.venv/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"

sys.path[0] = f"{CHECKOUT}/lib"  # instead of bin
if os.path.isdir(PACKAGES):
    sys.path.append(PACKAGES)  # enough for all programs: -S spares each start a search for others
else:
    import site

    site.main()

try:
    from hanpipe.unix.launch import launch

    sys.exit(launch())
except KeyboardInterrupt:  # before the program can take it
    sys.exit(130)
