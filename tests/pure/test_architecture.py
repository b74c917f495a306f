"""The imports inside the package, and from Airflow."""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tests.pure.processes import PACKAGE, run_python

pytestmark = pytest.mark.pure

ROOT = PACKAGE.name

#: Folder or module -> the folders and modules of the package that it may import. Folders and modules that are
#: not named here may import everything except `FORBIDDEN`.
ARROWS = {
    "errors": set(),
    "provider_info": set(),
    "ray": set(),
    "version_compat": {"errors"},
    "definitions": {"definitions", "errors"},
    "airflow_adapter": {"airflow_adapter", "definitions", "errors", "provider_info", "version_compat"},
    "execution": {"airflow_adapter", "definitions", "errors", "execution", "version_compat"},
    "cache": {"airflow_adapter", "cache", "definitions", "errors", "execution", "version_compat"},
    "authoring": {
        *("airflow_adapter", "authoring", "cache", "definitions", "errors", "execution", "version_compat"),
    },
    "workflows": {
        *("airflow_adapter", "authoring", "cache", "definitions", "errors", "execution", "version_compat"),
        "workflows",
    },
    "local": {
        *("airflow_adapter", "authoring", "definitions", "errors", "execution", "local", "workflows"),
    },
    "dags_from": {
        *("airflow_adapter", "authoring", "dags_from", "definitions", "embedded", "errors", "execution"),
        *("version_compat", "workflows"),
    },
}

#: The edges of the package, which users see. Nothing else depends on them.
FORBIDDEN = {"ui", "cli", "embedded"}

#: Modules that run a Dag in a test, and so import one of the edges when they do.
RUN_IN_TESTS = {"dags_from.dagster.in_process"}

#: Shared by the edges: it reads and changes Airflow's database, which no task may do.
SHARED_BY_EDGES = "database"

#: The edges, and modules that only they use. No task imports them, so they may use Airflow's dependencies.
NOT_IN_TASKS = {
    *("cli", "database", "embedded", "ui"),
    *("airflow_adapter.commands", "airflow_adapter.embedded_run", "airflow_adapter.models"),
    *("airflow_adapter.audit_log", "airflow_adapter.server", "airflow_adapter.terminal"),
    *RUN_IN_TESTS,
}


#: The imports from other packages, and the reasons.
OTHERS = {
    "dags_from.flyte.adapters": {"pydantic": "converts values of the types that a program declares"},
    "dags_from.flyte.frames": {
        "numpy": "reads and writes arrays of programs that pass them",
        "pandas": "reads the tables of programs that pass them",
    },
    "dags_from.flyte.places": {
        "pydantic_core": "how pydantic converts files and tables, which are passed by their place"
    },
    "dags_from.flyte.pods": {"kubernetes": "makes pods, if Airflow's provider for it is installed"},
    "dags_from.flyte.values": {
        "pydantic": "its error, if a value is not of the declared type",
        "pydantic_core": "its error, if a value cannot be converted",
    },
    "dags_from.dagster.config": {"pydantic": "its error, if a config class refuses a config"},
    "dags_from.dagster.config_classes": {"pydantic": "the base of Dagster's Config"},
    "dags_from.dagster.config_forms": {
        "pydantic_core": "how pydantic stores a date or another object in a config; loaded by the first"
    },
    "dags_from.dagster.config_schemas": {"pydantic": "the form of a config class in a Dag param"},
    "dags_from.dagster.resource_classes": {"pydantic": "the base of Dagster's ConfigurableResource"},
    "definitions.codecs.making": {
        "pydantic": "knows classes that Airflow's serializer does not; loaded by the first such class",
        "pydantic_core": "one of its errors",
        "typing_extensions": "qualifiers of fields that older versions of Python lack",
    },
    "definitions.records": {"typing_extensions": "for type checkers only; part of Python from 3.11 on"},
    "definitions.types": {
        "pydantic": "checks annotations; loaded by the first value that needs it",
        "pydantic_core": "one of its errors",
        "typing_extensions": "the TypedDict that pydantic takes; it comes with pydantic",
    },
    "execution.batches.executors": {
        "cloudpickle": "carries a function of a Dag file to another machine; Dask brings it",
    },
    "ray": {"ray": "the cluster that the author asked for; an optional extra"},
    "execution.typed_calls": {"typing_extensions": "Unpack, which is part of Python from 3.11 on"},
    "execution.batches.contexts": {"structlog": "marks log lines with a key; Airflow logs with it"},
    "execution.batches.running": {"anyio": "threads that nobody has to wait for; Airflow brings it"},
    "airflow_adapter.in_memory": {"structlog": "the log that Airflow's task runner writes to"},
    "airflow_adapter.labels": {"jinja2": "to tell whether a Dag renders its templates natively"},
    "airflow_adapter.parents": {"celery": "its start-up signal, in a Celery worker only"},
    "airflow_adapter.xcom": {"msgspec": "what Airflow sends values with, to tell whether one can be sent"},
    "workflows.waiting.watching": {"asgiref": "what Airflow's own triggers leave the event loop with"},
}

