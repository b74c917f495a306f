"""Checks that only the adapter uses Airflow beyond ``airflow.sdk``, and that each name has a test."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from unittest import mock

import airflow.sdk
import pytest

from tests.contract.assumptions import INSTEAD, Assumption, BrokenAssumptionError, assumes, installed
from tests.contract.foreign_names import STABLE, foreign_names, imported_names, is_adapter
from tests.pure.test_architecture import PACKAGE, SOURCES, TREES

#: Names of the stable interface that not every supported Airflow has. Only tasks that use them import them.
SINCE = {"RetryDecision": (3, 3), "RetryPolicy": (3, 3)}

MODULES = sorted(path.stem for path in Path(__file__).parent.glob("test_*.py"))


def assumptions() -> list[Assumption]:
    """Return the assumptions of all tests."""
    modules = [importlib.import_module(f"{__package__}.{name}") for name in MODULES]
    found = [getattr(each, "assumption", None) for module in modules for each in vars(module).values()]
    return [each for each in found if isinstance(each, Assumption)]


def test_only_the_adapter_uses_what_airflow_does_not_promise():
    used = {module: foreign_names(module) for module in SOURCES if not is_adapter(module)}
    assert {module: names for module, names in used.items() if names} == {}


def test_what_is_imported_of_the_stable_interface_is_exported_there():
    # What Airflow has moved there is imported in version_compat, and from the place before in older versions.
    used = {name for module in SOURCES if module != "version_compat" for name in imported_names(module)}
    of_sdk = {name.rpartition(".")[2] for name in used if name.rpartition(".")[0] == STABLE}
    later = {name for name, since in SINCE.items() if since > installed()}
    assert of_sdk - set(airflow.sdk.__all__) == later


def test_each_name_that_the_adapter_uses_is_in_an_assumption_that_is_tested():
    named = {(file, name) for each in assumptions() for file in each.where for name in each.names}
    used = {
        (str(SOURCES[module].relative_to(PACKAGE)), name)
        for module in SOURCES
        if is_adapter(module)
        for name in foreign_names(module)
    }
    assert sorted(used - named) == []


def test_each_name_in_an_assumption_is_used():
    used = {name for module in SOURCES if is_adapter(module) for name in foreign_names(module)}
    assert sorted({name for each in assumptions() for name in each.names} - used) == []


def test_names_that_airflow_does_not_promise_are_found_in_all_their_forms():
    source = """
from airflow.sdk import DAG
from airflow.models.xcom import XComModel
import airflow.utils.db

def use(task):
    from airflow.sdk.bases.xcom import BaseXCom
    task._private, getattr(task, "_named"), task.call(_argument=1)
    object.__setattr__(task, "_set", 1)
    task.public, task.__dict__, task._fields
"""
    module = "airflow_adapter.of_the_test"
    with mock.patch.dict(TREES, {module: ast.parse(source)}):
        assert foreign_names(module) == {
            *("XComModel", "db", "BaseXCom"),
            *("_private", "_named", "_argument", "_set"),
        }


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
        "The sky is blue.\nWhat depends on it: all that is painted (errors.py)\n"
        f"{INSTEAD}AttributeError: no attribute 'sky'"
    )
