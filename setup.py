"""A command for each module of hanpipe.programs; pyproject.toml says the rest."""

import os

from setuptools import setup

MODULES = sorted(file.removesuffix(".py") for file in os.listdir("lib/hanpipe/programs") if file.endswith(".py"))
NAMES = ["han-" + module.replace("_", "-") for module in MODULES if not module.startswith("__")]

setup(entry_points={"console_scripts": [f"{name} = hanpipe.unix.launch:launch" for name in NAMES]})