#: The modules that alone know the names of XComs: the layout of outputs, and that of workflows.
XCOM_NAMES = ("dynamic_output.", "output_metadata", "produced_outputs", "return_value", "workflow_")


def module_name(path):
    """Return the name of a module below the package; ``""`` for the package itself."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {module: ast.parse(path.read_text(encoding="utf-8")) for module, path in SOURCES.items()}
FOLDERS = {module.split(".")[0] for module in SOURCES if "." in module}
IN_TASKS = {module for module in SOURCES if not {module, module.split(".")[0]} & NOT_IN_TASKS}


def is_module(name):
    return name == ROOT or name.removeprefix(f"{ROOT}.") in SOURCES


def imported_by(tree, module, path=Path("module.py")):
    """Return every module that a module imports, inside functions and type checks too."""
    package = [ROOT, *filter(None, module.split("."))]
    package = package if path.name == "__init__.py" else package[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*start, *filter(None, [node.module])])
            for alias in node.names:
                whole = f"{source}.{alias.name}"
                yield whole if source.split(".")[0] == ROOT and is_module(whole) else source


IMPORTS = {module: set(imported_by(TREES[module], module, path)) for module, path in SOURCES.items()}


def inside(module):
    """Return the folders and modules of the package that a module imports; ``""`` is the package itself."""
    own = {name.removeprefix(ROOT).lstrip(".") for name in IMPORTS[module] if name.split(".")[0] == ROOT}
    return {name.split(".")[0] for name in own}


def of_airflow(module):
    return {name for name in IMPORTS[module] if name.split(".")[0] == "airflow"}


def reached_from(start, imports):
    """Return every module that a module imports, directly or not."""
    reached, todo = set(), [start]
    while todo:
        new = imports[todo.pop()] - reached
        reached |= new
        todo += new
    return reached


def circles(imports):
    """Return the strongly connected components: sets of modules in which each reaches all others."""
    reached = {module: reached_from(module, imports) for module in imports}
    return {
        frozenset(other for other in reached[module] if module in reached[other])
        for module in imports
        if module in reached[module]
    }


def imports_inside(folder):
    """Return module -> the modules of its own folder that it imports."""
    modules = {module for module in SOURCES if module.split(".")[0] == folder}
    return {
        module: {name.removeprefix(f"{ROOT}.") for name in IMPORTS[module]} & modules for module in modules
    }


def imports_between_folders(folder):
    """Return sub-folder or module of a folder -> the others in that folder that it imports."""
    between = defaultdict(set)
    for module, imported in imports_inside(folder).items():
        own, *others = ([*name.split("."), ""][1] for name in [module, *imported])
        between[own] |= set(others) - {own, ""}
    return {own: others for own, others in between.items() if own}


def test_imports_are_found_in_all_their_forms():
    source = """
import airflow.models
import airflow_dynamic_provider.ui.pages
from airflow.sdk.definitions import xcom_arg
from airflow_dynamic_provider.execution import layout, RETURN
from airflow_dynamic_provider import __version__
from . import handles
from .handles import Handle
from .. import errors
from ..definitions.keys import check
if TYPE_CHECKING:
    from airflow_dynamic_provider.execution.clones import CloneSpec
def late():
    import airflow.providers.standard
    class Inner:
        def deep(self):
            from airflow.configuration import conf
