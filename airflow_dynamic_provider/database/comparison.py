"""Compares the keys of a run with those of another run: new, gone, newly failed, repaired, slower."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from airflow_dynamic_provider.database.cells import RANKS
from airflow_dynamic_provider.definitions.states import FAILED, SUCCESS, UPSTREAM_FAILED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from airflow_dynamic_provider.database.matrix import Matrix
    from airflow_dynamic_provider.execution.spaces import KeyPath

#: A key is slower if it takes at least this many times as long, and `LEAST_SECONDS` longer.
FACTOR = 1.5

LEAST_SECONDS = 1.0

_FAILED = {RANKS[FAILED], RANKS[UPSTREAM_FAILED]}


class Change(NamedTuple):
    """A key in both runs, with its seconds in the other run and in this one, if it is in the run."""

    path: KeyPath
    before: float | None
    now: float | None


@dataclass(frozen=True)
class Comparison:
    """What differs between two runs.

    Attributes:
        new: The keys that only this run has.
        gone: The keys that only the other run has.
        newly_failed: The keys that failed in this run, and did not in the other.
        repaired: The keys that succeeded in this run, and failed in the other.
        slower: The keys that succeeded in both, and took much longer in this run, the slowest first.
    """

    new: Sequence[Change]
    gone: Sequence[Change]
    newly_failed: Sequence[Change]
    repaired: Sequence[Change]
    slower: Sequence[Change]


def compare(this: Matrix, other: Matrix) -> Comparison:
    """Compare all keys of a run with those of another run. Keys are equal by name, not by position."""
    now, before = _by_path(this), _by_path(other)
    both = [path for path in now if path in before]

    def change(path: KeyPath) -> Change:
        return Change(path, before.get(path, _NEVER)[1], now.get(path, _NEVER)[1])

    def has_failed(runs: Mapping[KeyPath, tuple[int, float | None]], path: KeyPath) -> bool:
        return runs[path][0] in _FAILED

    slower = [change(path) for path in both if now[path][0] == before[path][0] == RANKS[SUCCESS]]
    return Comparison(
        new=[change(path) for path in now if path not in before],
        gone=[change(path) for path in before if path not in now],
        newly_failed=[
            change(path) for path in both if has_failed(now, path) and not has_failed(before, path)
        ],
        repaired=[
            change(path) for path in both if now[path][0] == RANKS[SUCCESS] and has_failed(before, path)
        ],
        slower=sorted(filter(_is_slower, slower), key=lambda each: (each.before or 0) - (each.now or 0)),
    )


def run_before(session: Session, dag_id: str, run_id: str) -> str | None:
    """Return the run before a run of a Dag; ``None`` if it is the first that Airflow has kept."""
    from sqlalchemy import select

    from airflow_dynamic_provider.airflow_adapter.models import DagRun

    of_dag = DagRun.dag_id == dag_id
    own = select(DagRun.run_after).where(of_dag, DagRun.run_id == run_id).scalar_subquery()
    earlier = select(DagRun.run_id).where(of_dag, DagRun.run_after <= own, DagRun.run_id != run_id)
    found = session.scalar(earlier.order_by(DagRun.run_after.desc(), DagRun.id.desc()).limit(1))
    return None if found is None else str(found)


_NEVER = (RANKS[None], None)


def _by_path(matrix: Matrix) -> dict[KeyPath, tuple[int, float | None]]:
    paths = matrix.keys.paths or ()
    rows = matrix.totals.rows(range(len(paths)))
    return {path: rows[position] for position, path in enumerate(paths)}


def _is_slower(change: Change) -> bool:
    before, now = change.before or 0.0, change.now or 0.0
    return now >= FACTOR * before and now - before >= LEAST_SECONDS
