"""Sums up the cells of many keys in the database: how many keys have which state, and which come first.

The database answers with some rows, however many keys there are. It does not know the states of keys that run
in batches: these are read from what the batches stored, and summed up here.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from airflow_dynamic_provider.airflow_adapter.xcom import UNMAPPED
from airflow_dynamic_provider.database.batches import MOST_CHUNKS, BatchedKeys
from airflow_dynamic_provider.database.cells import ORDER, RANKS, name_counts, rank, worst
from airflow_dynamic_provider.database.instances import read_instances
from airflow_dynamic_provider.database.parts import among
from airflow_dynamic_provider.database.staleness import Staleness
from airflow_dynamic_provider.database.usual import Usual, all_keys, count_states, find_usual, unusual_keys
from airflow_dynamic_provider.definitions.states import FINAL

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from airflow_dynamic_provider.database.batches import StateOfKey
    from airflow_dynamic_provider.database.keys import KeyList
    from airflow_dynamic_provider.database.runs import RunSource
    from airflow_dynamic_provider.database.structure import SpaceInfo

By = Literal["position", "state", "duration"]

# So many keys are read by themselves. Of more keys, those of all batches are read, once for all sums. It is
# also worth the queries to find out which state is usual.
_FEW = 1000

# The rank and the seconds of a key before any of its tasks has been looked at.
_NOTHING = (max(RANKS.values()) + 1, 0.0)


@dataclass(frozen=True)
class Order:
    """Which keys come first. Equal keys are in the order of their positions.

    Attributes:
        states: The states to return; empty for all. ``none`` stands for no state yet.
        by: What to sort by.
        is_descending: Whether to sort in descending order.
        limit: The maximum number of keys; ``None`` for all.
        offset: The number of keys to skip.
    """

    states: Collection[str] = ()
    by: By = "position"
    is_descending: bool = False
    limit: int | None = None
    offset: int = 0

    @property
    def ranks(self) -> list[int]:
        """The ranks of the states."""
        names = [None if state == "none" else state for state in self.states]
        return [RANKS[name] for name in names if name in RANKS]

    def sorted(self, rows: Mapping[int, tuple[int, float]]) -> list[int]:
        """Return positions in order, given the rank of the state and the seconds of each."""
        sort_by: dict[str, Callable[[int], float]] = {
            "position": lambda at: at,
            "state": lambda at: rows[at][0],
            "duration": lambda at: rows[at][1],
        }
        return sorted(sorted(rows), key=sort_by[self.by], reverse=self.is_descending)

    def first_of(self, rows: Mapping[int, tuple[int, float]]) -> list[int]:
        """Return the positions on a page, given the rank of the state and the seconds of each key."""
        ranks = self.ranks
        shown = {at: row for at, row in rows.items() if not self.states or row[0] in ranks}
        return self.sorted(shown)[self.offset : None if self.limit is None else self.offset + self.limit]


@dataclass(frozen=True)
class Total:
    """Some keys together.

    Attributes:
        counts: State -> number of keys.
        seconds: The sum of their durations. Only `Totals.of_each` always knows it.
        absent: The number of keys without a task instance.
    """

    counts: Mapping[str | None, int]
    seconds: float
    absent: int

    @property
    def named(self) -> dict[str, int]:
        """State -> number of keys, from the state that matters most; ``none`` stands for no state yet."""
        return name_counts(self.counts)


class Totals:
    """Sums up the task instances of the keys of a space.

    Args:
        source: The run.
        info: The key space.
        keys: Its keys.
        task_ids: The tasks to read; by default the author's own.
        with_ends: Whether `in_batches` has the ends of keys.
    """

    def __init__(
        self,
        source: RunSource,
        info: SpaceInfo,
        keys: KeyList,
        task_ids: Sequence[str] | None = None,
        *,
        with_ends: bool = False,
    ) -> None:
        self._source = source
        self._with_ends = with_ends
        self._keys = keys
        all_ids = info.task_ids if task_ids is None else task_ids
        self._task_ids, self._batched_ids = info.split(all_ids)
        self._batched = BatchedKeys(source, info, keys, self._batched_ids)
        self.staleness = Staleness(source, info, keys, self._task_ids)
        self._is_cut = False

    def of(self, positions: Sequence[int]) -> Total:
        """Return the states of keys, by their positions.

        This takes two queries if keys were listed once, and at most two more if there are many keys.
        """
        from sqlalchemy import func, select

        usual = None if self._batched_ids else self._usual_of(positions)
        if usual is None:
            return self.of_each([positions])[0]
        found = self._unusual(usual, positions).subquery()
        by_rank = select(found.c.rank, func.count()).group_by(found.c.rank)
        counts = Counter({ORDER[each]: count for each, count in self._source.session.execute(by_rank)})
        counts[ORDER[usual.rank]] += len(positions) - counts.total()
        return Total(+counts, 0.0, absent=0)

    def of_each(self, groups: Sequence[Sequence[int]]) -> list[Total]:
        """Return the states of the keys of each group, in two queries. No key is in two groups.

        If tasks run the keys in batches, it also reads what the batches stored about their states.
        """
        from sqlalchemy import func, select

        if self._batched_ids:
            rows = self.rows([position for group in groups for position in group])
            return [_total(rows[position] for position in group) for group in groups]
        counts: list[Counter[str | None]] = [Counter() for _ in groups]
        seconds = [0.0 for _ in groups]
        if self._task_ids and any(groups):
            positions = [position for group in groups for position in group]
            keys = _with_group(self._by_key(positions).subquery(), groups)
            columns = (keys.c.group, keys.c.rank)
            by_state = select(*columns, func.count(), func.sum(keys.c.seconds)).group_by(*columns)
            for at, each, count, sum_of_seconds in self._source.session.execute(by_state):
                counts[at][ORDER[each]] = count
                seconds[at] += sum_of_seconds or 0.0
        absent = [len(group) - sum(found.values()) for group, found in zip(groups, counts, strict=True)]
        for found, count in zip(counts, absent, strict=True):
            if count:
                found[self._of_absent] += count
        return [Total(*each) for each in zip(counts, seconds, absent, strict=True)]

    def of_and_first(self, positions: Sequence[int], order: Order) -> tuple[Total, list[int]]:
        """Return the states of some keys, and the positions of those that come first.

        One query answers both, because each of them would read the task instances of all keys.

        Args:
            positions: The keys, in the order of their positions.
            order: Which keys to return.
        """
        if self._batched_ids:
            rows = self.rows(positions)
            return _total(rows.values()), order.first_of(rows)
        if not self._task_ids or not positions:
            return self.of(positions), order.first_of(self.rows(positions))
        counts: Counter[str | None] = Counter()
        seconds, found = 0.0, []
        for is_sum, rank_of, each, its_seconds in self._source.session.execute(
            _sums_and_first(self._by_key_for(positions, order), order)
        ):
            if is_sum:
                counts[ORDER[rank_of]] = each
                seconds += its_seconds or 0.0
            else:
                found.append((each, (rank_of, its_seconds or 0.0)))
        absent = len(positions) - sum(counts.values())
        if absent:
            # Airflow makes the task instances of all keys together, so keys lack one before it does, or after
            # a part of them was deleted.
            counts[self._of_absent] += absent
            return Total(counts, seconds, absent), order.first_of(self.rows(positions))
        return Total(counts, seconds, absent), order.sorted(dict(found))

    def rows(self, positions: Sequence[int]) -> dict[int, tuple[int, float]]:
        """Return position -> (rank of its state, seconds), for each of some keys."""
        if not self._batched_ids:
            return self._single_rows(positions)
        found = self._states_in_batches(positions)
        rows = self._single_rows(positions) if self._task_ids else dict.fromkeys(positions, _NOTHING)
        for states in found.values():
            for position in positions:
                lowest, seconds = rows[position]
                state = states.get(position)
                if state is None:
                    rows[position] = (min(lowest, RANKS[None]), seconds)
                else:
                    rows[position] = (min(lowest, rank(state.state)), seconds + (state.seconds or 0.0))
        return rows

    def _states_in_batches(self, positions: Sequence[int]) -> Mapping[str, Mapping[int, StateOfKey]]:
        """Return batched task -> position -> state. Of a few keys, only their batches are read."""
        if len(positions) > _FEW:
            return self.in_batches
        found, is_cut = self._batched.states(positions, limit=MOST_CHUNKS)
        self._is_cut = self._is_cut or is_cut
        return found

    @cached_property
    def in_batches(self) -> Mapping[str, Mapping[int, StateOfKey]]:
        """Batched task -> position -> state, for all keys. `message` says so if chunks were left out."""
        positions = range(len(self._keys.paths or ()))
        found, is_cut = self._batched.states(positions, limit=MOST_CHUNKS, with_ends=self._with_ends)
        self._is_cut = self._is_cut or is_cut
        return found

    @property
    def message(self) -> str | None:
        """What the sums that were asked for leave out, if anything."""
        messages = [self.staleness.message]
        if self._is_cut:
            messages.append(
                f"The states of the keys in batches are stored in more than {MOST_CHUNKS} parts. The counts "
                "and the order of the keys take the state of the batch for keys in the other parts."
            )
        return " ".join(filter(None, messages)) or None

    @property
    def has_stale(self) -> bool:
        """Whether a clone or a batch ran for another key."""
        if self.staleness.is_any:
            return True
        return bool(self._batched_ids) and any(
            state.is_stale for states in self.in_batches.values() for state in states.values()
        )

    def _single_rows(self, positions: Sequence[int]) -> dict[int, tuple[int, float]]:
        """Return the same for the tasks that have a task instance for each key."""
        from sqlalchemy import select

        found = dict.fromkeys(positions, (rank(self._of_absent), 0.0))
        if self._task_ids and positions:
            keys = self._by_key(positions).subquery()
            read = self._source.session.execute(select(keys.c.position, keys.c.rank, keys.c.seconds))
            found |= {position: (each, seconds or 0.0) for position, each, seconds in read}
        return found

    def _by_key_for(self, positions: Collection[int], order: Order) -> Any:
        """Return the query of `_by_key`. Without the seconds if the order does not need them."""
        from sqlalchemy import Float, cast, null

        usual = None if order.by == "duration" else self._usual_of(positions)
        if usual is None:
            return self._by_key(positions)
        unusual = self._unusual(usual, positions)
        found = all_keys(self._source, usual, unusual, lambda at: self._is_among(at, positions))
        return found.add_columns(cast(null(), Float).label("seconds"))

    def _unusual(self, usual: Usual, positions: Collection[int]) -> Any:
        return unusual_keys(self._source, usual, self._rank, lambda at: self._is_among(at, positions))

    def _usual_of(self, positions: Collection[int]) -> Usual | None:
        """Return the states of all keys, ``None`` if there are few keys, or no usual state."""
        return self._usual if len(positions) > _FEW else None

    @cached_property
    def _usual(self) -> Usual | None:
        counts, count = self.counts_by_task, len(self._keys.paths or ())
        return None if not counts else find_usual(counts, self._task_ids, count)

    @cached_property
    def counts_by_task(self) -> Counter[tuple[str, str | None]] | None:
        """(Task, state) -> number of keys, of the tasks that have a task instance for each key.

        It is ``None`` if the keys were listed again: the state of a task instance may be that of another key.
        """
        if self._keys.is_listed_again:
            return None
        return count_states(self._source, self._task_ids, len(self._keys.paths or ()))

    def _is_among(self, column: Any, positions: Collection[int]) -> Any:
        """Return the condition that a column with a map index is one of some positions."""
        count = len(self._keys.paths or ())
        return column.between(0, count - 1) if len(positions) == count else among(column, positions)

    @property
    def _rank(self) -> Any:
        """The rank of a task instance."""
        from sqlalchemy import case

        from airflow_dynamic_provider.airflow_adapter.models import TaskInstance

        stale = self.staleness.condition
        # The database compares a state with one after the other, and most task instances succeed.
        states = [
            (TaskInstance.state == state, RANKS[state]) for state in reversed(ORDER) if state is not None
        ]
        return case(
            *([] if stale is None else [(stale, RANKS[None])]),
            *states,
            else_=RANKS[None],
        )

    def _by_key(self, positions: Collection[int]) -> Any:
        """Return a query with a row for each of some keys that has a task instance.

        Its columns are ``position``, ``rank`` (of the state that matters most) and ``seconds``. It visits all
        task instances of the keys.
        """
        from sqlalchemy import and_, case, func, literal, null, select

        from airflow_dynamic_provider.airflow_adapter.models import TaskInstance

        stale = self.staleness.condition
        # As `read_instances` does: a task instance that has not ended has the duration of an earlier try.
        seconds = case(
            *([] if stale is None else [(stale, null())]),
            (TaskInstance.state.in_(FINAL), TaskInstance.duration),
            else_=null(),
        )
        lowest = func.min(self._rank)
        # The ranks of missing cells that are lower than those of all others, from the lowest.
        missing = sorted(self._missing(), key=lambda each: each[1])
        lower = [
            (and_(is_missing, lowest > literal(number)), literal(number)) for is_missing, number in missing
        ]
        return (
            select(
                TaskInstance.map_index.label("position"),
                (case(*lower, else_=lowest) if lower else lowest).label("rank"),
                func.sum(seconds).label("seconds"),
            )
            .where(
                *self._source.instances_of(self._task_ids),
                self._is_among(TaskInstance.map_index, positions),
            )
            .group_by(TaskInstance.map_index)
        )

    def _missing(self) -> Iterator[tuple[Any, int]]:
        """Yield conditions under which a key lacks a task instance, and the rank of what it has instead."""
        from sqlalchemy import case, func

        from airflow_dynamic_provider.airflow_adapter.models import TaskInstance

        def count_of(task_ids: Collection[str]) -> Any:
            if len(task_ids) == len(self._task_ids):
                return func.count()
            return func.sum(case((TaskInstance.task_id.in_(task_ids), 1), else_=0))

        expanded = [task_id for task_id in self._task_ids if task_id not in self.whole]
        if expanded:
            yield count_of(expanded) < len(expanded), RANKS[None]
        for task_id, state in self.whole.items():
            yield count_of([task_id]) == 0, rank(state)

    @cached_property
    def whole(self) -> dict[str, str | None]:
        """Task -> state, for tasks with one task instance for all keys.

        A mapped task has it until it is expanded.
        """
        found = read_instances(self._source, self._task_ids, [UNMAPPED])
        return {task_id: instance.state for (task_id, _), instance in found.items()}

    @property
    def _of_absent(self) -> str | None:
        """The state of a key without a task instance."""
        if not self._task_ids:
            return self._keys.listing.state
        is_missing = len(self.whole) < len(self._task_ids)
        return worst([*self.whole.values(), *([None] if is_missing else [])])


def _total(rows: Iterable[tuple[int, float]]) -> Total:
    """Return the sum of keys, given the rank and the seconds of each."""
    counts: Counter[str | None] = Counter()
    sum_of_seconds = 0.0
    for number, seconds in rows:
        counts[ORDER[number]] += 1
        sum_of_seconds += seconds
    return Total(counts, sum_of_seconds, absent=0)


def _sums_and_first(by_key: Any, order: Order) -> Any:
    """Return a query for the number and the seconds of the keys in each state, and for the first of the keys.

    Its columns are whether the row is a sum, the rank of the state, the number or the position, the seconds.
    """
    from sqlalchemy import func, literal, select, union_all

    # Both parts refer to it, so databases compute it once.
    keys = by_key.cte("keys_of_page")
    sums = select(literal(1).label("is_sum"), keys.c.rank, func.count(), func.sum(keys.c.seconds)).group_by(
        keys.c.rank
    )
    column = {
        "position": keys.c.position,
        "state": keys.c.rank,
        "duration": func.coalesce(keys.c.seconds, 0.0),
    }[order.by]
    sort_by = column.desc() if order.is_descending else column
    wanted = select(keys.c.rank, keys.c.position, keys.c.seconds).order_by(sort_by, keys.c.position)
    if order.states:
        wanted = wanted.where(keys.c.rank.in_(order.ranks))
    if order.limit is not None:
        wanted = wanted.limit(order.limit).offset(order.offset)
    first = wanted.subquery()
    return union_all(sums, select(literal(0), first.c.rank, first.c.position, first.c.seconds))


def _with_group(keys: Any, groups: Sequence[Sequence[int]]) -> Any:
    """Return a query of keys with a column ``group`` more: the number of the group that a key is in."""
    from sqlalchemy import case, literal, select

    # In a query of its own, because not every database groups by an expression with parameters.
    whens = [(among(keys.c.position, group), number) for number, group in enumerate(groups) if group]
    number = case(*whens) if len(whens) > 1 else literal(whens[0][1])
    return select(number.label("group"), keys.c.rank, keys.c.seconds).subquery()
