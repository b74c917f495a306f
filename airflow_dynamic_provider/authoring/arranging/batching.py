"""Makes cloned tasks run many keys in one task instance, and refuses those that cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import TriggerRule

from airflow_dynamic_provider.airflow_adapter import objects
from airflow_dynamic_provider.authoring.model.scope import BatchesOfMap
from airflow_dynamic_provider.authoring.references.usage import note_reference
from airflow_dynamic_provider.errors import HandleUsageError, MapFunctionError
from airflow_dynamic_provider.execution.layout import ITEMS_PER_PAGE
from airflow_dynamic_provider.execution.operators import DynamicTaskOperator
from airflow_dynamic_provider.execution.spaces import ProducedSpace

if TYPE_CHECKING:
    from airflow_dynamic_provider.authoring.model.dag_graph import ClonedTask, DagGraph, KeySpace
    from airflow_dynamic_provider.authoring.references.item import KeyedValues
    from airflow_dynamic_provider.definitions.batches import Batch
    from airflow_dynamic_provider.definitions.cache import Cache
    from airflow_dynamic_provider.execution.spaces import Cut

# With these trigger rules, a task after batches runs in the same cases as after single clones.
_RULES_OF_BATCHES = frozenset(
    {
        TriggerRule.ALL_SUCCESS,
        TriggerRule.ALL_DONE,
        TriggerRule.ALL_DONE_SETUP_SUCCESS,
        TriggerRule.ALWAYS,
        TriggerRule.NONE_FAILED,
        TriggerRule.ONE_FAILED,
    }
)

_WITHOUT_BATCH = "Map it without batch=, or do the work in a @task function."


def ensure_batches(handle: KeyedValues, settings: Batch) -> BatchesOfMap:
    """Return how the tasks of a map run in batches. The same limits share one division into batches."""
    space = handle.space
    if settings.size < ITEMS_PER_PAGE:
        space.note_single_readers()
    elif isinstance(space.spec, ProducedSpace):
        # A batch reads a thousand values with one call from the pages of a collected output.
        space.graph.task(space.spec.producer_id).batched_outputs.add(space.spec.output)
    source = handle.source if settings.bytes is not None else None
    known = (settings.size, settings.bytes, source)
    if known not in space.cuts:
        space.cuts[known] = _make_cut(space, settings, source)
    return BatchesOfMap(space.cuts[known], settings)


def _make_cut(space: KeySpace, settings: Batch, source: Any) -> Cut:
    from airflow_dynamic_provider.execution.batches.listing import BatchesOperator
    from airflow_dynamic_provider.execution.spaces import Cut

    graph = space.graph
    upstream = [graph.task(space.spec.keys_task_id)]
    if source is not None:
        note_reference(graph, source, is_collected=True)
        upstream += [graph.ensure_done_after(graph.task(clone.task_id)) for clone in source.clones]
    task_id = graph.free_id(f"{space.name}__batches")
    graph.make_helper(
        BatchesOperator,
        task_id,
        space.home,
        *upstream,
        space=space.spec,
        size=settings.size,
        limit=settings.bytes,
        source=source,
        task_display_name=f"batches of {space.name}",
        doc_md=f"Divides the keys of {space.name} into batches, for Airflow to expand over.",
    )
    return Cut(space.spec, task_id)


def refuse_unbatchable(task: Any, space: KeySpace, cache: Cache | None) -> None:
    """Refuse a task of a mapped function that cannot run many keys in one task instance.

    Raises:
        MapFunctionError: It is not a plain ``@task`` or ``@task.dynamic``, or has settings that apply to one
            task instance.
    """
    if not objects.runs_plain_function(type(task)) and type(task) is not DynamicTaskOperator:
        name = getattr(task, "custom_operator_name", None) or type(task).__name__
        raise _error(
            space,
            f"the function that is mapped in batches calls {task.task_id!r}, which is a {name}: only the "
            "functions of @task and @task.dynamic run many keys in one task instance",
            _WITHOUT_BATCH,
        )
    kept = cache_of(task, cache)
    if kept is not None and kept.serialize:
        raise _error(
            space,
            f"the function that is mapped in batches calls {task.task_id!r}, whose cache has "
            "serialize=True: the batch would have to wait for other task instances",
            "Leave serialize= out, or map it without batch=.",
        )
    # A collection among its arguments has made the rule of a task that had the default rule tolerant.
    is_default = space.graph.collector_of(task.task_id).is_relaxed
    if task.trigger_rule != TriggerRule.ALL_SUCCESS and not is_default:
        raise _error(
            space,
            f"the function that is mapped in batches calls {task.task_id!r}, whose trigger rule "
            f"{TriggerRule(task.trigger_rule).value!r} would apply to the batch and not to each key",
            "Leave the rule at its default, or map it without batch=.",
        )
    for setting in objects.settings_of_one_run(task):
        raise _error(
            space,
            f"the function that is mapped in batches calls {task.task_id!r}, whose {setting} would apply to "
            "the batch and not to each key",
            f"Leave {setting} out, or map it without batch=.",
        )


def cache_of(task: Any, cache: Cache | None) -> Cache | None:
    """Return how the results of a task are kept: as its map says, else as the task itself says."""
    own = getattr(task, "results", None)
    return cache if own is None or cache is not None else own.cache


def refuse_rules_after(graph: DagGraph, clone: ClonedTask) -> None:
    """Refuse a task after a batched task whose trigger rule depends on how many clones have which state.

    Raises:
        HandleUsageError: Airflow would apply the rule to batches and not to keys.
    """
    for task_id in sorted(clone.operator.downstream_task_ids - graph.helpers - graph.gate_ids):
        rule = graph.task(task_id).trigger_rule
        if rule not in _RULES_OF_BATCHES:
            raise HandleUsageError(
                f"runs in batches, and {task_id!r} runs after it with the trigger rule "
                f"{TriggerRule(rule).value!r}, which would apply to the batches and not to the keys",
                task_id=clone.operator.task_id,
                remedy="Map it without batch=, or pass handle.states() to a task and decide there.",
            )


def run_in_batches(clone: ClonedTask, cache: Cache | None) -> None:
    """Have a task run its function for each key of its batch, unless the result of the key is kept."""
    from airflow_dynamic_provider.execution.batches.arguments import Given
    from airflow_dynamic_provider.execution.batches.task import BatchedFunction

    task = clone.operator
    given = Given(list(task.op_args), dict(task.op_kwargs))
    function = task.python_callable
    if isinstance(task, DynamicTaskOperator):
        from airflow_dynamic_provider.execution.batches.producing import ProducingFunction

        function = ProducingFunction(function, task.task_id, task.declarations)
        task.runs_batches = True
    task.op_args, task.op_kwargs = [], {}
    results = None
    if (kept := cache_of(task, cache)) is not None:
        from airflow_dynamic_provider.cache.batched import CachedKeys

        results = CachedKeys(kept, function)
    task.python_callable = BatchedFunction(clone.spec, function, given, results)
    if (policy := getattr(task, "retry_policy", None)) is not None:
        # Imported here, because most tasks have no retry policy.
        from airflow_dynamic_provider.execution.batches.policies import BatchRetryPolicy

        task.retry_policy = BatchRetryPolicy(policy)
    # A batch of many keys would log the value of none of them.
    task.show_return_value_in_logs = False


def _error(space: KeySpace, message: str, remedy: str) -> MapFunctionError:
    task_id, output = space.producer.task_id, getattr(space, "output", None)
    return MapFunctionError(message, task_id=task_id, output_name=output, remedy=remedy)
