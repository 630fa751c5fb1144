"""The examples run as they stand, and say something."""

import os
import shutil
import subprocess

import pytest

from conftest import ROOT

FOLDER = os.path.join(ROOT, "examples")


@pytest.mark.parametrize("name", sorted(os.listdir(FOLDER)))
def test_an_example_runs(name: str) -> None:
    if name == "parallel.sh" and shutil.which("parallel") is None:
        pytest.skip("GNU parallel is not installed")
    if name == "ciphered.sh":
        pytest.importorskip("cryptography")
    done = subprocess.run([os.path.join(FOLDER, name)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert "Traceback" not in done.stderr
