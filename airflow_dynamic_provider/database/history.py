"""The keys of a space over the last runs of a Dag."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from airflow_dynamic_provider.database.batches import MOST_CHUNKS
from airflow_dynamic_provider.database.cells import Cell, rank
from airflow_dynamic_provider.database.keys import is_found
from airflow_dynamic_provider.database.matrix import Matrix
from airflow_dynamic_provider.database.runs import RunSource
from airflow_dynamic_provider.database.structure import structure_of_run
from airflow_dynamic_provider.errors import LayoutError, ReadError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.orm import Session

    from airflow_dynamic_provider.airflow_adapter.models import DagRun
    from airflow_dynamic_provider.execution.spaces import KeyPath


#: The number of keys, of all runs together, beyond which no older run is read.
MOST_KEYS = 200_000


@dataclass(frozen=True)
class PastRun:
    """A run, and the key space in it.

    Attributes:
        dag_run: The run.
        matrix: The states of the keys; ``None`` if the Dag had no such space, or it cannot be read.
    """

    dag_run: DagRun
    matrix: Matrix | None


class History:
    """The last runs of a Dag, for one key space.

    Args:
        session: The database session.
        dag_id: The Dag.
        of: The key space.
        count: The number of runs.
        before: Only runs before this one; ``None`` for the last runs.
    """

    def __init__(
        self, session: Session, dag_id: str, of: str, count: int, before: DagRun | None = None
    ) -> None:
        self._session = session
        self._dag_id = dag_id
        self._of = of
        self._count = count
        self._before = before
        #: Whether older runs are left out because there are too many keys. It is known once `runs` are.
        self.is_cut = False
        #: Whether some keys have the state of their batch, because too much is stored about the keys of
        #: batches. It is known once `states` are.
        self.is_short = False

    @cached_property
    def runs(self) -> list[PastRun]:
        """The runs, the oldest first. There are fewer than asked for if they have too many keys."""
        from sqlalchemy import select

        from airflow_dynamic_provider.airflow_adapter.models import DagRun

        last = select(DagRun).where(DagRun.dag_id == self._dag_id).order_by(DagRun.id.desc())
        if self._before is not None:
            last = last.where(DagRun.id < self._before.id)
        runs: list[PastRun] = []
        keys = 0
        for dag_run in self._session.scalars(last.limit(self._count)).all():
            run = PastRun(dag_run, self._matrix(dag_run))
            keys += len(run.matrix.keys.paths or ()) if run.matrix else 0
            if runs and keys > MOST_KEYS:
                self.is_cut = True
                break
            runs.append(run)
        return runs[::-1]

    @property
    def unreadable(self) -> list[str]:
        """The runs in which the keys cannot be read."""
        return [run.dag_run.run_id for run in self.runs if run.matrix is None]

    def keys(self, search: str = "") -> list[KeyPath]:
        """Return the key paths of all runs that match a search, those of the newest run first."""
        found: dict[KeyPath, None] = {}
        for run in reversed(self.runs):
            for path in (run.matrix.keys.paths if run.matrix else None) or ():
                if is_found(path, search):
                    found[path] = None
        return list(found)

    def states(self, paths: Sequence[KeyPath], task_id: str | None = None) -> list[list[Cell | None]]:
        """Return the cell of each key in each run; ``None`` where the run has no such key.

        Args:
            paths: The keys.
            task_id: The task; ``None`` for the state that matters most among all tasks.
        """
        columns = [self._column(run, paths, task_id) for run in self.runs]
        return [[column.get(path) for column in columns] for path in paths]

    def _column(self, run: PastRun, paths: Iterable[KeyPath], task_id: str | None) -> dict[KeyPath, Cell]:
        if run.matrix is None:
            return {}
        keys = run.matrix.keys
        positions = {path: keys.positions[path] for path in paths if path in keys.positions}
        cells = run.matrix.cells.at(list(positions.values()), MOST_CHUNKS // len(self.runs))
        self.is_short = self.is_short or run.matrix.cells.is_cut
        column = {}
        for path, position in positions.items():
            by_task = cells[position]
            # A task that produces the keys, or is not cloned for them, ran once for all keys.
            wanted = [by_task[task_id]] if task_id in by_task else list(by_task.values())
            known = [cell for cell in wanted if cell is not None]
            column[path] = min(known, key=lambda cell: rank(cell.state), default=Cell(keys.listing))
        return column

    def _matrix(self, dag_run: DagRun) -> Matrix | None:
        structure = structure_of_run(self._session, dag_run)
        if structure is None or self._of not in structure.spaces:
            return None
        source = RunSource(self._session, self._dag_id, dag_run.run_id)
        matrix = Matrix(source, structure.spaces[self._of])
        try:
            # Read now, while it is known which run cannot be read.
            assert matrix.keys is not None
        except (LayoutError, ReadError):
            return None
        return matrix
