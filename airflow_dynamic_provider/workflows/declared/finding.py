"""Finds the kinds of a workflow: those in ``tasks=[...]``, or else those that names in its code refer to.

Following names is a convenience: it finds what the code names, but nothing that is looked up at run time.

It runs when the Dag file is read and again in the planning task, and must find the same kinds both times.
Therefore it follows the list, or the code, in the order in which it is written.
"""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
import os
import sys
import textwrap
import types
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from airflow_dynamic_provider.airflow_adapter import objects
from airflow_dynamic_provider.definitions.classes import is_class
from airflow_dynamic_provider.workflows.declared.allowed import (
    CALLS_MARK,
    CONSTANT_MARK,
    MAPS_MARK,
    VARIATIONS_MARK,
    Mapped,
)
from airflow_dynamic_provider.workflows.declared.definition import WorkflowDefinition
from airflow_dynamic_provider.workflows.declared.kinds import (
    Kinds,
    MapTarget,
    OperatorTarget,
    Target,
    TaskTarget,
    WorkflowTarget,
)
from airflow_dynamic_provider.workflows.declared.settings import is_setting
from airflow_dynamic_provider.workflows.plan.references import Placeholder

# Functions from these modules are never helpers of a body.
_OWN = "airflow_dynamic_provider"
_FOREIGN = frozenset(sys.stdlib_module_names) | {"airflow", _OWN}

# A container with more items than this is data.
_MOST_ITEMS = 1000

#: What `evaluate` returns for an expression whose value is known only when the body runs.
UNKNOWN = object()


def find_kinds(workflow: WorkflowDefinition, default_retries: int = 0) -> Kinds:
    """Return the kinds of the calls in a workflow's body, and those of all workflows that it may call.

    Args:
        workflow: The workflow.
        default_retries: The retries of a task that does not set ``retries``.
    """
    finder = _Finder(Kinds(default_retries, "" if workflow.tasks is None else workflow.name))
    finder.body(workflow)
    return finder.kinds


