"""Finds what a module uses of Airflow beyond ``airflow.sdk``: imported names, and private attributes."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from tests.pure.test_architecture import SOURCES, TREES

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The folder, and the module, that may use them.
ADAPTERS = ("airflow_adapter", "version_compat")

#: The stable interface: what it exports may be used anywhere.
STABLE = "airflow.sdk"

#: Names with a leading underscore that belong to Python and its libraries or to Dask, and not to Airflow.
OF_PYTHON = frozenset({"_fields", "_getframe", "_is_protocol", "_max_workers", "_client"})

#: Attributes of the executors of Python and Dask. They say how many calls run at the same time.
OF_EXECUTORS = frozenset({"_client", "_max_workers"})

_PRIVATE = re.compile(r"_[A-Za-z]\w*")


def is_adapter(module: str) -> bool:
    """Return whether a module may use what Airflow does not promise."""
    return module.split(".")[0] in ADAPTERS


def imported_names(module: str) -> set[str]:
    """Return what a module imports of Airflow, anywhere in it, as ``module.name``."""
    found = set()
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "airflow":
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.split(".")[0] == "airflow"}
    return found


def private_attributes(module: str) -> set[str]:
    """Return the private names that a module reads from other objects, and that are not the package's own.

    They are read as attributes, named in strings for ``getattr``, or passed as arguments.
    """
    # In the adapter, a name that another module, or a class, also defines is still Airflow's.
    own = set(_functions(TREES[module])) if is_adapter(module) else _OWN
    return (
        {name for name in _asked_for(TREES[module]) if _PRIVATE.fullmatch(name)}
        - OF_PYTHON
        - OF_EXECUTORS
        - own
    )


def foreign_names(module: str) -> set[str]:
    """Return all names that a module uses beyond the stable interface, each by its last part."""
    imported = {name for name in imported_names(module) if name.rpartition(".")[0] != STABLE}
    return {name.rpartition(".")[2] for name in imported} | private_attributes(module)


def _asked_for(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and not _is_own(node.value):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.keyword) and node.arg is not None:
            yield node.arg


def _is_own(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id in ("self", "cls")


def _functions(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name


def _defined(tree: ast.AST) -> Iterator[str]:
    yield from _functions(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _is_own(node.value):
            yield node.attr
        elif isinstance(node, ast.AnnAssign):
            yield from _names([node.target])
        elif isinstance(node, ast.Assign):
            yield from _names(node.targets)
            # The marks that the package sets on functions and decorators.
            if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
                yield node.value.value


def _names(targets: list[ast.expr]) -> Iterator[str]:
    return (target.id for target in targets if isinstance(target, ast.Name))


# What an adapter sets on Airflow's own objects is Airflow's.
_OWN = {name for module in SOURCES if not is_adapter(module) for name in _defined(TREES[module])}
