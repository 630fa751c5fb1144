"""The way of the data: no module imports a later stage, and code names no maker."""

import ast
import graphlib
import os
import re
from collections.abc import Iterator

import pytest

from conftest import ROOT

PACKAGE = os.path.join(ROOT, "lib", "hanpipe")

# The rooms in the order in which the data flows: a module may import from its own room and those before it.
ROOMS = ("unix", "line", "link", "apdu", "readings", "periods", "sinks", "programs")
# Rooms beside the pipe, and the last room that each may import from. Only programs import them.
BESIDE = {
    "anon": "readings",
    "doctor": "readings",
    "fake": "apdu",
    "log": "link",
    "report": "sinks",
    "spool": "sinks",
    "views": "readings",
}
# Modules at the top: the library's face, which any room may ask for the version.
TOP = ("",)
TABLES = ("apdu.cosem", "readings.quantities", "link.octets")
MAKERS = re.compile("aidon|kaifa|kamstrup|landis|embriq|iskra|sagemcom|elgama|energomera", re.IGNORECASE)
_CAPTURE = re.compile(r"\b[a-z]+/[a-z]{2}-[a-z0-9-]+")  # a capture by its name, as comments may cite it


def modules() -> dict[str, str]:
    """Return the path of each module by its name below hanpipe; "" is the package."""
    found = {}
    for folder, folders, files in os.walk(PACKAGE):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for file in files:
            if file.endswith(".py"):
                path = os.path.join(folder, file)
                name = os.path.relpath(path, PACKAGE)[:-3].replace(os.sep, ".")
                found[name.removesuffix("__init__").removesuffix(".")] = path
    return found


MODULES = modules()


def tree(module: str) -> ast.Module:
    with open(MODULES[module], encoding="utf-8") as file:
        return ast.parse(file.read())


def imported(module: str) -> Iterator[str]:
    """Yield every module of ours that a module imports, wherever it does: in a function, for the types alone."""
    yield from imports_of(tree(module))


def imports_of(parsed: ast.Module) -> Iterator[str]:
    for node in ast.walk(parsed):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are written in full"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            if name.split(".")[0] == "hanpipe":
                below = name.removeprefix("hanpipe").removeprefix(".")
                yield below if below in MODULES else below.rpartition(".")[0]


def room_of(module: str) -> str:
    return module.split(".")[0]


def may_import(module: str, other: str) -> bool:
    """Tell whether the order of the rooms lets a module import another: both by their names below hanpipe."""
    own, room = room_of(module), room_of(other)
    if own == room or (other in TOP and own != ""):
        return True
    if room in BESIDE:
        return own == "programs"
    if module in TOP:
        return room in ROOMS and ROOMS.index(room) <= ROOMS.index("readings")
    last = BESIDE.get(own)
    return ROOMS.index(room) <= ROOMS.index(last) if last else ROOMS.index(room) < ROOMS.index(own)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_lives_in_a_room(module: str) -> None:
    assert module in TOP or room_of(module) in (*ROOMS, *BESIDE), "say in ROOMS or BESIDE where it belongs"


def not_allowed(module: str, parsed: ast.Module) -> list[str]:
    """Return what a module of this text may not import."""
    own = room_of(module)
    rooms = {"unix", "readings", "periods", "sinks"} if own == "sinks" else {*ROOMS, *BESIDE}
    return [
        other
        for other in imports_of(parsed)
        if not may_import(module, other) or (other not in TOP and room_of(other) not in rooms)
    ]


@pytest.mark.parametrize("module", sorted(MODULES))
def test_no_room_imports_a_later_one_and_sinks_know_readings_alone(module: str) -> None:
    assert not_allowed(module, tree(module)) == []


def test_an_import_of_one_name_is_seen_as_one_of_its_module() -> None:
    assert not_allowed("sinks.mqtt.topics", ast.parse("from hanpipe.link.hdlc import FLAG")) == ["link.hdlc"]
    assert not_allowed("link.hdlc", ast.parse("from hanpipe.apdu.cosem import UNITS")) == ["apdu.cosem"]
    assert not_allowed("unix.stop", ast.parse("from hanpipe import readings")) == ["readings"]
    assert not_allowed("views.tree", ast.parse("import hanpipe.spool.flight")) == ["spool.flight"]
    assert not_allowed("readings.naming", ast.parse("from hanpipe.apdu import cosem")) == []