class _Finder:
    def __init__(self, kinds: Kinds) -> None:
        self.kinds = kinds
        self._functions: dict[int, Any] = {}
        # By function and list, because a workflow and its copy with another list may both be used.
        self._workflows: set[tuple[int, tuple[int, ...] | None]] = set()
        # The code that is being looked at; empty in a list.
        self._found_in = ""
        # The objects are kept, because Python may reuse the id of a deleted object.
        self._seen: dict[tuple[int, bool], Any] = {}

    def body(self, workflow: WorkflowDefinition) -> None:
        """Look at everything that the body of a workflow may call."""
        if workflow.tasks is None:
            self.function(workflow.function)
            with self._looking_at(f"node_dependency_hints of {workflow.name!r}"):
                for hint in workflow.node_dependency_hints:
                    self.value(hint, frozenset(), is_mapping=True)
            return
        with self._looking_at(""):
            for each in workflow.tasks:
                self._listed(each)
            # A workflow cannot list itself in its own decorator.
            scope = _scope(workflow.function)
            for name in _names(workflow.function.__code__):
                if _is_same(scope.get(name), workflow):
                    self.kinds.add(WorkflowTarget(scope[name]))

    def function(self, function: Any) -> None:
        """Look at everything that a function refers to."""
        code = getattr(function, "__code__", None)
        # Not by code object, because functions with different closures share it.
        if code is None or id(function) in self._functions:
            return
        self._functions[id(function)] = function
        self.function(getattr(function, "__wrapped__", None))
        with self._looking_at(_place_of(function)):
            self._code(function, code)

    def _code(self, function: Any, code: types.CodeType) -> None:
        names = _names(code)
        scope = _scope(function)
        is_mapping = any(_is_map_task(scope.get(name)) for name in names) or _map_task_attribute(names, scope)
        mapped = _mapped(function, scope) if is_mapping else []
        # If the source does not show what is mapped, anything may be mapped.
        is_mapping = mapped is None
        for name in names:
            if name in scope:
                self.value(scope[name], frozenset(names), is_mapping)
        for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self.value(default, frozenset(names), is_mapping)
        for variation in _variations(function, scope):
            self._variation(variation, is_mapping)
        for each in mapped or ():
            self.value(each, frozenset(names), is_mapping=True)
        finders = dict.fromkeys(getattr(type(value), VARIATIONS_MARK, None) for value in _named(scope, names))
        for find in filter(None, finders):
            for task, is_mapped in find(_calls_in(function) or (), scope):
                self.value(task, frozenset(names), is_mapped)

    def value(self, value: Any, names: frozenset[str], is_mapping: bool) -> None:
        """Look at something that a function refers to."""
        if (
            isinstance(value, str | bytes | int | float | Placeholder | None)
            or (id(value), is_mapping) in self._seen
        ):
            return
        if not (isinstance(value, types.ModuleType) or is_class(value)):
            self._seen[id(value), is_mapping] = value
        if objects.is_task_decorator(value):
            self._task(value, is_mapping)
        elif isinstance(value, WorkflowDefinition):
            self._workflow(value)
        elif objects.is_operator_class(value):
            self._add(OperatorTarget(value))
        elif objects.is_operator(value):
            made_with = objects.arguments_of(value)
            self._variation((type(value), made_with), is_mapping)
        elif objects.is_task_group(value):
            self.function(value.function)
        elif isinstance(value, functools.partial):
            self._partial(value, names, is_mapping)
        elif isinstance(value, Mapped):
            self._task(value.decorator, is_mapping=True)
        elif (called := getattr(value, "__dict__", {}).get(CALLS_MARK)) is not None:
            self._items(called, names, is_mapping)
        elif isinstance(value, types.MethodType):
            self.function(value.__func__)
        elif isinstance(value, types.FunctionType):
            if _is_helper(value):
                self.function(value)
        elif isinstance(value, list | tuple | set | frozenset | Mapping):
            self._items(value, names, is_mapping)
        else:
            self._namespace(value, names, is_mapping)

    def _task(self, decorator: Any, is_mapping: bool) -> None:
        self._add(TaskTarget(decorator))
        if is_mapping and not hasattr(decorator, "declarations"):
            self._add(MapTarget(decorator))

    def _workflow(self, workflow: WorkflowDefinition) -> None:
        if workflow.takes_promises:
            self.kinds.add_workflow(workflow)
        else:
            self._add(WorkflowTarget(workflow))
        listed = None if workflow.tasks is None else tuple(map(id, workflow.tasks))
        if (id(workflow.function), listed) not in self._workflows:
            self._workflows.add((id(workflow.function), listed))
            self.body(workflow)

    def _listed(self, entry: Any) -> None:
        """Look at something that ``tasks=`` lists."""
        if isinstance(entry, Mapped):
            self._task(entry.decorator, is_mapping=True)
        elif isinstance(entry, functools.partial) and not objects.is_operator_class(entry.func):
            self._listed(entry.func)
        else:
            self.value(entry, frozenset(), is_mapping=False)

    def _add(self, target: Target, settings: Mapping[str, Any] | None = None) -> None:
        self.kinds.add(target, settings, self._found_in)

    @contextmanager
    def _looking_at(self, code: str) -> Iterator[None]:
        outer, self._found_in = self._found_in, code
        yield
        self._found_in = outer

    def _variation(self, variation: Any, is_mapping: bool) -> None:
        if not isinstance(variation, tuple):
            self.value(variation, frozenset(), is_mapping)
            return
        operator_class, kwargs = variation
        settings = {name: value for name, value in kwargs.items() if is_setting(name, value)}
        self._add(OperatorTarget(operator_class), settings)

    def _partial(self, partial: Any, names: frozenset[str], is_mapping: bool) -> None:
        if objects.is_operator_class(partial.func):
            self._variation((partial.func, partial.keywords), is_mapping)
        else:
            self.value(partial.func, names, is_mapping)
        for argument in (*partial.args, *partial.keywords.values()):
            self.value(argument, names, is_mapping)

    def _items(self, value: Any, names: frozenset[str], is_mapping: bool) -> None:
        if len(value) > _MOST_ITEMS:
            return
        items = value.values() if isinstance(value, Mapping) else value
        if isinstance(value, set | frozenset):
            # A set has a different order in each process, and kinds are named in the order in which they are
            # found.
            items = sorted(value, key=lambda item: str(getattr(item, "__qualname__", "")))
        for item in items:
            self.value(item, names, is_mapping)

    def _namespace(self, value: Any, names: frozenset[str], is_mapping: bool) -> None:
        """Look at the attributes of a module, a class or an object that the code names."""
        top = str(getattr(value, "__name__", "")).split(".")[0] if isinstance(value, types.ModuleType) else ""
        held = getattr(value, "__dict__", {})
        if isinstance(held, Mapping) and top == _OWN:
            # Its modules load their names when they are first used. The body uses them later.
            loaded = {name: getattr(value, name) for name in names & set(getattr(value, "__all__", ()))}
            held = {**held, **loaded}
        for name in sorted(names & set(held)) if isinstance(held, Mapping) else ():
            # From Airflow, Python and this package, a body calls operator classes and what has the mark.
            is_called = CALLS_MARK in getattr(held[name], "__dict__", {})
            if top not in _FOREIGN or is_called or objects.is_operator_class(held[name]):
                self.value(held[name], names - {name}, is_mapping)


