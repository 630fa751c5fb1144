"""The whole repository stays within the limit of the phrases that plain English avoids."""

import importlib.util
import os

from conftest import ROOT


def counter():
    spec = importlib.util.spec_from_file_location("plain_english", os.path.join(ROOT, "docs", "plain_english.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_repository_is_within_the_limit(capsys):
    assert counter().main([]) == 0, capsys.readouterr().out


def test_a_page_of_the_old_dialect_is_not(tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text("What is no frame stands behind it, as told.\n")
    assert counter().main([str(page)]) == 1
    assert "(1 times)" in capsys.readouterr().out
