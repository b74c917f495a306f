"""Whatever is private in the package has a test of the assumption that it makes."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from tests.contract.assumptions import INSTEAD, Assumption, BrokenAssumptionError, assumes
from tests.pure.test_architecture import BY_THE_PAGES, PACKAGE, PRIVATE, SOURCES, WHOLE_AIRFLOW, of_airflow

MODULES = sorted(path.stem for path in Path(__file__).parent.glob("test_*.py"))


def assumptions() -> list[Assumption]:
    """Return those of all tests."""
    modules = [importlib.import_module(f"{__package__}.{name}") for name in MODULES]
    found = [getattr(each, "assumption", None) for module in modules for each in vars(module).values()]
    return [each for each in found if isinstance(each, Assumption)]


def files_that_use_private_names() -> set[str]:
    """Return the files with a private import, or with a comment that says "Private"."""
    of_the_whole = {
        module for module in SOURCES if module.split(".")[0] in WHOLE_AIRFLOW - {"ui"} and of_airflow(module)
    }
    modules = {*PRIVATE, *BY_THE_PAGES, *of_the_whole}
    said = {path for path in PACKAGE.rglob("*.py") if "# Private" in path.read_text(encoding="utf-8")}
    files = {SOURCES[module] for module in modules} | said
    return {str(path.relative_to(PACKAGE)) for path in files}


def test_each_file_that_uses_private_names_has_an_assumption_that_is_tested():
    named = {file for each in assumptions() for file in each.where}
    assert files_that_use_private_names() - named == set()


def test_each_file_that_an_assumption_names_is_there():
    named = {file for each in assumptions() for file in each.where}
    assert [file for file in sorted(named) if not (PACKAGE / file).exists()] == []


def test_no_two_tests_are_about_the_same_assumption():
    words = [each.words for each in assumptions()]
    assert sorted(set(words)) == sorted(words)


def test_a_broken_assumption_says_what_rests_on_it():
    @assumes("The sky is blue.", rests="all that is painted", where="errors.py")
    def broken():
        raise AttributeError("no attribute 'sky'\nand more")

    with pytest.raises(BrokenAssumptionError) as caught:
        broken()
    assert str(caught.value) == (
        "The sky is blue.\nOn this rests: all that is painted (errors.py)\n"
        f"{INSTEAD}AttributeError: no attribute 'sky'"
    )
