"""Evaluates a mapped function once, and clones the tasks that it calls for each key."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, TaskGroup, XComArg

from airflow_dynamic_provider.airflow_adapter import task_graph
from airflow_dynamic_provider.authoring.arranging.arguments import CONTEXT_NAMES, find_misfit
from airflow_dynamic_provider.authoring.arranging.cloning import adopt_new_tasks, source_of
from airflow_dynamic_provider.authoring.arranging.segments import arrange
from airflow_dynamic_provider.authoring.model.scope import MapScope, current_scope, enter_scope
from airflow_dynamic_provider.authoring.references.item import Item, KeyedReference, KeyedValues
from airflow_dynamic_provider.authoring.references.refusals import is_task_output
from airflow_dynamic_provider.errors import DynamicOutputsError, MapFunctionError
from airflow_dynamic_provider.execution.layout import RETURN_VALUE

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_dynamic_provider.authoring.model.scope import BatchesOfMap
    from airflow_dynamic_provider.definitions.batches import Batch
    from airflow_dynamic_provider.definitions.cache import Cache
    from airflow_dynamic_provider.execution.limits import Limit


# The classes of references, as Python's own errors name them.
_A_REFERENCE = r"\b(Item|Handle|PairHandle|Collection)\b"


def map_over(
    handle: KeyedValues,
    fn: Callable[..., Any],
    max_active: int | None,
    batch: int | Batch | None = None,
    cache: Cache | str | None = None,
    max_failures: float | None = None,
) -> Any:
    """Clone the tasks that ``fn`` calls, once per key of the handle, and return its outputs.

    Returns:
        The return value of ``fn``, in which each output with a value per key is replaced by an `Item`.

    Raises:
        MapFunctionError: ``fn`` is not a function, calls no task, or returns something that is not a task's
            output; or the handle was not made in the enclosing map.
    """
    _check_arguments(handle, fn, max_active)
    space, dag, around = handle.space, handle.space.graph.dag, current_scope()
    if around is not None:
        if not around.space.encloses(space):
            raise _error(
                handle,
                f"is mapped inside a map over {around.space.name!r}, but was not made in it",
                "Map it outside, or use product() to pair every key with every key. Inside, map handles of a "
                "@task.dynamic that the mapped function itself calls.",
            )
        # The tasks that the enclosing function has called so far must be its clones before this map starts.
        adopt_new_tasks(around)
    elif not space.segments:
        space.home = task_graph.current_group(dag)
    batches = None if batch is None else _batches(handle, batch)
    limit = None if max_failures is None else _limit(handle, max_failures)
    scope = MapScope(
        space,
        frozenset(dag.task_ids),
        frozenset(task_graph.group_ids(dag)),
        max_active,
        batches,
        None if cache is None else _cache(cache),
        limit,
    )
    with enter_scope(scope), task_graph.filled_later(CONTEXT_NAMES):
        returned = _call(handle, fn)
        adopt_new_tasks(scope)
        has_new = any(task_id not in scope.known_tasks for task_id in dag.task_ids)
        if not has_new and (not isinstance(returned, KeyedReference) or _is_whole(returned, handle)):
            raise _not_an_output(handle, fn, returned)
        outputs = with_each_output(returned, functools.partial(_as_output, handle, fn))
    if around is None:
        arrange(space.graph)
    return outputs


def _batches(handle: KeyedValues, batch: int | Batch) -> BatchesOfMap:
    # Imported here, because most maps run each key in a task instance of its own.
    from airflow_dynamic_provider.authoring.arranging.batching import ensure_batches
    from airflow_dynamic_provider.definitions.batches import Batch

    return ensure_batches(handle, Batch.of(batch))


def _cache(cache: Cache | str) -> Cache:
    # Imported here, because most maps keep no results.
    from airflow_dynamic_provider.definitions.cache import Cache

    return Cache.of(cache)


def _limit(handle: KeyedValues, max_failures: Any) -> Limit:
    """Return the limit to the failed keys of a map."""
    # Imported here, because most maps have no limit.
    from airflow_dynamic_provider.execution.limits import Limit

    is_count = isinstance(max_failures, int) and not isinstance(max_failures, bool) and max_failures >= 0
    is_share = isinstance(max_failures, float) and 0 <= max_failures <= 1
    if not is_count and not is_share:
        from airflow_dynamic_provider.definitions.excerpts import excerpt

        raise _error(
            handle,
            f"map() received max_failures={excerpt(max_failures)}",
            "Pass how many keys may fail: a whole number from 0 up, or a share from 0.0 to 1.0 as a float.",
        )
    limit = Limit(max_failures, handle.space.spec)
    handle.space.graph.limits[limit] = []
    return limit


def _check_arguments(handle: KeyedValues, fn: Any, max_active: Any) -> None:
    if not callable(fn) and not task_graph.is_partial(fn):
        raise _error(
            handle,
            f"map() takes a function that calls tasks, received {_shown(fn)}",
            "Pass a @task function, a @task_group, or a lambda such as lambda item: my_task(item).",
        )
    if task_graph.is_partial(fn):
        raise _error(
            handle,
            "map() received the result of partial(), which only Airflow's own expand() takes",
            "Pass the other arguments in a lambda: handle.map(lambda item: my_task(item, other=1)).",
        )
    is_count = isinstance(max_active, int) and not isinstance(max_active, bool) and max_active >= 1
    if max_active is not None and not is_count:
        # Imported here, because only a refusal needs it.
        from airflow_dynamic_provider.definitions.excerpts import excerpt

        raise _error(
            handle, f"map() received max_active={excerpt(max_active)}", "Pass a whole number of at least 1."
        )


def _call(handle: KeyedValues, fn: Callable[..., Any]) -> Any:
    items = handle.items
    if (misfit := find_misfit(fn, items)) is not None:
        raise _error(handle, *misfit)
    try:
        return fn(*items)
    except TypeError as error:
        if isinstance(error, DynamicOutputsError) or not re.search(_A_REFERENCE, str(error)):
            raise
        name = getattr(fn, "__name__", repr(fn))
        raise _error(
            handle,
            f"the mapped function {name!r} treated its item as a value: {error}",
            "It runs once, in the Dag file, where no value exists yet: decorate it with @task, or pass the "
            "item to a task.",
        ).raised_by(error) from error


def with_each_output(returned: Any, change: Callable[[Any], Any]) -> Any:
    """Return the output of a mapped function, or each output in a tuple, after applying ``change`` to it."""
    if isinstance(returned, tuple):
        outputs = [change(each) for each in returned]
        return type(returned)(*outputs) if hasattr(returned, "_fields") else tuple(outputs)
    return change(returned)


def _as_output(handle: KeyedValues, fn: Callable[..., Any], returned: Any) -> Any:
    space = handle.space
    if returned is None:
        return None
    if isinstance(returned, TaskGroup):
        from airflow_dynamic_provider.authoring.references.resultless import without_result

        return without_result(returned)
    if isinstance(returned, Item):
        if returned.space is space and not returned.via:
            return returned
        if returned.space is space:
            return _rekeyed(handle, returned)
    elif isinstance(returned, KeyedValues):
        if returned.space is space or space.encloses(returned.space):
            return returned
    elif isinstance(returned, BaseOperator) or is_task_output(returned):
        operator = returned if isinstance(returned, BaseOperator) else returned.operator
        clone = space.graph.clones.get(operator.task_id)
        if clone is not None and clone.space is space:
            key = RETURN_VALUE if isinstance(returned, BaseOperator) else returned.key
            return Item(space, *source_of(clone, key))
    raise _not_an_output(handle, fn, returned)


def _is_whole(returned: Any, handle: KeyedValues) -> bool:
    """Return whether a mapped function that calls no task returned its item unchanged."""
    return len(handle.items) == 1 and returned.source is handle.source and returned.path == handle.path


def _rekeyed(handle: KeyedValues, side: Item) -> Item:
    """Return one side of a joined handle as an item of the joined keys: a part of the pair."""
    return Item(handle.space, handle.source, (*side.via, *side.path))


def _not_an_output(handle: KeyedValues, fn: Callable[..., Any], returned: Any) -> MapFunctionError:
    name = getattr(fn, "__name__", repr(fn))
    if isinstance(returned, Item) and _is_whole(returned, handle):
        return _error(
            handle,
            f"the mapped function {name!r} calls no task and returned its item, so nothing runs for a key",
            "It runs once, in the Dag file: decorate it with @task, or have it call tasks.",
        )
    if isinstance(returned, XComArg):
        return _error(
            handle,
            f"the mapped function {name!r} returned {returned!r}, which is not of this key space",
            "Return the output of a task that the function itself calls.",
        )
    return _error(
        handle,
        f"the mapped function {name!r} returned {_shown(returned)}, which is not the output of a task",
        "It runs once, in the Dag file: decorate it with @task, or have it call tasks and return their "
        "outputs, one or a tuple of them.",
    )


def _shown(value: Any) -> str:
    from airflow_dynamic_provider.definitions.excerpts import excerpt

    return f"{excerpt(value)} of type {type(value).__name__}"


def _error(handle: KeyedValues, message: str, remedy: str) -> MapFunctionError:
    return MapFunctionError(
        message, task_id=handle.source.task_id, output_name=handle.source.output, remedy=remedy
    )
