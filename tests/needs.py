"""needs("mosquitto"): skip a test whose command, library or Python package is missing, and name what brings it.

.ci/run installs them all and sets HANPIPE_SKIP_NOTHING=1, which turns every skip into a failure (conftest.py).
"""

import ctypes
import importlib.util
import os
import shutil

import pytest

# A command, a shared library, or a Python module -> the Debian package that brings it.
DEBIAN = {
    "chromium": "chromium",
    "faketime": "faketime",
    "fish": "fish",
    "git": "git",
    "java": "default-jre-headless",
    "influxd": "influxdb",
    "jq": "jq",
    "kcat": "kcat",
    "libcairo.so.2": "libcairo2",
    "make": "make",
    "mosquitto": "mosquitto",
    "mosquitto_passwd": "mosquitto",
    "openssl": "openssl",
    "parallel": "parallel",
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "scdoc": "scdoc",
    "systemd-analyze": "systemd",
    "udevadm": "udev",
    "umockdev-run": "umockdev",
    "tmux": "tmux",
    "tshark": "tshark",
    "unshare": "util-linux",
    "victoria-metrics": "victoria-metrics",
    "zsh": "zsh",
    "cryptography": "python3-cryptography",
    "paho": "python3-paho-mqtt",
    "rich": "python3-rich",
    "shtab": "python3-shtab",
}
# A Python module that Debian does not have -> its package on PyPI.
PYPI = {
    "confluent_kafka": "confluent-kafka",
    "duckdb": "duckdb",
    "gurux_dlms": "gurux-dlms",
    "han": "amshan",
    "line_protocol_parser": "line-protocol-parser",
    "pandas": "pandas",
    "prometheus_client": "prometheus-client",
    "pyarrow": "pyarrow",
    "pyspark": "pyspark",
}

# Some commands are outside the PATH of an ordinary user.
_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))


def find(command: str) -> str | None:
    """Return the path of a command, None if it is not installed."""
    return shutil.which(command, path=_PATH)


def needs(*names: str) -> None:
    """Skip the test, or all tests of a module, unless all of these names are installed."""
    for name in names:
        if not _is_there(name):
            how = f"apt install {DEBIAN[name]}" if name in DEBIAN else f"pip install {PYPI[name]}"
            pytest.skip(f"{name} is missing: {how}", allow_module_level=True)


def _is_there(name: str) -> bool:
    if ".so." not in name:
        return bool(find(name) or importlib.util.find_spec(name))
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True
