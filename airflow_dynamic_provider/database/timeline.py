"""When each key ran in each task, and how long the same keys took in the runs before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_dynamic_provider.airflow_adapter.xcom import UNMAPPED
from airflow_dynamic_provider.database.batches import MOST_CHUNKS, BatchedKeys
from airflow_dynamic_provider.database.cells import summarize
from airflow_dynamic_provider.database.instances import Instance, read_instances
from airflow_dynamic_provider.database.staleness import Staleness
from airflow_dynamic_provider.definitions.states import FAILED, SKIPPED, SUCCESS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_dynamic_provider.database.history import History
    from airflow_dynamic_provider.database.matrix import Matrix
    from airflow_dynamic_provider.execution.spaces import KeyPath

#: The number of keys that one answer has.
MOST_KEYS = 10_000

#: The number of task instances and keys of batches that one answer has.
MOST_BARS = 50_000

# The states in which the stored start is that of the latest try.
_BEGUN = frozenset({SUCCESS, FAILED, SKIPPED, "running", "deferred"})


@dataclass(frozen=True)
class Bar:
    """The time that a key took in a task.

    Attributes:
        row: The number of the key in the answer.
        instance: The task instance. That of a batch has the state and the times of the key.
    """

    row: int
    instance: Instance

    @property
    def start(self) -> float:
        """When the latest try began, in seconds since 1970."""
        assert self.instance.start_date is not None
        return self.instance.start_date.timestamp()


@dataclass(frozen=True)
class Timeline:
    """When keys ran.

    Attributes:
        paths: The keys.
        bars: Task -> bars, in the order of the keys.
        message: What is left out, if anything.
    """

    paths: Sequence[KeyPath]
    bars: dict[str, list[Bar]]
    message: str | None = None


def read_timeline(matrix: Matrix, positions: Sequence[int]) -> Timeline:
    """Return when keys ran in each task. This takes two queries, and some more if tasks run keys in batches.

    Args:
        matrix: The keys of the run.
        positions: The positions of the keys to read.
    """
    info, source, keys = matrix.info, matrix.source, matrix.keys
    shown = positions[: min(MOST_KEYS, MOST_BARS // max(1, len(info.task_ids)))]
    single_ids, batched_ids = info.split(info.task_ids)
    found = read_instances(source, single_ids, shown) if single_ids and shown else {}
    stale = Staleness(source, info, keys, single_ids).at(shown)
    in_batches, is_cut = BatchedKeys(source, info, keys, batched_ids).at(
        shown, states_only=True, limit=MOST_CHUNKS
    )
    instances = {at: each for at, each in found.items() if at not in stale}
    instances |= {at: key.instance for at, key in in_batches.items() if key is not None and not key.is_stale}
    bars: dict[str, list[Bar]] = {task_id: [] for task_id in info.task_ids}
    for row, position in enumerate(shown):
        for task_id, of_task in bars.items():
            instance = instances.get((task_id, position))
            if instance is not None and _has_begun(instance):
                of_task.append(Bar(row, instance))
    paths = keys.paths or ()
    return Timeline(
        [paths[position] for position in shown], bars, _message(len(shown), len(positions), is_cut=is_cut)
    )


def _has_begun(instance: Instance) -> bool:
    # A mapped task has one task instance for all keys until it is expanded.
    return instance.state in _BEGUN and instance.start_date is not None and instance.map_index != UNMAPPED


def _message(shown: int, count: int, *, is_cut: bool) -> str | None:
    messages = []
    if shown < count:
        messages.append(f"Only the first {shown:,} of {count:,} keys are shown. Search or filter for others.")
    if is_cut:
        messages.append(
            f"The times of keys in batches are stored in more than {MOST_CHUNKS:,} parts. Some are left out."
        )
    return " ".join(messages) or None


def read_past_seconds(history: History, paths: Sequence[KeyPath]) -> list[list[float | None]]:
    """Return the seconds that each key took in all tasks, in each run; ``None`` where it did not run.

    Args:
        history: The runs.
        paths: The keys.
    """
    columns = []
    for run in history.runs:
        matrix = run.matrix
        known = {} if matrix is None else matrix.keys.positions
        positions = {path: known[path] for path in paths if path in known}
        cells = {}
        if matrix is not None and positions:
            cells = matrix.cells.at(list(positions.values()), MOST_CHUNKS // len(history.runs))
        columns.append({path: summarize(cells[at].values()).duration for path, at in positions.items()})
    return [[column.get(path) for column in columns] for path in paths]
