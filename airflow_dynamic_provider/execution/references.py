"""Resolves, in a clone, the references that its operator was given in the Dag file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.errors import ReadError, StaleKeyError
from airflow_dynamic_provider.execution.clones import CloneRuntime, CloneSpec, read_upstream, start_clone
from airflow_dynamic_provider.execution.layout import PRODUCED_XCOM
from airflow_dynamic_provider.execution.xcom import pull, read_states

if TYPE_CHECKING:
    from collections.abc import MutableMapping


def resolve_item(context: MutableMapping[str, Any], spec: CloneSpec, path: tuple[Any, ...]) -> Any:
    """Return the value of the dynamic output that this clone was made for."""
    runtime = start_clone(context, spec)
    return _select_for(runtime, runtime.item.value, path)


def resolve_upstream(
    context: MutableMapping[str, Any], spec: CloneSpec, task_id: str, output: str, path: tuple[Any, ...]
) -> Any:
    """Return what another task produced for this clone's key.

    Raises:
        AirflowSkipException: That output is optional and was not produced, or that task was skipped for
            this key.
        StaleKeyError: That task holds nothing for this key although this clone was started.
    """
    from airflow_dynamic_provider.version_compat import AirflowSkipException

    runtime = start_clone(context, spec)
    result = read_upstream(context, runtime, task_id, output)
    if result is not None and result.is_produced:
        return _select_for(runtime, result.value, path)
    if result is not None:
        raise AirflowSkipException(f"{task_id!r} produced no {output!r} for the key {runtime.mapping_key!r}.")
    return _resolve_absent(context, runtime, task_id, output)


def _resolve_absent(
    context: MutableMapping[str, Any], runtime: CloneRuntime, task_id: str, output: str
) -> None:
    from airflow_dynamic_provider.version_compat import AirflowSkipException

    state = read_states(context, [task_id]).get((task_id, runtime.map_index))
    if not runtime.spec.needs_success and state != "success":
        # The author lets this task run whatever became of the other; as with any Airflow task, that is None.
        return
    if state == "skipped":
        raise AirflowSkipException(f"{task_id!r} was skipped for the key {runtime.mapping_key!r}.")
    raise StaleKeyError(
        f"its clone is {state or 'not there'} and holds no result",
        task_id=task_id,
        output_name=output,
        mapping_key=runtime.mapping_key,
        remedy=f"Clear {task_id!r} for this key, with its downstream tasks.",
    )


def _select_for(runtime: CloneRuntime, value: Any, path: tuple[Any, ...]) -> Any:
    try:
        return select(value, path)
    except ReadError as error:
        raise error.about(task_id=runtime.spec.task_id, mapping_key=runtime.mapping_key) from error.__cause__


def skip_unless_produced(context: MutableMapping[str, Any], task_id: str, output: str) -> None:
    """Skip the running task if an optional output was not produced. One API call.

    Raises:
        AirflowSkipException: It was not.
    """
    from airflow_dynamic_provider.version_compat import AirflowSkipException

    if output not in (pull(context, task_id, PRODUCED_XCOM) or ()):
        raise AirflowSkipException(f"{task_id!r} did not produce its optional output {output!r}.")


def select(value: Any, path: tuple[Any, ...]) -> Any:
    """Return ``value[a][b]...`` for the path ``(a, b, ...)``.

    Raises:
        ReadError: The value has no such part.
    """
    for part in path:
        try:
            value = value[part]
        except (LookupError, TypeError) as error:
            raise ReadError(
                f"cannot select [{part!r}] from a value of type {type(value).__name__}: {error!r}"
            ) from error
    return value
