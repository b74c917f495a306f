"""Who imports whom, inside the package and out of Airflow."""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tests.pure.processes import PACKAGE, run_python

pytestmark = pytest.mark.pure

ROOT = PACKAGE.name

#: Folder or module -> the folders and modules of the package it may import. Whoever is not named here may
#: import all but `FORBIDDEN`.
ARROWS = {
    "errors": set(),
    "provider_info": set(),
    "version_compat": {"errors"},
    "definitions": {"definitions", "errors"},
    "execution": {"definitions", "errors", "execution", "version_compat"},
    "authoring": {"authoring", "definitions", "errors", "execution", "version_compat"},
    "workflows": {"authoring", "definitions", "errors", "execution", "version_compat", "workflows"},
}

#: The edges of the package: what people see. Nothing else depends on them.
FORBIDDEN = {"ui", "cli", "embedded"}

#: What the edges share: it reads and changes Airflow's database, which no task may do.
SHARED_BY_EDGES = "database"

#: Edges for which Airflow has no stable interface. One is an Airflow of its own, for a developer's machine:
#: it runs a whole Dag in one process. The others are commands and pages, and read the database. No task
#: imports them.
WHOLE_AIRFLOW = {"cli", "database", "embedded", "ui"}

#: What the pages use of Airflow's server, and which module does.
BY_THE_PAGES = {
    "ui.access": {
        "airflow.api_fastapi.auth.managers.models.resource_details",
        "airflow.api_fastapi.common.db.common",
        "airflow.api_fastapi.core_api.security",
    },
    "ui.plugin": {"airflow.configuration", "airflow.plugins_manager"},
    "ui.presenting": {"airflow.models.dagrun"},
}

#: Modules of Airflow that are not its stable interface or have moved, who may import them, and why.
PRIVATE_PREFIXES = (
    "airflow.exceptions",
    "airflow.sdk.bases.xcom",
    "airflow.sdk.definitions",
    "airflow.sdk.exceptions",
    "airflow.sdk.execution_time",
    "airflow.sdk.serde",
    "airflow.serialization.serde",
)
PRIVATE = {
    "authoring.airflow_graph": {
        "airflow.sdk.definitions._internal.contextmanager": "to find the task group the Dag file is in",
        "airflow.sdk.definitions.decorators.task_group": "to tell a task group with arguments by partial()",
        "airflow.sdk.definitions.mappedoperator": "to tell an operator that Airflow expands, or partial()",
        "airflow.sdk.definitions.taskgroup": "to tell a task group that Airflow expands by itself",
    },
    "authoring.collection": {
        "airflow.sdk.definitions.xcom_arg": "PlainXComArg, for the scheduler takes a collection for one",
    },
    "authoring.static_handle": {
        "airflow.sdk.definitions.xcom_arg": "PlainXComArg, an ordinary task's output",
    },
    "execution.xcom": {
        "airflow.sdk.bases.xcom": "to ask whether a value can be stored without storing it",
        "airflow.sdk.definitions.xcom_arg": "PlainXComArg, of which the lazy sequence is made",
        "airflow.sdk.execution_time": "to tell a run of dag.test() from a real one",
        "airflow.sdk.execution_time.task_runner": "to read states in a trigger, which has no task instance",
        "airflow.sdk.execution_time.lazy_sequence": "to read some of the XComs of a task's clones",
        "airflow.sdk.execution_time.xcom": "to write the XCom of another task, with its length",
        "airflow.sdk.serde": "which classes a deployment lets stored values name",
        "airflow.serialization.serde": "the same in Airflow 3.1",
    },
    "version_compat": {
        "airflow.exceptions": "where Airflow 3.1 has what later versions have in airflow.sdk.exceptions",
        "airflow.sdk.exceptions": "skipping and failing",
    },
    "workflows.deadline": {
        "airflow.sdk.execution_time.timeout": "Airflow's own limit of time, for a node's share of it",
    },
    "workflows.local": {
        "airflow.sdk.execution_time.context": "to give a function under test the context that it asks for",
    },
    "workflows.outputs": {
        "airflow.sdk.definitions.xcom_arg": "PlainXComArg, an ordinary task's output",
    },
    "workflows.airflow_objects": {
        "airflow.sdk.definitions.decorators.task_group": "the class of task groups: a body may call them",
        "airflow.sdk.definitions.mappedoperator": "an operator that Airflow expands, to know it in a body",
    },
    "workflows.interception": {
        "airflow.sdk.definitions.decorators.task_group": "the class of task groups: a body may call them",
        "airflow.sdk.definitions.mappedoperator": "what a classic operator's partial() gives, to refuse it",
    },
    "workflows.promises": {
        "airflow.sdk.definitions._internal.mixins": "the base class of what chain() and the like can order",
    },
}

