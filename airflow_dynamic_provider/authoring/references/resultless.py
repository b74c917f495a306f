"""What a map returns for a task group whose function returns nothing."""

from __future__ import annotations

from typing import NoReturn

from airflow.sdk import TaskGroup

from airflow_dynamic_provider.authoring.references.item import KeyedValues
from airflow_dynamic_provider.authoring.references.refusals import missing_attribute
from airflow_dynamic_provider.errors import HandleUsageError


class ResultlessGroup(TaskGroup):
    """A task group that a mapped function returned, and whose own function returns nothing."""

    __slots__ = ()

    def __getattr__(self, name: str) -> NoReturn:
        if name not in KeyedValues.METHODS:
            raise AttributeError(f"'TaskGroup' object has no attribute {name!r}")
        error = HandleUsageError(
            f"the task group {self.group_id!r} returns nothing, so {name}() has no values to work on",
            remedy="Have the function of the @task_group return the output of one of its tasks.",
        )
        raise missing_attribute(error, name)


def without_result(group: TaskGroup) -> TaskGroup:
    """Make a group say that it returns nothing when it is mapped or collected, and return the group."""
    if type(group) is TaskGroup:
        # It must stay the author's own object, which is ordered with >> and looked up in the Dag.
        group.__class__ = ResultlessGroup
    return group
