"""The gate before a clone that depends on clones of another mapped group.

Between two mapped groups Airflow knows only "all clones of that task". A gate is a clone that waits for all
of them to be done, looks at those that matter to its own key, and then succeeds, fails or is skipped; behind
it, in its own group, Airflow's rule of the same key makes that upstream_failed or skipped for this key alone.
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
    """What waits for one key's clone of a task: of its own key, or of one that its key is made of.

    Attributes:
        clone: The task.
        base: A space that its own key is made of.
        via: The route from there to the task's key.
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

    def reasons(self, reader: Reader, runtime: CloneRuntime) -> Iterator[_Reason]:
        """Return (state, explanation) of each clone that keeps this key from going on."""
        column = make_column(reader, ResultSource(self.clone, ""))
        positions = sorted({place.position for place in runtime.places(self.base, self.via)})
        for state in column.outcomes(positions):
            if state != SUCCESS:
                yield state, f"{self.clone.task_id!r} is {state} for this key"


@dataclass(frozen=True, eq=False)
class Below:
    """What collects, of another key space, the keys below its own.

    Attributes:
        source: What is collected.
        tolerates_failures: Whether the collector takes failed keys in its stride.
    """

    source: Source
    tolerates_failures: bool

    @property
    def task_ids(self) -> set[str]:
        """The tasks whose states matter: those that are collected, and those that produce the keys."""
        return state_task_ids(self.source)

    @property
    def upstream_ids(self) -> set[str]:
        """The tasks to wait for."""
        return self.task_ids | {self.source.space.keys_task_id}

    def reasons(self, reader: Reader, runtime: CloneRuntime) -> Iterator[_Reason]:
        """Return (state, explanation) of each clone that keeps this key from going on."""
        prefix = own_prefix(reader.context, self.source.space)
        indexes = indexes_under(reader, self.source.space, prefix)
        outcomes = make_column(reader, self.source).outcomes(indexes)
        found = find(reader, self.source, prefix, indexes, outcomes)
        if (state := found.missing.get(prefix)) == SUCCESS:
            yield FAILED, f"what produces the keys of {self.source} was marked as success and left no keys"
        elif state is not None:
            yield state, f"what produces the keys of {self.source} is {state} for this key"
        elif found.failures and not self.tolerates_failures:
            yield FAILED, f"{len(found.failures)} clones of {self.source} failed below this key"


Check = SameKey | Below


class GateOperator(HelperOperator):
    """Lets a key go on, or not, by what became of the clones that matter to it.

    Attributes:
        checks: What it looks at; written while the Dag file is parsed.
    """

    custom_operator_name = "gate"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trigger_rule="all_done", **kwargs)
        self.checks: list[Check] = []

    def execute(self, context: Any) -> None:
        """Succeed, fail or be skipped. Airflow calls this in the task's process. A failure wins over a skip.

        Raises:
            AirflowFailException: Something that this key needs has failed.
            AirflowSkipException: Something that this key needs was skipped.
        """
        from airflow_dynamic_provider.version_compat import AirflowFailException, AirflowSkipException

        runtime: CloneRuntime = context[RUNTIME_KEY]
        task_ids = sorted({task_id for check in self.checks for task_id in check.task_ids})
        reader = Reader(context, xcom.read_states(context, task_ids))
        with no_retry_after_refusal():
            reasons = [reason for check in self.checks for reason in check.reasons(reader, runtime)]
        for states, kind in ((FAILURES, AirflowFailException), ({SKIPPED}, AirflowSkipException)):
            for state, explanation in reasons:
                if state in states:
                    raise kind(f"{explanation}.")
