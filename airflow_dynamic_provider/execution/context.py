"""The functions that a running task may call: for its mapping key, and for metadata of its outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from airflow_dynamic_provider.definitions.keys import DEFAULT_OUTPUT, check_mapping_key
from airflow_dynamic_provider.definitions.metadata import normalize_metadata
from airflow_dynamic_provider.errors import DynamicOutputsError, UnexpectedOutputError
from airflow_dynamic_provider.execution.clones import RUNTIME_KEY, CloneRuntime
from airflow_dynamic_provider.execution.metadata import gathered_metadata
from airflow_dynamic_provider.execution.producing import PRODUCTION_KEY, Production

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping


def get_mapping_key() -> str | None:
    """Return the mapping key that this task instance runs for. Call it in the task's process.

    Returns:
        The key, ``outer/inner`` for a nested key; ``None`` outside a clone.

    Raises:
        RuntimeError: No task is running in this process.

    Example:
        >>> @task
        ... def work(path):
        ...     print(f"working on {get_mapping_key()}")
    """
    clone = _clone()
    return None if clone is None else clone.mapping_key


def get_mapping_key_path() -> tuple[str, ...]:
    """Return the mapping keys that this task instance runs for, the outermost first.

    Call it in the task's process.

    Returns:
        One key for each enclosing dynamic output; an empty tuple outside a clone.

    Raises:
        RuntimeError: No task is running in this process.
    """
    clone = _clone()
    return () if clone is None else clone.key_path


def add_output_metadata(
    metadata: Mapping[str, Any], *, output_name: str | None = None, mapping_key: str | None = None
) -> None:
    r"""Attach metadata to an output of the running task. Call it in the task's process, in any kind of task.

    The metadata is stored at once (one API call), so it is kept if the task fails later. Later calls add to
    it. The last value of a label takes precedence, also over the ``metadata=`` of the output itself.

    Args:
        metadata: Label -> value, as for `MetadataValue`.
        output_name: The output. The default is the only output of the task.
        mapping_key: A key of a dynamic output that this task produces. By default the metadata belongs to
            the output as a whole.

    Raises:
        InvalidMetadataError: A label or value cannot be stored.
        InvalidMappingKeyError: The key is refused.
        UnexpectedOutputError: The task declares no such output, or a key is given for a static output.
        RuntimeError: No task is running in this process.

    Example:
        >>> @task
        ... def count_lines(path):
        ...     lines = Path(path).read_text().count("\n")
        ...     add_output_metadata({"lines": lines})
        ...     return lines
    """
    context = _context()
    clone: CloneRuntime | None = context.get(RUNTIME_KEY)
    # A key of a batch may run in another process, which has no task instance.
    task_id = context["ti"].task_id if clone is None else clone.spec.task_id
    try:
        normalized = normalize_metadata(metadata)
        production: Production | None = context.get(PRODUCTION_KEY)
        if production is not None:
            output_name = production.check_metadata_target(output_name, mapping_key)
        else:
            _check_plain_target(context, output_name, mapping_key)
        if mapping_key is not None:
            check_mapping_key(mapping_key)
    except DynamicOutputsError as error:
        raise error.about(task_id=task_id, output_name=output_name, mapping_key=mapping_key) from None
    gathered = gathered_metadata(context)
    gathered.add(output_name or DEFAULT_OUTPUT, mapping_key, normalized)
    gathered.store(context)


def _check_plain_target(context: Mapping[str, Any], output_name: str | None, mapping_key: str | None) -> None:
    """Refuse metadata for a key or an output that a task without declared outputs does not have."""
    if mapping_key is not None:
        raise UnexpectedOutputError(
            "takes metadata for single mapping keys only in a task with a dynamic output",
            output_name=output_name,
            remedy="Leave mapping_key= out. In a clone, metadata always belongs to its key.",
        )
    clone: CloneRuntime | None = context.get(RUNTIME_KEY)
    known = {None, DEFAULT_OUTPUT} | (set() if clone is None else clone.spec.stored_outputs)
    if output_name not in known and not getattr(context["task"], "multiple_outputs", False):
        raise UnexpectedOutputError(
            "received metadata, but this task declares no outputs",
            output_name=output_name,
            remedy="Leave output_name= out, or declare the output: @task.dynamic(out={...}).",
        )


def _context() -> MutableMapping[str, Any]:
    from airflow.sdk import get_current_context

    # This is the dict that Airflow itself uses, so later calls see what is added to it here.
    return cast("MutableMapping[str, Any]", get_current_context())


def _clone() -> CloneRuntime | None:
    return _context().get(RUNTIME_KEY)