"""
    assert sorted(imported_by(ast.parse(source), "authoring.mapping")) == sorted(
        [
            "airflow.models",
            "airflow_dynamic_provider.ui.pages",
            "airflow.sdk.definitions",
            "airflow_dynamic_provider.execution.layout",
            "airflow_dynamic_provider.execution",
            "airflow_dynamic_provider",
            "airflow_dynamic_provider.authoring.handles",
            "airflow_dynamic_provider.authoring.handles",
            "airflow_dynamic_provider.errors",
            "airflow_dynamic_provider.definitions.keys",
            "airflow_dynamic_provider.execution.clones",
            "airflow.providers.standard",
            "airflow.configuration",
        ]
    )


def offenders(wrong):
    """Return module -> what is wrong with it, for modules that break a rule."""
    return {module: found for module in SOURCES if (found := wrong(module))}


def test_a_module_says_what_it_is_for():
    silent = [module for module in SOURCES if not ast.get_docstring(TREES[module])]
    assert silent == [], "modules without a docstring"


def test_the_arrows_between_the_folders_are_kept():
    def not_allowed(module):
        # The package itself only gives its version to the modules that Airflow reads.
        front_door = {""} if module == "provider_info" else set()
        # The tests below check folders without an entry.
        return inside(module) - ARROWS.get(module.split(".")[0], inside(module)) - front_door

    assert offenders(not_allowed) == {}, "modules that import against the arrows, and what"


def test_every_arrow_begins_at_a_folder_or_module_that_there_is():
    assert set(ARROWS) - {module.split(".")[0] for module in SOURCES} == set()


def test_circles_are_found():
    imports = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a", "e"}, "e": {"f"}, "f": {"e"}, "g": {"d"}}
    assert circles(imports) == {frozenset("abc"), frozenset("ef")}


def test_no_circle_of_imports_inside_a_folder():
    # Imports inside functions and for types count too, so that files can be read one after another.
    found = {folder: circles(imports_inside(folder)) for folder in FOLDERS}
    assert {folder: circle for folder, circle in found.items() if circle} == {}


def test_no_circle_of_imports_between_the_folders_of_a_folder():
    found = {folder: circles(imports_between_folders(folder)) for folder in FOLDERS}
    assert {folder: circle for folder, circle in found.items() if circle} == {}


def test_nothing_imports_the_pages_or_the_commands():
    def edges(module):
        allowed = {"embedded"} if module in RUN_IN_TESTS else set()
        return inside(module) & (FORBIDDEN - {module.split(".")[0]} - allowed)

    assert offenders(edges) == {}, "modules that import pages or commands, and which"


def test_only_the_edges_import_what_reads_the_database():
    readers = {module for module in SOURCES if SHARED_BY_EDGES in inside(module)}
    others = {module for module in readers if module.split(".")[0] not in FORBIDDEN | {SHARED_BY_EDGES}}
    assert readers, "the folder that is looked for is imported by nobody"
    assert others == set(), "modules that import what reads the database, and are no edges"


def test_nothing_inside_comes_in_by_the_front_door():
    def by_the_front_door(module):
        names = {
            alias.name
            for node in ast.walk(TREES[module])
            if isinstance(node, ast.ImportFrom) and node.module == ROOT
            for alias in node.names
            if not is_module(f"{ROOT}.{alias.name}")
        }
        return names - {"__version__"}

    assert offenders(by_the_front_door) == {}, "modules that import public names, and which"


def test_plain_values_import_nothing_of_airflow():
    def wrong(module):
        return of_airflow(module) if module.split(".")[0] == "definitions" else set()

    assert "definitions" in FOLDERS
    assert offenders(wrong) == {}, "definitions that import Airflow, and what of it"


def test_plain_values_load_nothing_but_the_standard_library():
    definitions = [
        f"{ROOT}.{module}" for module in SOURCES if module.split(".")[0] in ("definitions", "errors")
    ]
    loaded = run_python(
        "import sys, json, importlib; before = set(sys.modules)\n"
        f"for name in {definitions}: importlib.import_module(name)\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in set(sys.modules) - before}"
        " - sys.stdlib_module_names)))"
    )
    assert loaded == [ROOT]


def test_other_packages_are_imported_only_where_it_is_said_why():
    others = defaultdict(set)
    for module in IN_TASKS:
        for name in IMPORTS[module]:
            package = name.split(".")[0]
            if package not in {ROOT, "airflow", *sys.stdlib_module_names}:
                others[module].add(package)
    assert others == {module: set(reasons) for module, reasons in OTHERS.items()}


def test_only_classes_for_authors_are_dataclasses():
    """Each process of a task would compile the methods of the others: they are records."""
    folders = {"definitions", "execution", "cache", "authoring", "workflows"}
    found = {
        module
        for module, tree in TREES.items()
        if module.split(".")[0] in folders
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and any(ast.unparse(each).split("(")[0] == "dataclass" for each in node.decorator_list)
    }
    of_authors = ("batches", "cache", "declarations", "events", "metadata", "outcomes")
    assert found == {f"definitions.{name}" for name in of_authors}


def test_one_module_alone_knows_the_names_of_xcoms():
    def names_of_xcoms(module):
        if module in ("execution.layout", "workflows.progress.stored", "definitions.keys"):
            return set()
        docstrings = {
            node.value
            for node in ast.walk(TREES[module])
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }
        texts = {
            node.value
            for node in ast.walk(TREES[module])
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docstrings
        }
        return {text for text in texts if text.startswith(XCOM_NAMES)}

    assert offenders(names_of_xcoms) == {}, "modules that write names of XComs, and which"


def test_nothing_is_preloaded_that_no_task_imports():
    from airflow_dynamic_provider.preloading import _NOT_IN_TASKS

    assert {name for name in NOT_IN_TASKS if name.startswith("airflow_adapter.")} <= _NOT_IN_TASKS


def test_one_function_asks_whether_a_value_is_a_class():
    """On Python 3.10, ``list[int]`` is an instance of ``type`` too, and no class."""

    def asked(module):
        return {
            ast.unparse(node)
            for node in ast.walk(TREES[module])
            if isinstance(node, ast.Call)
            and ast.unparse(node.func) == "isinstance"
            and re.search(r"\btype\b(?!\()", ast.unparse(node.args[1]))
        }

    assert offenders(asked) == {"definitions.classes": {"isinstance(value, type)"}}