#: All other modules of Airflow that are imported, and why they are no risk.
PUBLIC = {
    "airflow.configuration": "conf, Airflow's documented way to read its options",
    "airflow.providers.standard.operators.empty": "EmptyOperator; it comes with every Airflow 3",
    "airflow.providers.standard.operators.python": "PythonOperator, likewise",
    "airflow.sdk": "the stable interface",
    "airflow.sdk.bases.decorator": "documented for makers of task decorators",
    "airflow.sdk.bases.operator": "ExecutorSafeguard, which keeps quiet about operators inside operators",
    "airflow.triggers.base": "documented for makers of triggers",
}

#: What is imported of anybody else, and why.
OTHERS = {
    "definitions.types": {
        "pydantic": "checks annotations; loaded by the first value that needs it",
        "pydantic_core": "one of its errors",
        "typing_extensions": "the TypedDict that pydantic takes; it comes with pydantic",
    },
    "execution.labels": {"jinja2": "to tell whether a Dag renders its templates natively"},
    "execution.xcom": {"msgspec": "what Airflow sends values with, to tell whether one can be sent"},
    "workflows.watching": {"asgiref": "what Airflow's own triggers leave the event loop with"},
}

#: The names of XComs, which one module alone knows: the layout of outputs, and that of workflows.
XCOM_NAMES = ("dynamic_output.", "output_metadata", "produced_outputs", "return_value", "workflow_")


