"""The programs say of the golden captures what they said when somebody last looked; tests/golden/README.md."""

import os
import subprocess
import sys

import pytest

from conftest import ROOT
from needs import needs
from programs import PATIENCE

GOLDEN = os.path.join(ROOT, "tests", "golden")
BIN = os.path.join(ROOT, "bin")
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if name not in ("HANPIPE_KEY_FILE", "CREDENTIALS_DIRECTORY")
}
with open(os.path.join(GOLDEN, "captures"), encoding="utf-8") as file:
    CAPTURES = {line.split()[0]: line.split()[1:] for line in file if not line.startswith("#")}


def golden(name):
    with open(os.path.join(GOLDEN, name), "rb") as file:
        return file.read()


def start(program, *arguments, **options):
    command = [sys.executable, os.path.join(BIN, program), "-q", *arguments]
    return subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, **options)


@pytest.mark.parametrize("name", CAPTURES)
def test_the_programs_say_what_they_said(name):
    path = os.path.join(GOLDEN, name)
    with start("han-frame", path + ".raw") as frame, start("han-fields", path + ".jsonl") as fields:
        with start("han-decode", stdin=frame.stdout) as decode:
            lines = decode.communicate(timeout=PATIENCE)[0]
        readings = fields.communicate(timeout=PATIENCE)[0]
    assert lines.decode().splitlines() == golden(name + ".jsonl").decode().splitlines()
    assert readings.decode().splitlines() == golden(name + ".readings.jsonl").decode().splitlines()
    assert (lines, readings) == (golden(name + ".jsonl"), golden(name + ".readings.jsonl"))


CIPHERED = ("kaifa-at", "kamstrup-dk", "p1-lu")


@pytest.mark.parametrize("name", [name for name in CAPTURES if name in CIPHERED or "--fault" in CAPTURES[name]])
def test_the_meters_send_what_they_sent(name, tmp_path):
    if name in CIPHERED:
        needs("cryptography")
    keys = tmp_path / "keys"
    keys.write_text("* 000102030405060708090a0b0c0d0e0f 101112131415161718191a1b1c1d1e1f\n")
    keys.chmod(0o600)
    fake = ("--seed", "5", "--speed", "0", "--key-file", str(keys))
    with start("han-fake", *fake, *CAPTURES[name]) as made:
        assert made.communicate(timeout=PATIENCE)[0] == golden(name + ".raw")


def test_every_golden_file_is_listed_and_explained():
    files = {file for file in os.listdir(GOLDEN) if "." in file} - {"README.md", "make.sh"}
    assert files == {name + end for name in CAPTURES for end in (".raw", ".jsonl", ".readings.jsonl")}
    assert not [name for name in CAPTURES if f"`{name}`" not in golden("README.md").decode()]