@pytest.mark.slow
def test_no_modules_import_each_other_in_a_circle() -> None:
    graphlib.TopologicalSorter({module: set(imported(module)) - {module, ""} for module in MODULES}).prepare()


@pytest.mark.parametrize("module", TABLES)
def test_tables_import_nothing_of_ours_but_what_readers_raise(module: str) -> None:
    assert set(imported(module)) <= {"link.octets", "unix.typed"}


# --- who may do what ---


def outer_imports(module: str) -> set[str]:
    names = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("module", sorted(MODULES))
def test_each_package_from_outside_has_its_one_importer(module: str) -> None:
    only = {"serial": {"line.port"}, "crcmod": {"link.crc"}, "cryptography": {"apdu.ciphering"}}
    for package, importers in only.items():
        assert package not in outer_imports(module) or module in importers or module.startswith(("fake", "anon"))


def core() -> list[str]:
    """Return the modules between the line and the programs' edge: octets in, events out."""
    last = ROOMS.index("readings")
    return sorted(module for module in MODULES if module in TOP or room_of(module) in ROOMS[2 : last + 1])


@pytest.mark.parametrize("module", core())
def test_the_pipe_imports_nothing_that_costs_its_start_up(module: str) -> None:
    assert not outer_imports(module) & {"dataclasses", "pathlib", "enum", "logging", "asyncio"}


@pytest.mark.parametrize("module", core())
def test_the_core_neither_reads_nor_writes_nor_looks_at_the_clock(module: str) -> None:
    calls = [node.func for node in ast.walk(tree(module)) if isinstance(node, ast.Call)]
    named = {call.id for call in calls if isinstance(call, ast.Name)}
    attributes = {call.attr for call in calls if isinstance(call, ast.Attribute)}
    assert module in ("apdu.keys", "apdu.counters") or not named & {"open", "print", "input"}
    clock = {"time_ns", "monotonic", "sleep", "now", "utcnow"}
    assert module in ("apdu.run", "readings.stream") or not attributes & clock


# --- a program is one screen ---


@pytest.mark.parametrize("module", sorted(module for module in MODULES if module.startswith("programs.")))
def test_a_program_has_at_most_80_lines(module: str) -> None:
    with open(MODULES[module], encoding="utf-8") as file:
        lines = len(file.readlines())
    assert lines <= 80


# --- knowledge is data ---


def code_and_strings(module: str) -> Iterator[tuple[int, str]]:
    """Yield each name and string of a module with its line, docstrings left out."""
    parsed = tree(module)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(parsed)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(parsed):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes) and id(node) not in docstrings:
            text = node.value.decode("latin-1") if isinstance(node.value, bytes) else node.value
            yield node.lineno, text
        for field in ("name", "id", "attr", "arg", "asname", "module"):
            if isinstance(text := getattr(node, field, None), str):
                yield getattr(node, "lineno", 0), text


@pytest.mark.parametrize("module", sorted(MODULES))
def test_no_maker_stands_in_code(module: str) -> None:
    named = [f"line {line}: {text}" for line, text in code_and_strings(module) if MAKERS.search(text)]
    assert named == []


@pytest.mark.parametrize("module", sorted(MODULES))
def test_what_is_said_about_code_names_makers_by_their_captures_alone(module: str) -> None:
    with open(MODULES[module], encoding="utf-8") as file:
        lines = _CAPTURE.sub("", file.read()).splitlines()
    assert [f"line {number}: {line}" for number, line in enumerate(lines, 1) if MAKERS.search(line)] == []


def test_the_tests_above_can_fail() -> None:
    assert "apdu.message" in set(imported("readings.naming"))
    assert MAKERS.search("KamstrupReader")
    assert not MAKERS.search(_CAPTURE.sub("", "seen in captures kaifa/no-list1-h3e, kamstrup/no-dump-multi"))


def test_contributing_names_every_room_and_no_other():
    with open(os.path.join(ROOT, "CONTRIBUTING.md"), encoding="utf-8") as file:
        tree = file.read().partition("    lib/hanpipe/\n")[2].partition("    docs/")[0]
    rooms = {entry.name for entry in os.scandir(PACKAGE) if entry.is_dir() and not entry.name.startswith("__")}
    assert set(re.findall(r"^ {6}(\w+)/", tree, re.MULTILINE)) == rooms
    files = {file for _, _, names in os.walk(PACKAGE) for file in names}
    assert set(re.findall(r"\w+\.py", tree)) <= files
