"""The data's way: no module imports a later stage, and no maker's name stands in code."""

import ast
import os
import re
from collections.abc import Iterator

import pytest

from conftest import ROOT

PACKAGE = os.path.join(ROOT, "lib", "hanpipe")

# Stages in the order in which the data flows: each may import what stands in a line above its own, or in its own.
STAGES = (
    ("version", "octets", "typed", "arrival", "shelf", "template"),
    ("link.events", "cosem", "obis"),
    ("link.crc", "link.header", "link.cutter", "link.search", "link.apdu"),
    ("link.hdlc", "link.mbus", "link.p1"),
    ("link.escaped", "link.auto"),
    ("link",),
    ("records", "hextext"),
    ("dlms", "telegram", "keys"),
    ("assembly", "ciphering"),
    ("shape",),
    ("decoder",),
    ("lines", "values", "lists", "objects", "plausible"),
    ("names", "meters", "reading"),
    ("naming",),
    ("line_reader",),
    ("",),  # hanpipe itself: readings()
    ("stop", "service", "progress"),
    ("cli",),
)
# What stands beside the pipe: nothing in a stage imports it.
EDGES = (
    "programs",
    "sinks",
    "views",
    "fake",
    "source",
    "serial_line",
    "live",
    "logfiles",
    "spool",
    "units",
    "learn",
    "meters.__main__",
)
TABLES = ("cosem", "obis", "octets", "version")
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
    for node in ast.walk(tree(module)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}: imports are written in full"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            if name.split(".")[0] == "hanpipe":
                below = name.removeprefix("hanpipe").removeprefix(".")
                yield below if below in MODULES else below.rpartition(".")[0]


def stage_of(module: str) -> int | None:
    return next((number for number, stage in enumerate(STAGES) if module in stage), None)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_has_its_place(module: str) -> None:
    assert stage_of(module) is not None or not {module, module.split(".")[0]}.isdisjoint(EDGES), (
        "say in STAGES or EDGES where it belongs"
    )


@pytest.mark.parametrize("module", sorted(module for module in MODULES if stage_of(module) is not None))
def test_no_stage_imports_a_later_one(module: str) -> None:
    own = stage_of(module)
    assert own is not None
    for other in imported(module):
        stage = stage_of(other)
        assert stage is not None, f"{module} imports {other or 'hanpipe'}, which stands beside the pipe"
        assert stage <= own, f"{module} imports {other or 'hanpipe'}, which is a later stage"


@pytest.mark.parametrize("module", TABLES)
def test_tables_import_nothing_of_ours_but_what_readers_raise(module: str) -> None:
    assert set(imported(module)) <= {"octets", "typed"}


@pytest.mark.parametrize("module", sorted(module for module in MODULES if module.startswith("sinks.")))
def test_sinks_know_readings_alone(module: str) -> None:
    """A sink takes what han-fields writes: it needs no stage of the decoding."""
    assert not set(imported(module)) & {"decoder", "dlms", "assembly", "ciphering", "shape", "link", "records"}


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
    only = {"serial": {"source", "serial_line"}, "crcmod": {"link.crc"}, "cryptography": {"ciphering"}}
    for package, importers in only.items():
        assert package not in outer_imports(module) or module in importers or module.startswith("fake")


@pytest.mark.parametrize("module", sorted(module for module in MODULES if stage_of(module) is not None))
def test_the_pipe_imports_nothing_that_costs_its_start_up(module: str) -> None:
    assert not outer_imports(module) & {"dataclasses", "pathlib", "enum", "logging", "asyncio"}


def core() -> list[str]:
    last = stage_of("line_reader")
    assert last is not None
    return sorted(name for name in MODULES if (stage := stage_of(name)) is not None and stage <= last)


@pytest.mark.parametrize("module", core())
def test_the_core_neither_reads_nor_writes_nor_looks_at_the_clock(module: str) -> None:
    calls = [node.func for node in ast.walk(tree(module)) if isinstance(node, ast.Call)]
    named = {call.id for call in calls if isinstance(call, ast.Name)}
    attributes = {call.attr for call in calls if isinstance(call, ast.Attribute)}
    assert module in ("keys", "meters") or not named & {"open", "print", "input"}
    assert not attributes & {"time_ns", "monotonic", "sleep", "now", "utcnow"}


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
    assert stage_of("naming") > stage_of("dlms")  # type: ignore[operator]
    assert "decoder" in set(imported("naming"))
    assert MAKERS.search("KamstrupReader")
    assert not MAKERS.search(_CAPTURE.sub("", "seen in captures kaifa/no-list1-h3e, kamstrup/no-dump-multi"))
