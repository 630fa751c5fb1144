#!/usr/bin/env -S python3 -S
"""Run the program whose name this file was called by, out of this checkout: bin/han-frame is a link to it."""

import os
import sys

CHECKOUT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
PACKAGES = f"{CHECKOUT}/.venv/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"

sys.path[0] = f"{CHECKOUT}/lib"  # in the place of bin
if os.path.isdir(PACKAGES):
    sys.path.append(PACKAGES)  # all that the programs need: -S spares each start a look at what else is installed
else:
    import site

    site.main()

try:
    from hanpipe.unix.program import launch

    sys.exit(launch())
except KeyboardInterrupt:  # so early that nothing else takes it
    sys.exit(130)
except ModuleNotFoundError as error:
    name, said = os.path.basename(sys.argv[0]), str(error)
    if said.startswith("No module named"):
        make = f"run 'make' in {CHECKOUT}, or " if os.path.exists(f"{CHECKOUT}/Makefile") else ""
        said = f"{error.name} is missing: {make}install its package"
    sys.exit(f"{name}: {said}")
