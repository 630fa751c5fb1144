"""The files of make install, run from their places; and the man pages beside what the programs say of themselves."""

import os
import re
import subprocess

import pytest

from needs import needs

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROGRAMS = sorted(name for name in os.listdir(os.path.join(ROOT, "bin")) if name.startswith("han-"))


def run(*command, **named):
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, **named).stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    needs("make")
    place = str(tmp_path_factory.mktemp("tree"))
    run("make", "-s", "-C", ROOT, "install", f"DESTDIR={place}", "PREFIX=/usr")
    return place


@pytest.mark.slow
def test_every_program_is_installed_and_runs_from_there(installed):
    assert sorted(os.listdir(f"{installed}/usr/bin")) == PROGRAMS
    environment = os.environ | {"PATH": f"{installed}/usr/bin:{os.environ['PATH']}", "PYTHONPATH": packages()}
    pipe = "han-fake -n 20 --speed 0 | han-frame | han-decode | han-fields --text"
    assert "act_pow_pos = " in run("bash", "-o", "pipefail", "-c", pipe, env=environment)


def packages():
    import crcmod

    return os.path.dirname(os.path.dirname(crcmod.__file__))


@pytest.mark.parametrize(
    "path",
    [
        "usr/lib/systemd/system/han.service",
        "usr/lib/systemd/system/han@.service",
        "usr/lib/systemd/system/han-web.service",
        "usr/lib/udev/rules.d/61-hanpipe.rules",
        "etc/default/hanpipe",
        "etc/default/han-web",
        "usr/lib/hanpipe/sinks/web/page/index.html",
        "usr/lib/hanpipe/sinks/web/page/uplot/LICENSE",
        "usr/lib/hanpipe/meters/aidon.toml",
    ],
)
def test_what_a_service_needs_is_there(installed, path):
    assert os.path.getsize(os.path.join(installed, path))


def test_uninstall_takes_all_of_it_away(installed):
    run("make", "-s", "-C", ROOT, "uninstall", f"DESTDIR={installed}", "PREFIX=/usr")
    assert [file for _, _, files in os.walk(installed) for file in files] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_man_page_warns_the_options_that_the_program_has(name):
    with open(f"{ROOT}/man/{name}.1.scd", encoding="utf-8") as stream:
        page = stream.read()
    option = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]+")
    known = set(option.findall(run(f"{ROOT}/bin/{name}", "--help"))) - {"--help", "--version"}
    own = page[page.index("# OPTIONS") :]
    own = own[: own.index("\n# ", 2)]
    result = {word for line in own.splitlines() if line.startswith("*") for word in option.findall(line)}
    assert known - set(option.findall(page)) == set()
    assert result - {"--help", "--version"} - known == set()
