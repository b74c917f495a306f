"""The public names of the package, and the modules that their import loads."""

from __future__ import annotations

import ast
import pkgutil

import pytest

import airflow_dynamic_provider
from airflow_dynamic_provider import _PUBLIC, errors
from airflow_dynamic_provider.provider_info import get_provider_info
from tests.pure.processes import PACKAGE, run_python

pytestmark = pytest.mark.pure

ROOT = PACKAGE.name


def names_for_type_checkers():
    """Return name -> module, as imported under ``if TYPE_CHECKING``."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    (block,) = (
        node
        for node in tree.body
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    )
    return {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname is None
    }


@pytest.fixture(scope="module")
def offered():
    """Return the names of a star import, from a separate process because some names load Airflow."""
    return run_python(
        "import json\n"
        f"given = {{}}; exec('from {ROOT} import *', given); del given['__builtins__']\n"
        "print(json.dumps({name: [getattr(value, '__module__', None), getattr(value, '__name__', None)]"
        " for name, value in given.items()}))"
    )


def test_the_names_are_sorted_and_each_stands_once():
    names = airflow_dynamic_provider.__all__
    assert names == sorted(set(names))
    assert list(_PUBLIC) == sorted(_PUBLIC)


def test_the_lazy_map_and_all_agree():
    assert {*_PUBLIC, "__version__"} == set(airflow_dynamic_provider.__all__)


def test_type_checkers_see_the_same_names_from_the_same_modules():
    assert names_for_type_checkers() == {name: f"{ROOT}.{module}" for name, module in _PUBLIC.items()}


def test_dir_lists_the_names():
    assert dir(airflow_dynamic_provider) == sorted(airflow_dynamic_provider.__all__)


def test_every_name_is_the_object_of_its_module(offered):
    for name, module in _PUBLIC.items():
        assert offered[name] == [f"{ROOT}.{module}", name]


@pytest.mark.parametrize("name", _PUBLIC)
def test_every_name_has_a_docstring_of_its_own(name):
    # Read from the source, because an object may inherit a docstring, and a dataclass generates one.
    tree = ast.parse(
        PACKAGE.joinpath(*_PUBLIC[name].split(".")).with_suffix(".py").read_text(encoding="utf-8")
    )
    *_, definition = (node for node in tree.body if getattr(node, "name", None) == name)
    assert ast.get_docstring(definition)


def test_a_name_is_loaded_once_and_then_kept():
    assert airflow_dynamic_provider.DynamicOutputsError is errors.DynamicOutputsError
    assert vars(airflow_dynamic_provider)["DynamicOutputsError"] is errors.DynamicOutputsError


def test_an_unknown_name_is_refused_as_python_does():
    with pytest.raises(AttributeError, match="module 'airflow_dynamic_provider' has no attribute 'Unknown'"):
        airflow_dynamic_provider.Unknown  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'Unknown'"):
        from airflow_dynamic_provider import Unknown  # noqa: F401


def test_a_star_import_gives_all_names(offered):
    assert set(offered) == set(airflow_dynamic_provider.__all__)


@pytest.mark.parametrize("module", [ROOT, f"{ROOT}.errors", f"{ROOT}.provider_info"])
def test_opening_the_door_loads_nothing_of_airflow(module):
    loaded = run_python(
        f"import sys, json, {module}\n"
        "print(json.dumps([name for name in sys.modules"
        " if name.split('.')[0] in ('airflow', 'pydantic', 'fastapi', 'sqlalchemy')]))"
    )
    assert loaded == []


def test_opening_the_door_loads_no_module_of_the_package():
    loaded = run_python(
        f"import sys, json, {ROOT}\n"
        f"print(json.dumps([name for name in sys.modules if name.startswith('{ROOT}')]))"
    )
    assert loaded == [ROOT]


def test_airflow_is_told_the_version_and_the_decorator():
    info = get_provider_info()
    assert info["versions"] == [airflow_dynamic_provider.__version__]
    (decorator,) = info["task-decorators"]
    assert decorator["class-name"] == f"{ROOT}.{_PUBLIC['dynamic_task']}.dynamic_task"
    assert decorator["name"] == "dynamic"


def test_airflow_is_told_of_the_commands():
    (function,) = get_provider_info()["cli"]
    (group,) = pkgutil.resolve_name(function)()
    assert group.name == "dynamic-outputs"
    names = [command.name for command in group.subcommands]
    assert names == ["list", "keys", "show", "why", "diff", "clear", "export", "cache"]
