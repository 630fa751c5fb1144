"""The whole repository stays within the limit of the phrases that plain English avoids."""

import pytest

from programs import docs_script


@pytest.mark.slow
def test_the_repository_is_within_the_limit(capsys):
    assert docs_script("plain_english").main([]) == 0, capsys.readouterr().out


def test_a_page_of_the_old_dialect_is_not(tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text("What is no frame stands behind it, as told.\n")
    assert docs_script("plain_english").main([str(page)]) == 1
    assert "(1 times)" in capsys.readouterr().out
