"""The keys of batched tasks: their batches, and what is stored about each key.

The map index of a task instance of a batched task is the number of a batch. The task that divides the keys
has stored which batch has which key, and the task instance, or its gate, what became of its keys. A clear of
single keys has stored what it keeps of the others, until the task instance stores it again.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_dynamic_provider.airflow_adapter.xcom import UNMAPPED
from airflow_dynamic_provider.database.divisions import numbers_of, read_cuts
from airflow_dynamic_provider.database.instances import Instance, read_instances
from airflow_dynamic_provider.database.kept import read_kept
from airflow_dynamic_provider.definitions.states import (
    FAILED,
    FAILURES,
    FINAL,
    MARKED,
    NEVER_STARTED,
    SUCCESS,
)
from airflow_dynamic_provider.execution.batch_records.outcomes import (
    is_stopped_by,
    outcome_of_started,
    outcome_of_unstarted,
)
from airflow_dynamic_provider.execution.batch_records.stored import (
    CHUNK_PREFIX,
    RECORD_FIELDS,
    STATE_FIELDS,
    SUM_FIELDS,
    TIME_FIELDS,
    StoredChunk,
    unpack_states,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from airflow_dynamic_provider.database.kept import Tries
    from airflow_dynamic_provider.database.keys import KeyList
    from airflow_dynamic_provider.database.runs import RunSource
    from airflow_dynamic_provider.database.structure import SpaceInfo
    from airflow_dynamic_provider.execution.batch_records.stored import KeyRecord
    from airflow_dynamic_provider.execution.documents import BatchesOfTask
    from airflow_dynamic_provider.execution.spaces import KeyPath

#: The number of stored chunks that one answer about all keys reads.
MOST_CHUNKS = 5000

# The states of the task instance of a batch in which what is stored belongs to its present try. Airflow
# deletes the rest when a task instance starts.
_AT_WORK = frozenset({"running", "deferred"})

# The states of the task instance of a batch in which a key that it has stored has the stored state.
_TELLS = frozenset({SUCCESS, FAILED, *_AT_WORK})

# The state of a batch between two tries. Of what the first try stored, only what will not change counts.
_BETWEEN_TRIES = "up_for_retry"

Pair = tuple[str, int]


@dataclass(frozen=True)
class KeyInBatch:
    """A key in a batched task.

    Attributes:
        instance: The task instance of the batch, with the state, the tries and the times of the key.
        is_stale: Whether the batch ran for other keys, before the keys were listed again.
        record: What is stored about the key, if anything.
        kept: What the last clear of single keys keeps of the key, if anything.
        failed_gate: The gate that failed and so stopped the batch.
    """

    instance: Instance
    is_stale: bool = False
    record: KeyRecord | None = None
    kept: KeyRecord | None = None
    failed_gate: Instance | None = None


def without_records(keys: Iterable[KeyInBatch | None]) -> list[Instance]:
    """Return the task instances whose own errors count: nothing is stored about the keys of their batches.

    They are the task instances of the batches, or of the gates that failed.
    """
    unknown = [key for key in keys if key is not None and key.record is None and not key.is_stale]
    return [key.failed_gate or key.instance for key in unknown]


@dataclass(frozen=True)
class Snapshot:
    """The batches of some keys at one time.

    Attributes:
        cuts: The tasks that divide the keys, by their ids.
        numbers: Task that divides the keys -> position -> number of the batch.
        instances: The task instances of the batches and of their gates.
        tries: The tries of the batches; ``None`` to read them when they are needed.
    """

    cuts: Mapping[str, Instance]
    numbers: Mapping[str, Mapping[int, int]]
    instances: Mapping[Pair, Instance]
    tries: Tries | None = None


class StateOfKey(NamedTuple):
    """The state of a key in a batched task, which is ``None`` if the batch ran for other keys.

    Its end is in seconds since 1970. It is ``None`` if it is not known, or was not asked for.
    """

    state: str | None
    seconds: float | None
    is_stale: bool = False
    ended: float | None = None


@dataclass
class _Stored:
    """What a task instance stored about the keys of its batch: the documents of its chunks."""

    documents: list[Any] = field(default_factory=list)

    @cached_property
    def records(self) -> dict[int, KeyRecord]:
        """Position -> what became of the key."""
        return {record.position: record for chunk in self._chunks for record in chunk.records}

    @cached_property
    def attempts(self) -> set[int]:
        """The attempts at dividing the keys for which they were stored."""
        return {chunk.attempt for chunk in self._chunks}

    @cached_property
    def _chunks(self) -> list[StoredChunk]:
        return list(map(StoredChunk.unpack, self.documents))


@dataclass(frozen=True)
class _Facts:
    """What an answer about some keys is made of: what was read of their batches."""

    snapshot: Snapshot
    stored: Mapping[Pair, _Stored]
    kept: Mapping[Pair, Mapping[KeyPath, KeyRecord]]
    is_cut: bool


class BatchedKeys:
    """Reads the keys of batched tasks.

    Args:
        source: The run.
        info: The key space.
        keys: Its keys.
        task_ids: The batched tasks to read.
    """

    def __init__(self, source: RunSource, info: SpaceInfo, keys: KeyList, task_ids: Collection[str]) -> None:
        self._source = source
        self._keys = keys
        self._batches: dict[str, BatchesOfTask] = {task_id: info.batched[task_id] for task_id in task_ids}
        self._known: dict[tuple[str, int, tuple[str, ...], Instance | None], _Stored] = {}

    def at(
        self, positions: Collection[int], *, states_only: bool = False, limit: int | None = None
    ) -> tuple[dict[Pair, KeyInBatch | None], bool]:
        """Return (task, position) -> key, and whether chunks were left out.

        The key is ``None`` if Airflow has not created the task instance of its batch yet. This takes one
        query for the task instances, one for the chunks of the batches that have the keys, and two for each
        task that divides the keys. Batches that have not succeeded take some more.

        Args:
            positions: The positions of the keys.
            states_only: Whether to leave out metadata, errors and reasons.
            limit: The maximum number of chunks; ``None`` for all. Other keys have the state of their batch.

        Raises:
            LayoutError: Another release has stored the data.
            ReadError: The data cannot be loaded.
        """
        if not self._batches or not positions:
            return {}, False
        snapshot = self.look(positions)
        fields = STATE_FIELDS if states_only else RECORD_FIELDS
        return self.read(snapshot, positions, fields, limit)

    def look(self, positions: Collection[int]) -> Snapshot:
        """Return which batches have some keys, and their task instances."""
        cuts = read_cuts(self._source, self._listers)
        numbers = {lister: numbers_of(self._source, cut, positions) for lister, cut in cuts.items()}
        wanted = {number for by_position in numbers.values() for number in by_position.values()}
        return Snapshot(cuts, numbers, read_instances(self._source, self._all_ids, {UNMAPPED, *wanted}))

    def read(
        self,
        snapshot: Snapshot,
        positions: Collection[int],
        fields: Sequence[str] = (),
        limit: int | None = None,
    ) -> tuple[dict[Pair, KeyInBatch | None], bool]:
        """Return what `at` returns, of batches as they were at an earlier time.

        Args:
            snapshot: The batches.
            positions: The positions of some of its keys.
            fields: The fields of chunks to read; none for all, with the values.
            limit: The maximum number of chunks.
        """
        facts = self._facts(snapshot, positions, fields, limit)
        found = {
            (task_id, position): self._find(facts, task_id, position)
            for task_id in self._batches
            for position in positions
        }
        return found, facts.is_cut

    def states(
        self, positions: Collection[int], limit: int | None = None, *, with_ends: bool = False
    ) -> tuple[dict[str, dict[int, StateOfKey]], bool]:
        """Return task -> position -> state, and whether chunks were left out, as `at` does.

        A key is missing if Airflow has not created the task instance of its batch yet.

        Args:
            positions: The positions of the keys.
            limit: The maximum number of chunks; ``None`` for all.
            with_ends: Whether to read when the keys ended.

        Raises:
            LayoutError: Another release has stored the data.
            ReadError: The data cannot be loaded.
        """
        if not self._batches or not positions:
            return {}, False
        fields = SUM_FIELDS + TIME_FIELDS if with_ends else SUM_FIELDS
        facts = self._facts(self.look(positions), positions, fields, limit)
        found: dict[str, dict[int, StateOfKey]] = {}
        for task_id in self._batches:
            states = found[task_id] = self._plain_states(facts, task_id)
            for position in positions:
                if position not in states and (key := self._find(facts, task_id, position)) is not None:
                    states[position] = _state_of_key(key)
        return found, facts.is_cut

    def _facts(
        self, snapshot: Snapshot, positions: Collection[int], fields: Sequence[str], limit: int | None
    ) -> _Facts:
        wanted = {
            lister: {number for at in positions if (number := by_position.get(at)) is not None}
            for lister, by_position in snapshot.numbers.items()
        }
        stored, is_cut = self._stored(snapshot, wanted, tuple(fields), limit)
        kept = read_kept(self._source, self._batches, snapshot.instances, wanted, snapshot.tries)
        return _Facts(snapshot, stored, kept, is_cut)

    def _find(self, facts: _Facts, task_id: str, position: int) -> KeyInBatch | None:
        snapshot, batches = facts.snapshot, self._batches[task_id]
        number = snapshot.numbers[batches.lister_id].get(position, UNMAPPED)
        # A mapped task has one task instance for all batches until it is expanded.
        own = snapshot.instances.get((task_id, number)) or snapshot.instances.get((task_id, UNMAPPED))
        if own is None:
            return None
        gate = None if batches.gate_id is None else snapshot.instances.get((batches.gate_id, number))
        key = self._key(own, gate, facts.stored, position, snapshot.cuts[batches.lister_id])
        former = facts.kept.get((task_id, number))
        return key if former is None else self._with_kept(key, former, position)

    def _plain_states(self, facts: _Facts, task_id: str) -> dict[int, StateOfKey]:
        """Return position -> state of the keys whose state is what their batch has stored, as for most keys.

        `_find` says the same about them, but makes objects for each key.
        """
        numbers = facts.snapshot.numbers[self._batches[task_id].lister_id]
        paths = self._keys.paths
        assert paths is not None
        plain: dict[int, StateOfKey] = {}
        for at, stored in facts.stored.items():
            own = facts.snapshot.instances.get(at)
            if at[0] != task_id or at in facts.kept or own is None or own.state not in _TELLS:
                continue
            of_batch = {
                position: (path, state, took, ended)
                for document in stored.documents
                for path, position, state, took, ended in unpack_states(document)
            }
            for position, (path, state, took, ended) in of_batch.items():
                # A key that failed in a batch that succeeded was marked.
                is_marked = own.state == SUCCESS and state in FAILURES
                if numbers.get(position) == at[1] and paths[position] == path and not is_marked:
                    plain[position] = StateOfKey(state, _seconds(took), ended=_seconds(ended))
        return plain

    @property
    def _all_ids(self) -> list[str]:
        """The batched tasks and their gates."""
        return [task_id for lister in self._listers for task_id in self._ids_of(lister)]

    @property
    def _listers(self) -> set[str]:
        """The tasks that divide the keys."""
        return {each.lister_id for each in self._batches.values()}

    def _ids_of(self, lister: str) -> list[str]:
        """Return the tasks that run the batches of a division, and their gates."""
        own = {task_id: each for task_id, each in self._batches.items() if each.lister_id == lister}
        return [*own, *sorted({each.gate_id for each in own.values() if each.gate_id is not None})]

    def _stored(
        self,
        snapshot: Snapshot,
        wanted: Mapping[str, Collection[int]],
        fields: tuple[str, ...],
        limit: int | None,
    ) -> tuple[dict[Pair, _Stored], bool]:
        """Return what batches stored, and whether chunks were left out. One query for each division.

        An export reads the keys in parts. A batch that ends in a later part is not read again there.
        """
        found: dict[Pair, _Stored] = {}
        is_cut = False
        for lister, numbers in wanted.items():
            task_ids = self._ids_of(lister)
            known = {
                (task_id, number): stored
                for task_id in task_ids
                for number in numbers
                if (stored := self._known.get((task_id, number, fields, _ended(snapshot, task_id, number))))
            }
            missing = {number for number in numbers if any((each, number) not in known for each in task_ids)}
            most = None if limit is None else max(limit, 0) + 1
            chunks = self._source.pull_parts(task_ids, CHUNK_PREFIX, missing, fields, most) if missing else {}
            if most is not None and len(chunks) == most:
                is_cut, chunks = True, _without_last_batch(chunks)
            limit = None if limit is None else limit - len(chunks)
            read = _by_batch(chunks, with_values=not fields)
            found |= known | read
            if limit is None and fields and numbers:
                self._remember(snapshot, task_ids, max(numbers), fields, found)
        return found, is_cut

    def _remember(
        self,
        snapshot: Snapshot,
        task_ids: Collection[str],
        number: int,
        fields: tuple[str, ...],
        found: Mapping[Pair, _Stored],
    ) -> None:
        """Keep what a batch stored, in the place of the batch before it, if it has ended."""
        self._known = {at: stored for at, stored in self._known.items() if at[0] not in task_ids}
        for task_id in task_ids:
            if (ended := _ended(snapshot, task_id, number)) is not None:
                stored = found.get((task_id, number), _Stored())
                self._known[task_id, number, fields, ended] = stored

    def _with_kept(self, key: KeyInBatch, former: Mapping[KeyPath, KeyRecord], position: int) -> KeyInBatch:
        """Return a key with what the last clear keeps of it, which counts until the batch stores it."""
        assert self._keys.paths is not None
        kept = former.get(self._keys.paths[position])
        if kept is not None and kept.is_final and key.record is None and key.instance.state not in FINAL:
            return KeyInBatch(_as_of_key(key.instance, kept.state, kept), record=kept, kept=kept)
        return replace(key, kept=kept)

    def _key(
        self,
        own: Instance,
        gate: Instance | None,
        stored: Mapping[Pair, _Stored],
        position: int,
        cut: Instance,
    ) -> KeyInBatch:
        if own.map_index == UNMAPPED:
            return KeyInBatch(own)
        is_stopped = own.state in NEVER_STARTED and gate is not None and is_stopped_by(gate.state)
        teller = gate if is_stopped and gate is not None else own
        by_batch = stored.get(teller.pair, _Stored())
        record = by_batch.records.get(position)
        assert self._keys.paths is not None
        if record is not None and record.key_path != self._keys.paths[position]:
            return KeyInBatch(_as_of_key(own, own.state, None), is_stale=own.state in {*FINAL, *_AT_WORK})
        if record is None and self._is_of_former_keys(own, by_batch, cut):
            return KeyInBatch(own, is_stale=True)
        state, record = _state_of(
            own.state, record, is_stopped=is_stopped, has_records=bool(by_batch.records)
        )
        if state is None and own.state == SUCCESS:
            return KeyInBatch(own, is_stale=True)
        has_failed = is_stopped and gate is not None and gate.state == FAILED
        return KeyInBatch(
            _as_of_key(own, state, record), record=record, failed_gate=gate if has_failed else None
        )

    def _is_of_former_keys(self, own: Instance, stored: _Stored, cut: Instance) -> bool:
        """Return whether a batch without a record of a key ran before the keys were listed or divided again.

        A batch stores the attempt at dividing the keys. The times decide only if nothing is stored, or if the
        keys were not divided since.
        """
        if own.state not in {*FINAL, *_AT_WORK}:
            return False
        if stored.attempts and cut.try_number not in stored.attempts:
            return True
        if not stored.attempts and cut.try_number > 1 and _is_before(own, cut):
            return True
        return self._keys.is_listed_again and _is_before(cut, self._keys.listing)


def _ended(snapshot: Snapshot, task_id: str, number: int) -> Instance | None:
    """Return the task instance of a batch or a gate if it has ended, and will not store anything else."""
    own = snapshot.instances.get((task_id, number))
    return own if own is not None and own.state in FINAL else None


def _is_before(one: Instance, other: Instance) -> bool:
    """Return whether a task instance ended before another one did."""
    ended = one.end_date or one.start_date
    return ended is not None and other.end_date is not None and ended < other.end_date


def _without_last_batch(chunks: Mapping[tuple[str, int, str], Any]) -> dict[tuple[str, int, str], Any]:
    """Return chunks without those of the last batch, because some of its chunks may be missing."""
    last = next(reversed(list(chunks)))[:2]
    return {at: chunk for at, chunk in chunks.items() if at[:2] != last}


def _by_batch(chunks: Mapping[tuple[str, int, str], Any], *, with_values: bool) -> dict[Pair, _Stored]:
    """Return (task, number of the batch) -> what is stored about its keys."""
    found: defaultdict[Pair, _Stored] = defaultdict(_Stored)
    for (task_id, number, _), stored in chunks.items():
        # The values may be large, and pages do not show them.
        is_whole = with_values or not isinstance(stored, dict)
        found[task_id, number].documents.append(stored if is_whole else {**stored, "values": {}})
    return found


def _state_of_key(key: KeyInBatch) -> StateOfKey:
    if key.is_stale:
        return StateOfKey(None, None, is_stale=True)
    own = key.instance
    if own.map_index == UNMAPPED:
        return StateOfKey(own.state, None)
    return StateOfKey(own.state, own.duration, ended=own.end_date.timestamp() if own.end_date else None)


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _state_of(
    state: str | None, record: KeyRecord | None, *, is_stopped: bool, has_records: bool
) -> tuple[str | None, KeyRecord | None]:
    """Return the state of a key, and the record that belongs to it, if any."""
    if state in NEVER_STARTED:
        outcome: str | None = outcome_of_unstarted(str(state), record, is_stopped=is_stopped)
    elif state in (SUCCESS, FAILED):
        outcome = outcome_of_started(str(state), record, has_records=has_records)
    elif record is not None and (state in _AT_WORK or (state == _BETWEEN_TRIES and record.is_final)):
        outcome = record.state
    else:
        return state, None
    if outcome == MARKED:
        return SUCCESS, None
    return outcome, record if record is not None and record.state == outcome else None


def _as_of_key(own: Instance, state: str | None, record: KeyRecord | None) -> Instance:
    """Return the task instance of a batch with the state, the tries and the times of a key."""
    if record is None:
        # The times of the batch are those of all its keys.
        return replace(own, state=state, start_date=None, end_date=None, duration=None)
    start = end = seconds = None
    if record.milliseconds is not None:
        seconds = record.milliseconds / 1000
    if record.started is not None:
        start = datetime.fromtimestamp(record.started / 1000, timezone.utc)
        end = start + timedelta(seconds=seconds or 0)
    return replace(
        own, state=state, try_number=record.tries, start_date=start, end_date=end, duration=seconds
    )