def _named(scope: Mapping[str, Any], names: Iterable[str]) -> Iterator[Any]:
    """Yield the values of names, and those of the names in modules."""
    for name in names:
        value = scope.get(name)
        yield value
        if isinstance(value, types.ModuleType):
            yield from (vars(value).get(each) for each in names)


def _is_same(value: Any, workflow: WorkflowDefinition) -> bool:
    return isinstance(value, WorkflowDefinition) and value.function is workflow.function


def _place_of(function: Any) -> str:
    code = function.__code__
    return f"{function.__name__} ({os.path.basename(code.co_filename)}, line {code.co_firstlineno})"


def _names(code: types.CodeType) -> list[str]:
    """Return the names that code uses, including those of functions inside it, each once."""
    names = dict.fromkeys([*code.co_names, *code.co_freevars])
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= dict.fromkeys(_names(constant))
    return list(names)


def _scope(function: Any) -> dict[str, Any]:
    """Return name -> value, for the names in a function except its own variables."""
    scope = dict(function.__globals__)
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            scope[name] = cell.cell_contents
        except ValueError:
            # The variable is not assigned yet.
            scope.pop(name, None)
    return scope


def _is_map_task(value: Any) -> bool:
    return getattr(value, MAPS_MARK, False) is True


def _map_task_attribute(names: Iterable[str], scope: Mapping[str, Any]) -> bool:
    modules = [scope[name] for name in names if isinstance(scope.get(name), types.ModuleType)]
    return "map_task" in names and any(_is_map_task(getattr(module, "map_task", None)) for module in modules)


def _is_helper(function: types.FunctionType) -> bool:
    top = (function.__module__ or "").split(".")[0]
    if top in _FOREIGN:
        return False
    path = function.__code__.co_filename
    if "site-packages" not in path and "dist-packages" not in path:
        return True
    # A library is followed only if it is written for Airflow.
    return any(
        objects.is_task_decorator(value) or isinstance(value, WorkflowDefinition)
        for value in function.__globals__.values()
    ) or any(objects.is_operator_class(value) for value in function.__globals__.values())


