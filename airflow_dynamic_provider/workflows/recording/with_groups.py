"""Records ``with TaskGroup("name"):`` in a body: the calls inside become nodes under its name."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.errors import WorkflowCallError
from airflow_dynamic_provider.workflows.operators.making import scratch_dag
from airflow_dynamic_provider.workflows.recording.current import unrecorded
from airflow_dynamic_provider.workflows.recording.entries import CallEntry

if TYPE_CHECKING:
    from airflow_dynamic_provider.workflows.recording.recorder import Recorder


def make_group(recorder: Recorder, original: Any, group: Any, *args: Any, **kwargs: Any) -> None:
    """Make a task group and record it as a call of the body.

    Raises:
        WorkflowCallError: It has settings that nodes do not take.
        NodeNameError: Its name is refused, or another call of the body has it.
    """
    parent = kwargs.pop("parent_group", None)
    with unrecorded(), scratch_dag():
        original(group, *args, **kwargs)
    refuse_default_args(group.group_id, group.default_args)
    if not group.prefix_group_id:
        raise WorkflowCallError(
            f"the task group {group.group_id!r} has prefix_group_id=False, but the name of a node begins "
            "with that of its group",
            remedy="Leave out prefix_group_id=, or call the tasks outside of the group.",
        )
    around = recorder.entry_of(parent)
    with recorder.inside(around) if isinstance(around, CallEntry) else nullcontext():
        entry = recorder.call(group.group_id, is_explicit=not group.add_suffix_on_collision)
    recorder.know(group, entry)


def enter_group(recorder: Recorder, original: Any, group: Any) -> Any:
    """Record the following calls as part of the group."""
    entry = recorder.entry_of(group)
    if not isinstance(entry, CallEntry):
        return original(group)
    block = recorder.inside(entry)
    block.__enter__()
    recorder.blocks.append(block)
    return group


def exit_group(recorder: Recorder, original: Any, group: Any, *raised: Any) -> None:
    """Record the following calls outside of the group again."""
    if recorder.entry_of(group) is None:
        original(group, *raised)
    else:
        recorder.blocks.pop().__exit__(*raised)


def refuse_default_args(name: str, default_args: Any) -> None:
    """Refuse a group's settings for its tasks.

    Raises:
        WorkflowCallError: There are such settings.
    """
    if default_args:
        raise WorkflowCallError(
            f"the task group {name!r} has default_args, which nodes do not take",
            remedy="Set them on the tasks instead: @task(pool=...).",
        )
