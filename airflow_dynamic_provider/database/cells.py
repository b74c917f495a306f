"""The state of each key in each task: the cells of a matrix of keys and tasks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_dynamic_provider.airflow_adapter.xcom import UNMAPPED
from airflow_dynamic_provider.database.batches import BatchedKeys, without_records
from airflow_dynamic_provider.database.failures import (
    is_blocked,
    read_causes,
    read_failures,
    read_not_started,
)
from airflow_dynamic_provider.database.instances import Instance, read_instances
from airflow_dynamic_provider.database.reuse import origin_in, read_origins
from airflow_dynamic_provider.database.staleness import Staleness
from airflow_dynamic_provider.definitions.states import (
    FAILED,
    REMOVED,
    SKIPPED,
    SUCCESS,
    UPSTREAM_FAILED,
)
from airflow_dynamic_provider.execution.failures import because

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from airflow_dynamic_provider.database.batches import KeyInBatch
    from airflow_dynamic_provider.database.keys import KeyList
    from airflow_dynamic_provider.database.runs import RunSource
    from airflow_dynamic_provider.database.structure import SpaceInfo
    from airflow_dynamic_provider.execution.batch_records.stored import KeyRecord
    from airflow_dynamic_provider.execution.failures import KeyFailure
    from airflow_dynamic_provider.execution.layout import MadeBy

#: The states, from the one that matters most to a viewer of a run. ``None`` means no state yet.
ORDER: tuple[str | None, ...] = (
    FAILED,
    UPSTREAM_FAILED,
    "up_for_retry",
    "up_for_reschedule",
    "restarting",
    "running",
    "deferred",
    "awaiting_input",
    "queued",
    "scheduled",
    None,
    SKIPPED,
    SUCCESS,
    REMOVED,
)

#: State -> its rank; 0 matters most.
RANKS = {state: rank for rank, state in enumerate(ORDER)}


@dataclass(frozen=True)
class Cell:
    """The task instance of a key in a task.

    Attributes:
        instance: The task instance. That of a batch has the state, the tries and the times of the key.
        is_stale: Whether it ran for another key, before the keys were listed again.
        record: What a batch stored about the key, if anything.
        failure: The error of its last try, if it failed and stored it.
        cause: Why it could not run, if a task before it or too many keys failed.
        made_by: What made its result, if it uses one of an earlier run.
    """

    instance: Instance
    is_stale: bool = False
    record: KeyRecord | None = None
    failure: KeyFailure | None = None
    cause: str | None = None
    made_by: MadeBy | None = None

    @property
    def from_run(self) -> str | None:
        """The run whose result it uses, if any."""
        return None if self.made_by is None or self.is_stale else self.made_by.run_id

    @property
    def state(self) -> str | None:
        """The state; ``None`` if the task instance ran for another key."""
        return None if self.is_stale else self.instance.state

    @property
    def seconds(self) -> float | None:
        """The duration in seconds; ``None`` if it has not ended, or did not run for this key alone."""
        return None if self.is_stale or self.instance.map_index == UNMAPPED else self.instance.duration

    @property
    def error(self) -> str | None:
        """The error of a key that failed, if it is stored."""
        return None if self.failure is None else str(self.failure)

    @property
    def reason(self) -> str | None:
        """Why a key was skipped or could not start, if known."""
        return self.cause if self.record is None else self.record.reason


@dataclass(frozen=True)
class Summary:
    """A key in all tasks: the state that matters most, and the sum of the durations in seconds."""

    state: str | None
    duration: float | None


def worst(states: Iterable[str | None]) -> str | None:
    """Return the state that matters most to a viewer of a run. An unknown state counts as no state."""
    return ORDER[min(map(rank, states), default=RANKS[None])]


def rank(state: str | None) -> int:
    """Return the rank of a state; 0 matters most. An unknown state counts as no state."""
    return RANKS.get(state, RANKS[None])


def summarize(cells: Iterable[Cell | None]) -> Summary:
    """Return the summary of a key, from its cells."""
    cells = list(cells)
    seconds = [cell.seconds for cell in cells if cell is not None]
    known = [each for each in seconds if each is not None]
    return Summary(
        worst(None if cell is None else cell.state for cell in cells), sum(known) if known else None
    )


class Cells:
    """Reads the task instances of the keys of a space.

    Args:
        source: The run.
        info: The key space.
        keys: Its keys.
        task_ids: The tasks to read; by default the author's own.
    """

    def __init__(
        self, source: RunSource, info: SpaceInfo, keys: KeyList, task_ids: Sequence[str] | None = None
    ) -> None:
        self._source = source
        self._clones = info.clones
        self._cached = info.cached & set(info.task_ids if task_ids is None else task_ids)
        self._task_ids = info.task_ids if task_ids is None else task_ids
        self._single_ids, batched_ids = info.split(self._task_ids)
        self._staleness = Staleness(source, info, keys, self._single_ids)
        self._batched = BatchedKeys(source, info, keys, batched_ids)
        #: Whether chunks of batches were left out.
        self.is_cut = False

    def at(
        self, positions: Collection[int], most_chunks: int | None = None
    ) -> dict[int, dict[str, Cell | None]]:
        """Return position -> task -> cell; ``None`` where Airflow has not created the task instance yet.

        This takes one query if the keys were listed once, one more if a task instance has failed, two more if
        others could not run because of it, one more if some were skipped, one more if tasks keep their
        results over runs, and some more if tasks run the keys in batches.

        Args:
            positions: The positions of the keys.
            most_chunks: The maximum number of stored chunks of batches that are read; ``None`` for all. Other
                keys have the state of their batch, and `is_cut` says so.
        """
        if not positions:
            return {}
        found = read_instances(self._source, self._single_ids, [UNMAPPED, *positions])
        stale = self._staleness.at(positions)
        in_batches, is_cut = self._batched.at(positions, limit=most_chunks)
        self.is_cut = self.is_cut or is_cut
        current = {at: each for at, each in found.items() if at not in stale}
        failures = read_failures(self._source, [*current.values(), *without_records(in_batches.values())])
        blocked = [at for at, each in current.items() if at[1] != UNMAPPED and is_blocked(each)]
        causes = read_causes(self._source, self._clones, blocked)
        causes |= read_not_started(self._source, current.values())
        origins = read_origins(self._source, self._cached, positions)

        def cell(at: tuple[str, int]) -> Cell | None:
            if at in in_batches:
                key = in_batches[at]
                return None if key is None else _cell_in_batch(key, failures)
            # A mapped task has one task instance for all keys until it is expanded.
            instance = found.get(at) or found.get((at[0], UNMAPPED))
            if instance is None:
                return None
            return Cell(
                *(instance, at in stale),
                failure=failures.get(at),
                cause=causes.get(at),
                made_by=origins.get(at),
            )

        return {
            position: {task_id: cell((task_id, position)) for task_id in self._task_ids}
            for position in positions
        }


def _cell_in_batch(key: KeyInBatch, failures: Mapping[tuple[str, int], KeyFailure]) -> Cell:
    if key.record is not None:
        made_by = origin_in(key.record.metadata)
        return Cell(key.instance, key.is_stale, key.record, key.record.failure, made_by=made_by)
    gate = key.failed_gate
    cause = None if gate is None else because(gate.task_id, failures.get(gate.pair))
    return Cell(key.instance, key.is_stale, failure=failures.get(key.instance.pair), cause=cause)


def count_states(states: Iterable[str | None]) -> dict[str, int]:
    """Return state -> count, from the state that matters most; ``none`` stands for no state yet."""
    return name_counts(Counter(states))


def name_counts(counts: Mapping[str | None, int]) -> dict[str, int]:
    """Return counts of states in the order in which they matter; ``none`` stands for no state yet."""
    return {state or "none": counts[state] for state in sorted(counts, key=rank)}