def _variations(function: Any, scope: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the tasks and operators with their own settings in a function's source."""
    # A function typed into an interpreter, or a lambda inside a statement, has no source and needs hints.
    for node in _calls_in(function) or ():
        variation = evaluate_call(node, scope)
        if variation is not UNKNOWN:
            yield variation


def _mapped(function: Any, scope: Mapping[str, Any]) -> list[Any] | None:
    """Return what a function's source passes to `map_task`; ``None`` if the source does not show it."""
    calls = _calls_in(function)
    if calls is None:
        return None
    mapped = []
    for node in calls:
        if not _is_map_task(evaluate(node.func, scope)):
            continue
        given = [*node.args[:1], *(word.value for word in node.keywords if word.arg == "fn")]
        value = evaluate(behind_partial(given[0], scope), scope) if given else UNKNOWN
        if value is UNKNOWN:
            return None
        mapped.append(value)
    return mapped or None


def _calls_in(function: Any) -> list[ast.Call] | None:
    """Return the calls in a function's source, in their order; ``None`` if there is no source."""
    try:
        tree = ast.parse(textwrap.dedent(_source_of(function)))
    except (OSError, SyntaxError, TypeError, ValueError):
        return None
    # For a lambda, Python returns the source of the whole statement around it.
    own: list[ast.AST] = [each for each in ast.walk(tree) if isinstance(each, ast.Lambda)]
    if function.__code__.co_name != "<lambda>" and isinstance(tree.body[0], ast.FunctionDef):
        # The body, without the decorators above it.
        own = [*tree.body[0].body]
    nodes = [node for part in own for node in ast.walk(part)]
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            # So that a call of a method of the name is known to be one of the promise.
            node.value.assigned_to = [each.id for each in node.targets if isinstance(each, ast.Name)]  # type: ignore[attr-defined]
    return sorted(
        (node for node in nodes if isinstance(node, ast.Call)),
        key=lambda node: (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset),
    )


def _source_of(function: Any) -> str:
    """Return the source of a function's own code, from its first decorator on.

    `inspect.getsource` first looks for the file of every loaded module. Each task's process would do so.

    Raises:
        OSError: There is no source.
    """
    code = function.__code__
    linecache.checkcache(code.co_filename)
    lines = linecache.getlines(code.co_filename, function.__globals__)
    if not lines:
        raise OSError(f"there is no source of {code.co_name!r}")
    return "".join(inspect.getblock(lines[code.co_firstlineno - 1 :]))


def behind_partial(node: ast.expr, scope: Mapping[str, Any]) -> ast.expr:
    """Return the function of a ``functools.partial``, or the expression itself if it is not one."""
    is_partial = isinstance(node, ast.Call) and evaluate(node.func, scope) is functools.partial
    return node.args[0] if is_partial and node.args else node  # type: ignore[attr-defined]


def evaluate_call(node: ast.Call, scope: Mapping[str, Any]) -> Any:
    """Return a task under ``override``, an operator class with its settings, or a plain value."""
    if isinstance(node.func, ast.Attribute) and node.func.attr == "override":
        return _evaluate_override(node, node.func.value, scope)
    called = evaluate(node.func, scope)
    if called is functools.partial and node.args:
        called = evaluate(node.args[0], scope)
    if called is timedelta or getattr(called, CONSTANT_MARK, False) is True:
        return _evaluate_constant(node, called, scope)
    if not objects.is_operator_class(called):
        return UNKNOWN
    relevant = [
        word
        for word in node.keywords
        if word.arg is None or is_setting(word.arg, evaluate(word.value, scope))
    ]
    settings = evaluate_keywords(relevant, scope)
    return UNKNOWN if settings is None else (called, settings)


def _evaluate_override(node: ast.Call, overridden: ast.expr, scope: Mapping[str, Any]) -> Any:
    base = evaluate(overridden, scope)
    is_task = objects.is_task_decorator(base)
    settings = evaluate_keywords([word for word in node.keywords if word.arg != "task_id"], scope)
    if settings is None or not (is_task or isinstance(base, WorkflowDefinition)):
        return UNKNOWN
    try:
        return base.override(**settings)
    except Exception:
        # Airflow refuses the settings. When the body makes the call, it does so again, with the line.
        return UNKNOWN


def evaluate_keywords(keywords: Iterable[ast.keyword], scope: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return argument -> value, ``None`` if one of them is unknown."""
    settings: dict[str, Any] = {}
    for keyword in keywords:
        value = evaluate(keyword.value, scope)
        if value is UNKNOWN or keyword.arg is None:
            return None
        settings[keyword.arg] = value
    return settings


def evaluate(node: ast.expr, scope: Mapping[str, Any]) -> Any:
    """Return the value of a constant, a name in the Dag file, or a task under ``override``."""
    if isinstance(node, ast.Name):
        return scope.get(node.id, UNKNOWN)
    if isinstance(node, ast.Attribute):
        holder = evaluate(node.value, scope)
        return UNKNOWN if holder is UNKNOWN else getattr(holder, node.attr, UNKNOWN)
    if isinstance(node, ast.Call):
        found = evaluate_call(node, scope)
        return UNKNOWN if isinstance(found, tuple) else found
    try:
        return ast.literal_eval(node)
    except ValueError:
        return UNKNOWN


def _evaluate_constant(node: ast.Call, called: Any, scope: Mapping[str, Any]) -> Any:
    args = [evaluate(each, scope) for each in node.args]
    kwargs = evaluate_keywords(node.keywords, scope)
    if kwargs is None or UNKNOWN in args:
        return UNKNOWN
    try:
        return called(*args, **kwargs)
    except Exception:
        # The body makes the call again, and shows the error.
        return UNKNOWN
