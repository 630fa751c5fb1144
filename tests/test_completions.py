"""The output of completions/make.py, as the shells take it; and what else names every program or option by hand."""

import os
import re
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from needs import needs

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROGRAMS = sorted(
    "han-" + file.removesuffix(".py").replace("_", "-")
    for file in os.listdir(f"{ROOT}/lib/hanpipe/programs")
    if file.endswith(".py") and file != "__init__.py"
)
PAGES = sorted(os.listdir(f"{ROOT}/man"))
SETTINGS = [f"systemd/{name}" for name in ("hanpipe.default", "han.service", "han-web.default", "han-web.service")]
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")


def text(path):
    with open(f"{ROOT}/{path}", encoding="utf-8") as file:
        return file.read()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The directory of the completions, made by a Python that has shtab."""
    for python in (sys.executable, "/usr/bin/python3"):
        if (
            not os.path.exists(python)
            or subprocess.run([python, "-c", "import shtab"], stderr=subprocess.DEVNULL, check=False).returncode
        ):
            continue
        folder = str(tmp_path_factory.mktemp("completions"))
        subprocess.run([python, f"{ROOT}/completions/make.py", folder], check=True)
        return folder
    return needs("shtab")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_can_read_them(made, shell):
    needs(shell)
    assert sorted(file for file in os.listdir(made) if file.endswith(shell)) == [f"{name}.{shell}" for name in PROGRAMS]
    for program in PROGRAMS:
        subprocess.run([shell, "-n", f"{made}/{program}.{shell}"], check=True)


def propose(made, *words):
    """Return what bash proposes for the last of the words."""
    script = (
        f"source {shlex.quote(f'{made}/{words[0]}.bash')}; COMP_WORDS=({shlex.join(words)}); "
        f"COMP_CWORD={len(words) - 1}; _shtab_{words[0].replace('-', '_')}; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    return sorted(done.stdout.split())


def test_bash_proposes_options_choices_and_files(made):
    assert propose(made, "han-frame", "--n") == ["--no-time"]
    assert propose(made, "han-frame", "--link", "") == ["apdu", "auto", "hdlc", "mbus", "p1"]
    assert propose(made, "han-decode", "--key-file", "pyproj") == ["pyproject.toml"]
    assert propose(made, "han-frame", "pyproj") == ["pyproject.toml"]


def test_fish_proposes_options_with_their_help(made):
    with open(f"{made}/han-frame.fish", encoding="utf-8") as file:
        lines = file.read().splitlines()
    assert "complete -c han-frame -l raw -d 'turn records back into octets of the line'" in lines
    assert any("-l link -x -a 'auto hdlc mbus p1 apdu'" in line for line in lines)


def test_fish_completes(made):
    needs("fish")
    script = f'source {made}/han-frame.fish; complete -C "han-frame --no"; complete -C "han-frame --link "'
    done = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, text=True, check=True)
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == [
        "--no-time", "apdu", "auto", "hdlc", "mbus", "p1",
    ]  # fmt: skip


def test_every_program_is_named_everywhere():
    assert [page for page in PAGES if page.endswith(".1.scd")] == [f"{program}.1.scd" for program in PROGRAMS]
    assert sorted(file for file in os.listdir(f"{ROOT}/bin") if file != "launch.py") == PROGRAMS
    for program in PROGRAMS:
        assert f"*{program}*(1)" in text("man/hanpipe.7.scd")


def test_the_package_has_the_version_of_the_library():
    import hanpipe

    assert text("debian/changelog").startswith(f"hanpipe ({hanpipe.__version__}) ")


@pytest.mark.parametrize("page", PAGES)
def test_a_man_page_is_one(page):
    needs("scdoc")
    done = subprocess.run(["scdoc"], input=text(f"man/{page}"), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_man_page_can_be_copied_from_80_columns(page):
    """Unfilled: man hyphenates the lines that it fills. A literal block is indented by 11 columns."""
    blocks = text(f"man/{page}").split("```\n")[1::2]
    assert "\n# EXAMPLES\n\n" in text(f"man/{page}")
    assert blocks
    assert [line for block in blocks for line in block.splitlines() if len(line) > 80 - 11] == []


@pytest.fixture(scope="module")
def known():
    """The long options of each program."""

    def options(program):
        done = subprocess.run([f"{ROOT}/bin/{program}", "--help"], capture_output=True, text=True, check=True)
        return set(OPTION.findall(re.sub(r"\nexample:.*", "", done.stdout, flags=re.DOTALL)))

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(PROGRAMS, pool.map(options, PROGRAMS), strict=True))


def commands(page):
    """Yield each program and its long options in the command lines of a text."""
    for line in page.replace("++\n", " ").replace("\\\n", " ").splitlines():
        for part in re.split(r"\||&&?|;|\s--\s(?=han-)", line):
            if found := re.search(r"(?:^|[\s\"'])(han-[a-z]+)\s(.*)", part):
                yield found[1], set(OPTION.findall(found[2]))


def test_commands_are_found_in_texts():
    found = dict(
        commands('#HAN_END="han-fields --obis | han-mqtt --host b --pass | han-spool d -- han-csv --fields x"')
    )
    assert found == {
        "han-fields": {"--obis"},
        "han-mqtt": {"--host", "--pass"},
        "han-spool": set(),
        "han-csv": {"--fields"},
    }


@pytest.mark.slow
@pytest.mark.parametrize("file", [f"man/{page}" for page in PAGES] + SETTINGS)
def test_commands_have_options_that_there_are(file, known):
    page = text(file)
    if file.startswith("man/"):
        page = page[page.index("# EXAMPLES") :].replace("*", "")
    for program, used in commands(page):
        assert program in known, f"{file}: no {program}"
        assert used <= known[program], f"{file}: {program} has no {used - known[program]}"


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_man_page_has_every_option_an_entry(program, known):
    entries = [line for line in text(f"man/{program}.1.scd").splitlines() if line.startswith("*-")]
    assert {option for line in entries for option in OPTION.findall(line)} == known[program]
