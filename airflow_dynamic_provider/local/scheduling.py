"""Decides which task instances a run in memory has, in which order they run, and which do not run."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import expansion
from airflow_dynamic_provider.airflow_adapter.in_memory import Ended, refusal, run_instance
from airflow_dynamic_provider.airflow_adapter.xcom import UNMAPPED
from airflow_dynamic_provider.definitions.states import FAILURES, FINAL, SKIPPED, SUCCESS, UPSTREAM_FAILED
from airflow_dynamic_provider.execution.layout import RETURN_VALUE
from airflow_dynamic_provider.local.rules import RUN, decide

if TYPE_CHECKING:
    from airflow_dynamic_provider.airflow_adapter.in_memory import Instance, MemoryRun

#: The state after a try that failed and is followed by another.
UP_FOR_RETRY = "up_for_retry"


class Scheduler:
    """Runs all task instances of a Dag, one after the other, in rounds.

    In each round, it looks at the states after the round before, as Airflow's scheduler does, and brings all
    task instances to their end that need not wait.

    Attributes:
        errors: The last error of each task instance that failed.
        tries: The number of tries of each task instance that ran.
    """

    def __init__(self, run: MemoryRun) -> None:
        self._run = run
        in_order = run.dag.topological_sort()  # type: ignore[no-untyped-call, unused-ignore]
        self._tasks = {task.task_id: _Task(task) for task in in_order}
        self.errors: dict[Instance, BaseException] = {}
        self.tries: dict[Instance, int] = {}

    def run(self) -> None:
        """Run the Dag to its end."""
        while rest := [task for task in self._tasks.values() if not task.has_ended]:
            for task in rest:
                self._expand(task)
            ready = [(task, index, end) for task in rest for index, end in self._decided(task)]
            for task, index, end in ready:
                self._end(task, index, end)

    def _expand(self, task: _Task) -> None:
        """Find out how many task instances a mapped task has, if this can be known by now."""
        if task.inputs is not None and task.length is None and not task.ends:
            lengths = [each if isinstance(each, int) else self._length_of(each) for each in task.inputs]
            if None not in lengths:
                task.length = prod(length for length in lengths if length is not None)

    def _length_of(self, task_id: str) -> int | None:
        stored = self._run.memory.xcoms.get((task_id, UNMAPPED, RETURN_VALUE))
        is_known = self._tasks[task_id].ends.get(UNMAPPED) == SUCCESS and stored is not None
        return len(expansion.native(stored)) if is_known else None

    def _decided(self, task: _Task) -> list[tuple[int, str]]:
        """Return the map indexes that need not wait, each with its state, or that it runs."""
        decided = []
        for index in task.indexes:
            if index in task.ends:
                continue
            end = self._decide(task, index)
            if index == UNMAPPED and task.inputs is not None:
                end = self._end_unexpanded(task, end)
            if end is not None:
                decided.append((index, end))
        return decided

    def _end_unexpanded(self, task: _Task, end: str | None) -> str | None:
        """Return the state of a mapped task without keys, or with unknown keys; ``None`` if it waits.

        Args:
            task: The task.
            end: What its trigger rule says.
        """
        lists = {self._tasks[each].ends.get(UNMAPPED) for each in task.inputs or () if isinstance(each, str)}
        if lists & FAILURES:
            return UPSTREAM_FAILED
        if SKIPPED in lists and end != UPSTREAM_FAILED:
            return SKIPPED
        if end != RUN:
            return end
        if task.length == 0:
            return SKIPPED
        # The last is for a task that has ended without a list.
        return None if None in lists else UPSTREAM_FAILED

    def _decide(self, task: _Task, index: int) -> str | None:
        task_id = task.operator.task_id
        if {(task_id, index), (task_id, UNMAPPED)} & self._run.memory.skipped:
            return SKIPPED
        upstream: list[str | None] = []
        for other_id in task.operator.upstream_task_ids:
            other = self._tasks[other_id]
            # In a mapped group, a task instance waits for those with its own map index.
            if index != UNMAPPED and task.group is not None and task.group is other.group:
                upstream.append(other.ends.get(index, other.ends.get(UNMAPPED)))
            else:
                upstream += other.states
        return decide(task.rule, upstream)

    def _end(self, task: _Task, index: int, end: str) -> None:
        """Bring a task instance to its end."""
        task.ends[index] = self._tried(task, index) if end == RUN else end
        self._run.memory.states[task.operator.task_id, index] = task.ends[index]

    def _tried(self, task: _Task, index: int) -> str:
        """Run a task instance until it needs no further try, and return its state."""
        own = (task.operator.task_id, index)
        ended = Ended(UP_FOR_RETRY)
        while ended.state == UP_FOR_RETRY:
            self.tries[own] = self.tries.get(own, 0) + 1
            self._run.memory.states[own] = "running"
            ended = run_instance(self._run, task.operator, index, self.tries[own])
        if ended.state not in FINAL:
            raise refusal(f"is {ended.state} and waits for Airflow to resume it", own[0])
        if ended.error is not None:
            self.errors[own] = ended.error
        return ended.state


class _Task:
    """A task in a run.

    Attributes:
        operator: The task.
        rule: Its trigger rule.
        group: The mapped group that it is in.
        inputs: What it is expanded over; ``None`` if it runs once.
        length: The number of its task instances if it is mapped; ``None`` as long as it is not known.
        ends: Map index -> state, of the task instances that have ended.
    """

    def __init__(self, operator: Any) -> None:
        self.operator = operator
        self.rule = str(operator.trigger_rule.value)
        self.group = expansion.group_of(operator)
        self.inputs = expansion.inputs_of(operator)
        self.length: int | None = None
        self.ends: dict[int, str] = {}

    @property
    def indexes(self) -> range:
        """The map indexes: -1 alone if it is not mapped, or not yet, or has no keys."""
        return range(self.length) if self.length and UNMAPPED not in self.ends else range(UNMAPPED, 0)

    @property
    def has_ended(self) -> bool:
        """Whether all its task instances have ended."""
        return len(self.ends) == len(self.indexes)

    @property
    def states(self) -> list[str | None]:
        """The states of its task instances; ``None`` for each that has not ended."""
        return [self.ends.get(index) for index in self.indexes]
