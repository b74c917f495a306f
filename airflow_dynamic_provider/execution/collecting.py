"""Reads what clones produced, by key, for a collector that runs.

A collection of any size costs three API calls: the keys, the results, the states. Airflow's own lazy sequence
costs one for each result, and addresses results by position.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.keys import PATH_SEPARATOR
from airflow_dynamic_provider.errors import CollectError
from airflow_dynamic_provider.execution import layout, xcom
from airflow_dynamic_provider.execution.references import select

if TYPE_CHECKING:
    from collections.abc import MutableMapping

_STATES_KEY = "dynamic_states"

_FAILED = frozenset({"failed", "upstream_failed"})


@dataclass(frozen=True)
class CollectionSpec:
    """What is collected.

    Attributes:
        producer_id: The task that produces the keys.
        producer_output: Its dynamic output.
        keys_xcom: The XCom of the producing task that lists the keys.
        is_required: Whether zero keys are an ordinary, empty collection.
        task_id: The cloned task whose results are collected; ``None`` for the dynamic output itself.
        output: That task's output.
        path: What is selected from each value.
        keyed: Whether to give a dict instead of a list.
    """

    producer_id: str
    producer_output: str
    keys_xcom: str
    is_required: bool
    task_id: str | None
    output: str
    path: tuple[Any, ...]
    keyed: bool


@dataclass
class CollectorSpec:
    """What a collector has to know at run time, written while the Dag file is parsed.

    Attributes:
        task_id: The collector.
        collected_ids: The cloned tasks it collects.
        is_relaxed: Whether its trigger rule was widened from ``all_success`` to ``none_failed``, so that a
            skipped clone does not skip it. It then skips itself when any *other* upstream task was skipped.
        same_key_ids: Upstream tasks that run for the same key, when the collector is a clone itself.
    """

    task_id: str
    collected_ids: set[str] = field(default_factory=set)
    is_relaxed: bool = False
    same_key_ids: set[str] = field(default_factory=set)


def collect(
    context: MutableMapping[str, Any], spec: CollectionSpec, collector: CollectorSpec
) -> list[Any] | dict[Any, Any]:
    """Return the values of a collection, in the order of the keys. Three API calls.

    Raises:
        AirflowSkipException: The producing task was skipped, or there are no keys and the output is not
            required, or the collector would have been skipped under ``all_success``.
        CollectError: A clone failed, or has not finished, or left no result for its key.
    """
    states = _states(context, collector)
    _skip_like_all_success(context, collector, states)
    stored = xcom.pull(context, spec.producer_id, spec.keys_xcom)
    if stored is None:
        raise _skip(f"{spec.producer_id!r} produced nothing to collect: it was skipped or cleared")
    keys = layout.unpack_keys(stored)
    if not keys and not spec.is_required:
        raise _skip(f"{spec.producer_id!r} produced no key for {spec.producer_output!r}")
    if not keys:
        found: dict[tuple[str, ...], Any] = {}
    elif spec.task_id is None:
        found = _collect_items(context, spec, keys)
    else:
        found = _collect_results(context, spec, spec.task_id, keys, states)
    selected = {key: select(value, spec.path) for key, value in found.items()}
    return {key[-1]: value for key, value in selected.items()} if spec.keyed else list(selected.values())


def _collect_items(
    context: MutableMapping[str, Any], spec: CollectionSpec, keys: list[tuple[str, ...]]
) -> dict[tuple[str, ...], Any]:
    stored = xcom.pull(context, spec.producer_id, layout.values_xcom(spec.producer_output))
    values = [] if stored is None else layout.unpack_values(stored)
    if len(values) != len(keys):
        raise CollectError(
            f"stored {len(keys)} keys but {len(values)} values to collect",
            task_id=spec.producer_id,
            output_name=spec.producer_output,
            remedy=f"The Dag file has changed: clear {spec.producer_id!r} with its downstream tasks.",
        )
    return dict(zip(keys, values, strict=True))


def _collect_results(
    context: MutableMapping[str, Any],
    spec: CollectionSpec,
    task_id: str,
    keys: list[tuple[str, ...]],
    states: xcom.States,
) -> dict[tuple[str, ...], Any]:
    stored = xcom.pull_all(context, task_id, layout.result_xcom(spec.output))
    results = {
        result.key_path: result
        for result in map(layout.StoredResult.unpack, stored)
        # Whoever did not succeed in its current attempt may still hold a result of an earlier one.
        if states.get((task_id, result.map_index)) == "success"
    }
    found = {}
    for position, key in enumerate(keys):
        result = results.get(key)
        if result is None:
            _check_absence(spec, task_id, key, states.get((task_id, position)))
        elif result.is_produced:
            found[key] = result.value
    return found


def _check_absence(spec: CollectionSpec, task_id: str, key: tuple[str, ...], state: str | None) -> None:
    if state == "skipped":
        return
    if state in _FAILED:
        problem, remedy = f"its clone is {state}", "Clear the failed clone with its downstream tasks."
    elif state == "success":
        problem = "its clone succeeded without a result: it was marked as success, or ran for another key"
        remedy = f"Clear {task_id!r} with its downstream tasks."
    elif state in (None, "removed"):
        problem, remedy = "no clone ran for it", f"Clear {task_id!r} with its downstream tasks."
    else:
        problem = f"its clone is still {state}"
        remedy = "Leave the collector's trigger rule at its default, so that it waits."
    raise CollectError(
        problem,
        task_id=task_id,
        output_name=spec.output,
        mapping_key=PATH_SEPARATOR.join(key),
        remedy=remedy,
    )


def _states(context: MutableMapping[str, Any], collector: CollectorSpec) -> xcom.States:
    wanted = set(collector.collected_ids)
    if collector.is_relaxed:
        wanted |= set(context["task"].upstream_task_ids)
    if not wanted:
        return {}
    # One answer serves every collection of this task instance.
    states: xcom.States | None = context.get(_STATES_KEY)
    if states is None:
        states = context[_STATES_KEY] = xcom.read_states(context, sorted(wanted))
    return states


def _skip_like_all_success(
    context: MutableMapping[str, Any], collector: CollectorSpec, states: xcom.States
) -> None:
    if not collector.is_relaxed:
        return
    own_index = xcom.map_index_of(context)
    for (task_id, map_index), state in states.items():
        if state != "skipped" or task_id in collector.collected_ids:
            continue
        if task_id not in collector.same_key_ids or map_index == own_index:
            raise _skip(f"its upstream task {task_id!r} was skipped")


def _skip(reason: str) -> Exception:
    from airflow_dynamic_provider.version_compat import AirflowSkipException

    return AirflowSkipException(f"Nothing to collect: {reason}.")
