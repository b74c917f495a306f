"""Turns the operators that a mapped function creates into clones, which are labelled and read values by key.

This works for every operator class, because it changes only what all operators have: template fields, the
``map_index_template``, and the hooks around ``execute``.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import task_graph
from airflow_dynamic_provider.airflow_adapter.labels import MAP_INDEX_TEMPLATE
from airflow_dynamic_provider.airflow_adapter.objects import runs_plain_function
from airflow_dynamic_provider.airflow_adapter.operators import run_around
from airflow_dynamic_provider.authoring.arranging.arguments import name_arguments
from airflow_dynamic_provider.authoring.arranging.filling import attributes_of, fill_arguments
from airflow_dynamic_provider.authoring.arranging.refusing import (
    refuse_leaks,
    refuse_positions,
    refuse_uncloneable,
)
from airflow_dynamic_provider.authoring.model.dag_graph import ClonedTask
from airflow_dynamic_provider.authoring.model.scope import BatchesOfMap
from airflow_dynamic_provider.authoring.references.containers import SEQUENCES, rebuilt
from airflow_dynamic_provider.authoring.references.item import Item
from airflow_dynamic_provider.authoring.references.refusals import is_task_output
from airflow_dynamic_provider.definitions.declarations import has_types, is_plain
from airflow_dynamic_provider.definitions.keys import DEFAULT_OUTPUT
from airflow_dynamic_provider.execution.clones import (
    PUSHED_DEFAULT,
    CloneSpec,
    after_execute,
    before_execute,
    chain_hook,
    start_clone,
)
from airflow_dynamic_provider.execution.failures import keep_errors
from airflow_dynamic_provider.execution.layout import RETURN_VALUE
from airflow_dynamic_provider.execution.sources import ResultSource
from airflow_dynamic_provider.execution.spaces import Batches, name_of

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from airflow_dynamic_provider.authoring.model.dag_graph import DagGraph, KeySpace
    from airflow_dynamic_provider.authoring.model.scope import MapScope

#: The first template field of every clone. It shows the key among the rendered fields.
KEY_FIELD = "dynamic_mapping_key"


class KeyField:
    """The value of a clone's first template field. Rendering it finds the key, before all other fields.

    Args:
        spec: The facts that the clone needs at run time.
    """

    def __init__(self, spec: CloneSpec) -> None:
        self.spec = spec

    def resolve(self, context: MutableMapping[str, Any]) -> str:
        """Return the key of a clone, or the label of a batch. Airflow calls this in the task's process."""
        if self.spec.batches is not None:
            # Imported only here: most clones run one key.
            from airflow_dynamic_provider.execution.batches.batch import start_batch

            return start_batch(context, self.spec).label
        return start_clone(context, self.spec).mapping_key

    def __repr__(self) -> str:
        return f"<mapping key of {name_of(self.spec.space)}>"

    def __str__(self) -> str:
        return repr(self)


def adopt_new_tasks(scope: MapScope) -> None:
    """Turn the tasks that a mapped function has called so far into clones, except those of nested maps.

    Raises:
        MapFunctionError: One of them cannot be cloned per key.
    """
    graph = scope.space.graph
    known = scope.known_tasks | graph.clones.keys() | graph.helpers | graph.called_once
    new = [graph.task(task_id) for task_id in graph.dag.task_ids if task_id not in known]
    for task in new:
        refuse_uncloneable(task, scope.space)
        if scope.batches is not None:
            # Imported here, because most maps run each key in a task instance of its own.
            from airflow_dynamic_provider.authoring.arranging.batching import refuse_unbatchable

            refuse_unbatchable(task, scope.space, scope.cache)
        if scope.cache is not None:
            # Imported here, because most maps keep no results.
            from airflow_dynamic_provider.authoring.arranging.caching import refuse_uncacheable

            refuse_uncacheable(task, scope)
        task_graph.end_on_worker(task)
        name_arguments(task)
        function = _function_with_types(task)
        unit = task_graph.outermost(task, set(scope.known_groups))
        graph.units[unit.node_id] = unit
        spec = _add_clone(task, scope.space, unit.node_id, scope.batches)
        spec.is_cached = scope.cache is not None or getattr(task, "results", None) is not None
        if function is not None:
            _keep_types(graph.clones[task.task_id], function)
        if scope.limit is not None:
            spec.limit = scope.limit
            scope.limit.task_ids.append(spec.task_id)
            graph.limits[scope.limit].append(spec)
        if scope.max_active is not None:
            own_limit = task.max_active_tis_per_dagrun
            task.max_active_tis_per_dagrun = min(own_limit or scope.max_active, scope.max_active)
    for task in new:
        _read_by_key(task, graph)
        _check_types(task)
        if scope.batches is not None:
            from airflow_dynamic_provider.authoring.arranging.batching import run_in_batches

            run_in_batches(graph.clones[task.task_id], scope.cache)
        elif scope.cache is not None:
            from airflow_dynamic_provider.cache.tasks import keep_results

            keep_results(task, scope.cache)


def add_gate(gate: Any, task: ClonedTask) -> None:
    """Register the gate before a cloned task, and make it a clone."""
    graph = task.space.graph
    graph.gates[task.operator.task_id] = gate
    batches = task.spec.batches
    _add_clone(
        gate,
        task.space,
        gate.task_id,
        None if batches is None else BatchesOfMap(batches.cut, batches.settings),
    )


