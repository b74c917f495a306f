"""The named tuple of handles that a call of a task with several outputs returns."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow_dynamic_provider.authoring.references.refusals import missing_attribute
from airflow_dynamic_provider.errors import HandleUsageError

if TYPE_CHECKING:
    from collections.abc import Iterable


class _SaysWhatThereIs:
    """The base of such tuples, whose error for an unknown attribute lists the outputs."""

    __slots__ = ()

    _task_name: ClassVar[str]
    _fields: ClassVar[tuple[str, ...]]

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(f"{self._task_name!r} has no output {name!r}")
        error = HandleUsageError(
            f"has no output {name!r}; its outputs are {', '.join(map(repr, self._fields))}",
            task_id=self._task_name,
            remedy=f"Name one of them: {self._task_name}(...).{self._fields[0]}.",
        )
        raise missing_attribute(error, name, self._fields)


def handle_tuple(task_name: str, outputs: Iterable[str]) -> Any:
    """Return a named tuple class whose error for an unknown attribute lists the outputs.

    Args:
        task_name: The name of the task's function.
        outputs: The names of its outputs, in the order of their declaration.
    """
    base = collections.namedtuple(f"{task_name}_outputs", list(outputs))  # type: ignore[misc]
    return type(base.__name__, (_SaysWhatThereIs, base), {"__slots__": (), "_task_name": task_name})
