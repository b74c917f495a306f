"""The gate before a clone that depends on clones of another mapped group.

Between two mapped groups, Airflow waits for all clones of a task. A gate is a clone that waits until all of
them are done, checks those that matter to its own key, and then succeeds, fails or is skipped. In the gate's
own mapped group, Airflow applies this state to the downstream clones of this key only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.states import FAILED, FAILURES, SKIPPED, SUCCESS
from airflow_dynamic_provider.execution.clones import RUNTIME_KEY, CloneRuntime, CloneSpec
from airflow_dynamic_provider.execution.collecting import indexes_under, own_prefix
from airflow_dynamic_provider.execution.columns.making import make_column
from airflow_dynamic_provider.execution.columns.reader import Reader
from airflow_dynamic_provider.execution.helpers import HelperOperator, no_retry_after_refusal
from airflow_dynamic_provider.execution.shaping import find
from airflow_dynamic_provider.execution.sources import ResultSource, Source, state_task_ids

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_dynamic_provider.execution.spaces import Route, Space

_Reason = tuple[str, str]


@dataclass(frozen=True, eq=False)
class SameKey:
    """Checks the clone of a task for one key: the gate's own key, or a key that this is made of.

    Attributes:
        clone: The task.
        base: A space that the gate's own key is made of.
        via: The route from that space to the space of the task.
    """

    clone: CloneSpec
    base: Space
    via: Route

    @property
    def task_ids(self) -> set[str]:
        """The tasks whose states matter."""
        return {self.clone.task_id}

    @property
    def upstream_ids(self) -> set[str]:
        """The tasks to wait for."""
        return self.task_ids

    def positions(self, runtime: CloneRuntime) -> list[int]:
        """Return the positions of the clones that matter to this key."""
        return sorted({place.position for place in runtime.places(self.base, self.via)})

    def map_indexes(self, context: Any, positions: list[int]) -> list[int]:
        """Return the map indexes of the task instances that run the clones at some positions."""
        if self.clone.batches is None:
            return positions
        # Imported only here: most clones run one key.
        from airflow_dynamic_provider.execution.batch_records.reading import batch_of

        numbers = {batch_of(context, self.clone.batches.cut, position) for position in positions}
        return sorted(number for number in numbers if number is not None)

    def outcomes(self, reader: Reader, positions: list[int]) -> list[str]:
        """Return the states of the clones at some positions."""
        return make_column(reader, ResultSource(self.clone, "")).outcomes(positions)

    def reasons(self, reader: Reader, runtime: CloneRuntime) -> Iterator[_Reason]:
        """Yield (state, explanation) for each clone that stops this key."""
        for state in self.outcomes(reader, self.positions(runtime)):
            if state != SUCCESS:
                yield state, f"{self.clone.task_id!r} is {state} for this key"


@dataclass(frozen=True, eq=False)
class Below:
    """Checks the clones for the keys of another key space that are collected below the gate's own key.

    Attributes:
        source: The source that is collected.
        tolerates_failures: Whether the collector may run although keys failed.
    """

    source: Source
    tolerates_failures: bool

    @property
    def task_ids(self) -> set[str]:
        """The tasks whose states matter: the collected tasks, and the tasks that produce the keys."""
        return state_task_ids(self.source)

    @property
    def upstream_ids(self) -> set[str]:
        """The tasks to wait for."""
        return self.task_ids | {self.source.space.keys_task_id}

    def reasons(self, reader: Reader, runtime: CloneRuntime) -> Iterator[_Reason]:
        """Yield (state, explanation) for each clone that stops this key."""
        prefix = own_prefix(runtime, self.source.space)
        indexes = indexes_under(reader, self.source.space, prefix)
        outcomes = make_column(reader, self.source).outcomes(indexes)
        found = find(reader, self.source, prefix, indexes, outcomes)
        if (state := found.missing.get(prefix)) == SUCCESS:
            yield (
                FAILED,
                f"the task that produces the keys of {self.source} was marked as success and left no keys",
            )
        elif state is not None:
            yield state, f"the task that produces the keys of {self.source} is {state} for this key"
        elif found.failures and not self.tolerates_failures:
            yield FAILED, f"{len(found.failures)} clones of {self.source} failed below this key"


Check = SameKey | Below


class GateOperator(HelperOperator):
    """Lets a key continue or stops it, according to the states of the clones that matter to it.

    Attributes:
        checks: The checks that it makes, collected while the Dag file is parsed.
    """

    custom_operator_name = "gate"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trigger_rule="all_done", **kwargs)
        self.checks: list[Check] = []

    def execute(self, context: Any) -> None:
        """Succeed, fail or skip. Airflow calls this in the task's process. A failure takes priority.

        Raises:
            AirflowFailException: A clone that this key needs failed.
            AirflowSkipException: A clone that this key needs was skipped.
        """
        from airflow_dynamic_provider.version_compat import AirflowFailException, AirflowSkipException

        runtime: CloneRuntime = context[RUNTIME_KEY]
        reader = Reader(context, self._read_states(context, runtime))
        with no_retry_after_refusal():
            reasons = [reason for check in self.checks for reason in check.reasons(reader, runtime)]
        for states, kind in ((FAILURES, AirflowFailException), ({SKIPPED}, AirflowSkipException)):
            for state, explanation in reasons:
                if state in states:
                    raise kind(f"{explanation}.")

    def _read_states(self, context: Any, runtime: CloneRuntime) -> xcom.States:
        """Return the states that matter. A check of this key alone needs those of single clones."""
        below = {task_id for check in self.checks if isinstance(check, Below) for task_id in check.task_ids}
        states = xcom.read_states(context, sorted(below)) if below else {}
        at: dict[int, set[str]] = {}
        for check in self.checks:
            if isinstance(check, SameKey) and not check.task_ids <= below:
                for index in check.map_indexes(context, check.positions(runtime)):
                    at.setdefault(index, set()).update(check.task_ids)
        for index, task_ids in sorted(at.items()):
            states |= xcom.read_states_at(context, sorted(task_ids), index)
        return states