def remove_gate(graph: DagGraph, task_id: str) -> None:
    """Remove the gate before a cloned task from the Dag, because it has nothing left to check."""
    gate_id = graph.gates.pop(task_id).task_id
    graph.own_edges = {pair for pair in graph.own_edges if gate_id not in pair}
    task_graph.remove_task(graph.clones.pop(gate_id).operator)


def source_of(clone: ClonedTask, xcom_key: str) -> tuple[ResultSource, tuple[Any, ...]]:
    """Return the output that a reference to a cloned task's XCom means, and the path that it selects."""
    if xcom_key == RETURN_VALUE:
        declared = getattr(clone.operator, "declarations", None)
        return ResultSource(clone.spec, next(iter(declared)) if declared else DEFAULT_OUTPUT), ()
    if getattr(clone.operator, "multiple_outputs", False):
        # The return value is a dict, and Airflow also stores each of its items as an XCom of its own.
        return ResultSource(clone.spec, DEFAULT_OUTPUT), (xcom_key,)
    if xcom_key == DEFAULT_OUTPUT and not hasattr(clone.operator, "declarations"):
        return ResultSource(clone.spec, PUSHED_DEFAULT), ()
    return ResultSource(clone.spec, xcom_key), ()


def _add_clone(task: Any, space: KeySpace, unit: str, batches: BatchesOfMap | None) -> CloneSpec:
    declared = getattr(task, "declarations", {})
    optional = frozenset(name for name, out in declared.items() if not out.is_required)
    spec = CloneSpec(task.task_id, space.spec, optional_outputs=optional)
    spec.types = getattr(task, "type_of", None)
    if batches is not None:
        spec.batches = Batches(batches.cut, batches.settings)
    clone = space.graph.clones[task.task_id] = ClonedTask(task, space, spec, unit)
    refuse_leaks(clone, source_of(clone, RETURN_VALUE)[0])
    setattr(task, KEY_FIELD, KeyField(spec))
    task.template_fields = (KEY_FIELD, *task.template_fields)
    task.map_index_template = MAP_INDEX_TEMPLATE
    keep_errors(task)
    if batches is None:
        run_around(task, before_execute, after_execute, chain_hook)
    if task.inherits_from_empty_operator and not task.has_on_execute_callback:
        # The scheduler ends an empty operator without running it, and only a running task gets a label.
        task.on_execute_callback = [_run_on_worker]
    return spec


def _function_with_types(task: Any) -> Callable[..., Any] | None:
    """Return the function that a task runs in its process, if its annotations may matter."""
    if not runs_plain_function(type(task)):
        return None
    function: Callable[..., Any] = task.python_callable
    return function if has_types(function) else None


def _check_types(task: Any) -> None:
    """Refuse values of a declared class that the annotations of the function rule out."""
    if not runs_plain_function(type(task)) and not hasattr(task, "declarations"):
        return
    given = [*task.op_args, *task.op_kwargs.values()]
    if all(is_plain(getattr(each.source, "type", Any)) for each in given if isinstance(each, Item)):
        return
    # Imported here, because most values have no type that matters.
    from airflow_dynamic_provider.authoring.arranging.type_checks import refuse_other_classes

    refuse_other_classes(task.task_id, task.python_callable, task.op_args, task.op_kwargs)


def _keep_types(clone: ClonedTask, function: Callable[..., Any]) -> None:
    """Have a task receive and return what its annotations say."""
    # Imported here, because most tasks have no types that matter.
    from airflow_dynamic_provider.execution.typed_calls import type_of_result, typed
    from airflow_dynamic_provider.execution.typed_values import stored_form, stored_parts

    clone.spec.types = functools.partial(type_of_result, function)
    if clone.spec.batches is None:
        keep = stored_parts if clone.operator.multiple_outputs else stored_form
        clone.operator.python_callable = typed(function, clone.spec.task_id, keep)


def _run_on_worker(context: Any) -> None:
    """Do nothing. An empty operator with a callback runs on a worker."""


def _read_by_key(task: Any, graph: DagGraph) -> None:
    for name, value in attributes_of(task).items():
        replaced = _replace(value, graph)
        if replaced is not value:
            setattr(task, name, replaced)
    fill_arguments(task)
    # Airflow would read another clone's value by position, in three API calls, and ignore the key.
    for name in task.template_fields:
        value = getattr(task, name, None)
        replaced = _replace(value, graph)
        if replaced is not value:
            setattr(task, name, replaced)
        refuse_positions(task, replaced, graph.clones)


def _replace(value: Any, graph: DagGraph) -> Any:
    if is_task_output(value) and (clone := graph.clones.get(value.operator.task_id)) is not None:
        source, path = source_of(clone, value.key)
        return Item(clone.space, source, path)
    if isinstance(value, dict):
        items = {key: _replace(item, graph) for key, item in value.items()}
        return items if any(items[key] is not value[key] for key in value) else value
    if isinstance(value, SEQUENCES):
        old = list(value)
        parts = [_replace(item, graph) for item in old]
        if all(new is before for new, before in zip(parts, old, strict=True)):
            return value
        return rebuilt(value, parts)
    return value