def module_name(path):
    """The name of a module below the package, ``""`` for the package itself."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {module: ast.parse(path.read_text(encoding="utf-8")) for module, path in SOURCES.items()}
FOLDERS = {module.split(".")[0] for module in SOURCES if "." in module}
ON_THE_STABLE_INTERFACE = {module for module in SOURCES if module.split(".")[0] not in WHOLE_AIRFLOW}
each_module = pytest.mark.parametrize("module", SOURCES)


def is_module(name):
    return name == ROOT or name.removeprefix(f"{ROOT}.") in SOURCES


def imported_by(tree, module, path=Path("module.py")):
    """Every module that is imported anywhere in a module, inside functions and type checks too."""
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
    """The folders and modules of the package that a module imports; ``""`` is the front door."""
    own = {name.removeprefix(ROOT).lstrip(".") for name in IMPORTS[module] if name.split(".")[0] == ROOT}
    return {name.split(".")[0] for name in own}


def of_airflow(module):
    return {name for name in IMPORTS[module] if name.split(".")[0] == "airflow"}


def is_private(name):
    return any(f"{name}.".startswith(f"{prefix}.") for prefix in PRIVATE_PREFIXES)


def reached_from(start, imports):
    """Every module that one imports, or that one of those imports, and so on."""
    reached, todo = set(), [start]
    while todo:
        new = imports[todo.pop()] - reached
        reached |= new
        todo += new
    return reached


def circles(imports):
    """The strongly connected components: sets of modules of which each reaches all the others."""
    reached = {module: reached_from(module, imports) for module in imports}
    return {
        frozenset(other for other in reached[module] if module in reached[other])
        for module in imports
        if module in reached[module]
    }


def imports_inside(folder):
    """Module -> the modules of its own folder that it imports."""
    modules = {module for module in SOURCES if module.split(".")[0] == folder}
    return {
        module: {name.removeprefix(f"{ROOT}.") for name in IMPORTS[module]} & modules for module in modules
    }


def imports_between_folders(folder):
    """Sub-folder or module of a folder -> the other ones of it that it imports."""
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


@each_module
def test_a_module_says_what_it_is_for(module):
    assert ast.get_docstring(TREES[module])


@each_module
def test_the_arrows_between_the_folders_are_kept(module):
    folder = module.split(".")[0]
    if folder in ARROWS:
        # The front door only gives its version, to what Airflow reads.
        front_door = {""} if module == "provider_info" else set()
        assert inside(module) <= ARROWS[folder] | front_door


def test_circles_are_found():
    imports = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a", "e"}, "e": {"f"}, "f": {"e"}, "g": {"d"}}
    assert circles(imports) == {frozenset("abc"), frozenset("ef")}


@pytest.mark.parametrize("folder", sorted(FOLDERS))
def test_no_circle_of_imports_inside_a_folder(folder):
    # Those inside functions and for types count too: files can be read one after another only without them.
    assert circles(imports_inside(folder)) == set()


def test_no_circle_of_imports_between_the_folders_of_a_folder():
    found = {folder: circles(imports_between_folders(folder)) for folder in FOLDERS}
    offenders = sorted(f"{folder}: {sorted(circle)}" for folder in found for circle in found[folder])
    assert offenders == []


@each_module
def test_nothing_imports_the_pages_or_the_commands(module):
    assert not inside(module) & (FORBIDDEN - {module.split(".")[0]})


@each_module
def test_only_the_edges_import_what_reads_the_database(module):
    if module.split(".")[0] not in FORBIDDEN | {SHARED_BY_EDGES}:
        assert SHARED_BY_EDGES not in inside(module)


def test_one_module_of_the_pages_knows_the_insides_of_airflows_server():
    pages = [module for module in SOURCES if module.split(".")[0] == "ui"]
    assert {module: of_airflow(module) for module in pages if of_airflow(module)} == BY_THE_PAGES


@each_module
def test_nothing_inside_comes_in_by_the_front_door(module):
    front_door = {
        alias.name
        for node in ast.walk(TREES[module])
        if isinstance(node, ast.ImportFrom) and node.module == ROOT
        for alias in node.names
        if not is_module(f"{ROOT}.{alias.name}")
    }
    assert front_door <= {"__version__"}


@pytest.mark.parametrize("module", [module for module in SOURCES if module.split(".")[0] == "definitions"])
def test_plain_values_import_nothing_of_airflow(module):
    assert not of_airflow(module)


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


def test_private_modules_of_airflow_are_imported_only_where_it_is_said_why():
    private = defaultdict(set)
    for module in ON_THE_STABLE_INTERFACE:
        for name in filter(is_private, of_airflow(module)):
            private[module].add(name)
    assert private == {module: set(reasons) for module, reasons in PRIVATE.items()}


def test_every_other_module_of_airflow_is_one_of_a_few():
    others = {
        name for module in ON_THE_STABLE_INTERFACE for name in of_airflow(module) if not is_private(name)
    }
    assert others == set(PUBLIC)


def test_other_packages_are_imported_only_where_it_is_said_why():
    others = defaultdict(set)
    for module in ON_THE_STABLE_INTERFACE:
        for name in IMPORTS[module]:
            package = name.split(".")[0]
            if package not in {ROOT, "airflow", *sys.stdlib_module_names}:
                others[module].add(package)
    assert others == {module: set(reasons) for module, reasons in OTHERS.items()}


@each_module
def test_one_module_alone_knows_the_names_of_xcoms(module):
    if module in ("execution.layout", "workflows.stored", "definitions.keys"):
        return
    docstrings = {
        node.value
        for node in ast.walk(TREES[module])
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    texts = [
        node.value
        for node in ast.walk(TREES[module])
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docstrings
    ]
    assert not [text for text in texts if text.startswith(XCOM_NAMES)]
