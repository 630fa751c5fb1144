"""docs/api.md and the public names of the package agree: the names, the signatures, and the examples, which are run."""

import doctest
import inspect
import os
import re
import shutil

import pytest

import hanpipe

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
with open(f"{ROOT}/docs/api.md", encoding="utf-8") as file:
    PAGE = file.read()
SECTIONS = {section.partition("\n")[0]: section for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]}
WRITTEN = re.findall(r"^ {4}([A-Za-z_.]+)(\(.*\))?$", PAGE, re.MULTILINE)
EXAMPLES = re.findall(r"^```pycon\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def documented(name: str):
    """Return the object that a name on the page means."""
    first, _, rest = name.partition(".")
    if name == "readings":
        from hanpipe.readings.stream import readings  # the room of this name passes all arguments on to it

        return readings
    found = getattr(hanpipe, first)
    return getattr(found, rest) if rest else found


def signature(name: str) -> str:
    """Write the signature as the page does: without types, and a function that is a default as three dots."""
    parameters = []
    for parameter in inspect.signature(documented(name)).parameters.values():
        if parameter.name != "self":
            default = ... if callable(parameter.default) and parameter.default is not parameter.empty else None
            parameters.append(
                parameter.replace(annotation=parameter.empty, **({"default": _Dots()} if default else {}))
            )
    return str(inspect.Signature(parameters))


class _Dots:
    def __repr__(self) -> str:
        return "..."


def test_every_public_name_has_a_section_and_every_section_a_public_name():
    assert sorted(SECTIONS) == sorted(set(hanpipe.__all__) - {"__version__"})
    assert set(dir(hanpipe)).issuperset(hanpipe.__all__)


@pytest.mark.parametrize(("name", "arguments"), WRITTEN)
def test_signatures_are_those_of_the_code(name, arguments):
    if arguments:
        assert signature(name) == arguments
    else:
        assert not callable(documented(name))


@pytest.mark.parametrize("name", [name for name, section in SECTIONS.items() if callable(getattr(hanpipe, name))])
def test_whatever_can_be_called_shows_how(name):
    assert issubclass(getattr(hanpipe, name), Exception) if name == "KeyFileError" else name in dict(WRITTEN)


@pytest.mark.slow
def test_examples_print_what_the_page_shows(tmp_path, monkeypatch):
    shutil.copy(f"{ROOT}/lib/hanpipe/fake/house.raw", tmp_path / "raw.log")
    monkeypatch.chdir(tmp_path)
    test = doctest.DocTestParser().get_doctest("\n".join(EXAMPLES), {}, "docs/api.md", None, None)
    assert len(test.examples) > 20
    failures: list[str] = []
    doctest.DocTestRunner().run(test, out=failures.append)
    assert not failures, "".join(failures)
