"""What a run in plain Python gives: the outcome of each task and key."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_dynamic_provider.definitions.metadata import MetadataValue


@dataclass(frozen=True)
class LocalOutcome:
    """What became of a task, or of one of its keys.

    Attributes:
        state: ``"success"``, ``"failed"``, ``"skipped"`` or ``"upstream_failed"``.
        value: What the function returned, if it succeeded. Of a task with declared outputs, a dict of output
            -> value, where a dynamic output is a dict of mapping key -> value.
        error: The last error that it raised, if it failed. Of a key in a batch that ran in another process,
            a text.
        metadata: Output -> label -> value.
        tries: How often it was started.
    """

    state: str
    value: Any = None
    error: BaseException | str | None = None
    metadata: Mapping[str, Mapping[str, MetadataValue]] = field(default_factory=dict)
    tries: int = 0


@dataclass(frozen=True)
class LocalTask:
    """What became of a task.

    Attributes:
        task_id: The task.
        keys: Mapping key -> outcome, ``outer/inner`` for a path, in the order of the keys; ``None`` if the
            task runs once.
        once: The outcome of a task that runs once, or that ended before its keys were known.
    """

    task_id: str
    keys: Mapping[str, LocalOutcome] | None = None
    once: LocalOutcome | None = None

    @property
    def states(self) -> dict[str, str]:
        """Mapping key -> state."""
        return {key: outcome.state for key, outcome in self._keyed.items()}

    @property
    def values(self) -> dict[str, Any]:
        """Mapping key -> value, for the keys that succeeded."""
        return {key: each.value for key, each in self._keyed.items() if each.state == "success"}

    @property
    def errors(self) -> dict[str, BaseException | str]:
        """Mapping key -> error, for the keys that failed."""
        return {key: each.error for key, each in self._keyed.items() if each.error is not None}

    @property
    def _keyed(self) -> Mapping[str, LocalOutcome]:
        if self.keys is None:
            raise LookupError(f"the task {self.task_id!r} runs once; use .once or result()")
        return self.keys


@dataclass(frozen=True)
class LocalResult:
    """A run of a Dag in plain Python.

    Attributes:
        state: ``"success"`` or ``"failed"``.
        tasks: Task id -> what became of it, for the author's tasks, in the order in which they ran.
    """

    state: str
    tasks: Mapping[str, LocalTask]

    def task(self, task_id: str) -> LocalTask:
        """Return what became of a task.

        Raises:
            LookupError: The Dag has no such task.
        """
        if task_id not in self.tasks:
            known = ", ".join(map(repr, self.tasks))
            raise LookupError(f"the Dag has no task {task_id!r}; it has {known}")
        return self.tasks[task_id]

    def result(self, task_id: str) -> Any:
        """Return the value of a task that runs once; raise its error if it failed.

        Raises:
            LookupError: The Dag has no such task, the task runs for each key, or it was not run.
        """
        once = self.task(task_id).once
        if once is None:
            raise LookupError(f"the task {task_id!r} runs for each key; use task({task_id!r}).values")
        if isinstance(once.error, BaseException):
            raise once.error
        if once.state != "success":
            raise LookupError(f"the task {task_id!r} is {once.state} and has no value")
        return once.value
