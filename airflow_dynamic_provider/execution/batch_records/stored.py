"""Defines how batches are stored in XCom. Only this module knows these XCom keys and their JSON.

========================================  ===============================================================
XCom of the task that cuts a list of keys into batches
========================================  ===============================================================
``return_value``                          a short entry for each batch, over which Airflow expands
``dynamic_batches.<page>``                for 64 batches: the positions of their keys; also the attempt
``dynamic_batches.at.<page>``             for 1,000 positions: the batches that they are in; only the first
                                          page if it has the size of all batches but the last
========================================  ===============================================================

========================================  ===============================================================
XCom of the task instance of a batch
========================================  ===============================================================
``dynamic_batch.<chunk>``                 some of its keys in the order in which they ended: state, values,
                                          metadata, error, number of tries, times
========================================  ===============================================================

The checkpoints in Airflow's task state store have the form of the chunks.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import groupby
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.records import Record, field
from airflow_dynamic_provider.definitions.states import FINAL, SUCCESS
from airflow_dynamic_provider.execution.batch_records.cutting import Range
from airflow_dynamic_provider.execution.failures import KeyFailure
from airflow_dynamic_provider.execution.forms import Form, integer, optional, reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

#: What to do about a document that cannot be read.
REMEDY = "Clear the task that stored it with its downstream tasks, so that the installed release stores it."

BATCHES = Form("a list of batches", frozenset({"attempt", "ranges"}), REMEDY)
PLACES = Form("the batches of a list of keys", frozenset({"first", "starts"}), REMEDY)
CHUNK = Form("the keys of a batch", frozenset({"attempt", "keys", "positions", "values"}), REMEDY)

#: The beginning of the XCom keys of chunks.
CHUNK_PREFIX = "dynamic_batch."

#: The fields of a chunk that tell the state and the times of its keys.
STATE_FIELDS = (
    *("version", "readable_by", "attempt", "keys", "positions", "states", "tries", "may_change"),
    *("began", "started", "milliseconds"),
)

#: The fields of a chunk that tell the state and the duration of its keys. Some databases read the whole
#: document once for each field.
SUM_FIELDS = (
    *("version", "readable_by", "attempt", "keys", "positions", "states", "may_change", "milliseconds"),
)

#: The fields of a chunk that tell when its keys ended, with their durations.
TIME_FIELDS = ("began", "started")

#: All fields of a chunk but its values.
RECORD_FIELDS = (*STATE_FIELDS, "reasons", "metadata", "failures")

#: The number of batches in a page. The task instance of a batch reads one page.
BATCHES_PER_PAGE = 64

#: The number of positions in a page. A task that needs the batch of one key reads one page.
POSITIONS_PER_PAGE = 1000


def batches_xcom(page: int) -> str:
    """Return the XCom key of a page of a list of batches."""
    return f"dynamic_batches.{page}"


def places_xcom(page: int) -> str:
    """Return the XCom key of the batches of a page of positions."""
    return f"dynamic_batches.at.{page}"


def chunk_xcom(chunk: int) -> str:
    """Return the XCom key of some of the keys of a batch."""
    return f"{CHUNK_PREFIX}{chunk}"


class StoredBatches(Record):
    """A page of a list of batches, and the attempt at producing the keys."""

    ranges: tuple[Range, ...]
    attempt: int

    def pack(self) -> dict[str, Any]:
        """Return the stored form."""
        return {**BATCHES.stamp, "attempt": self.attempt, "ranges": [list(each) for each in self.ranges]}

    @classmethod
    def unpack(cls, stored: Any) -> StoredBatches:
        """Read the stored form.

        Raises:
            LayoutError: The version or the shape of the document is unknown.
        """
        document = BATCHES.read(stored)
        with reading(BATCHES.noun, stored):
            ranges = tuple(Range(integer(start), integer(stop)) for start, stop in document["ranges"])
            return cls(ranges, integer(document["attempt"]))


class StoredPlaces(Record):
    """The batches of a page of positions.

    Attributes:
        first: The number of the batch that has the first position of the page.
        starts: The first positions of that batch and of the later batches that begin in the page.
        size: The number of keys of each batch but the last; ``None`` if batches differ.
        count: The number of keys of all batches, with ``size``.
    """

    first: int
    starts: tuple[int, ...]
    size: int | None = None
    count: int = 0

    def pack(self) -> dict[str, Any]:
        """Return the stored form."""
        regular = {} if self.size is None else {"size": self.size, "count": self.count}
        return {**PLACES.stamp, "first": self.first, "starts": list(self.starts), **regular}

    @classmethod
    def unpack(cls, stored: Any) -> StoredPlaces:
        """Read the stored form.

        Raises:
            LayoutError: The version or the shape of the document is unknown.
        """
        document = PLACES.read(stored)
        with reading(PLACES.noun, stored):
            size = document.get("size")
            return cls(
                integer(document["first"]),
                tuple(map(integer, document["starts"])),
                optional(integer, size),
                integer(document.get("count", 0)),
            )

    def batch_of(self, position: int) -> int | None:
        """Return the number of the batch that has a position, of the page or with ``size`` of any page."""
        if self.size is not None:
            return position // self.size if position < self.count else None
        return self.first + bisect_right(self.starts, position) - 1


def pages_of_places(batches: Sequence[Range]) -> list[StoredPlaces]:
    """Return the batches of each page of positions. One page is enough if all batches have the same size."""
    if not batches:
        return []
    starts, count, size = [each.start for each in batches], batches[-1].stop, batches[0].length
    if starts == list(range(0, count, size)):
        return [StoredPlaces(0, (), size, count)]
    pages = []
    for begin in range(0, count, POSITIONS_PER_PAGE):
        first = bisect_right(starts, begin) - 1
        last = bisect_right(starts, begin + POSITIONS_PER_PAGE - 1)
        pages.append(StoredPlaces(first, tuple(starts[first:last])))
    return pages


class BatchItem(Record):
    """A dynamic output that a key of a batch produced.

    Attributes:
        key: Its mapping key.
        metadata: Its metadata as it is stored.
        page: The page of the batch that has its value; -1 if it is in ``value``, because it is not on a page
            yet or any more. See `items`.
        value: Its value.
    """

    key: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    page: int = -1
    value: Any = None


class KeyRecord(Record):
    """What became of one key in a batch.

    Attributes:
        key_path: The key path.
        position: Its position in the list of keys.
        state: Its state.
        values: Output -> value, if it succeeded. An optional output that was not produced is missing.
        metadata: Its metadata as it is stored.
        failure: The error, if it failed.
        reason: Why it was skipped or could not start, if known.
        is_final: Whether a retry of the task instance leaves it as it is.
        tries: The number of times that it was started.
        is_held_back: Whether it was skipped because too many keys of the map had failed.
        started: When its last try began, in milliseconds since 1970; ``None`` if it was not started.
        milliseconds: The duration of its last try.
        items: Dynamic output -> what it produced, if it succeeded.
    """

    key_path: tuple[str, ...]
    position: int
    state: str
    values: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    failure: KeyFailure | None = None
    reason: str | None = None
    is_final: bool = True
    tries: int = 1
    is_held_back: bool = False
    started: int | None = None
    milliseconds: float | None = None
    items: Mapping[str, Sequence[BatchItem]] = field(default_factory=dict)

    def produced_keys(self, output: str, number: int) -> list[dict[str, Any]]:
        """Return the keys of a dynamic output in the form in which a single clone stores them.

        Args:
            output: The output.
            number: The number of the batch.
        """
        return [
            {"key": item.key, "metadata": item.metadata, "page": (number, item.page)}
            for item in self.items[output]
        ]


class StoredChunk(Record):
    """Some keys of a batch. They are stored in columns, because most keys have the same in most of them.

    Attributes:
        records: What became of the keys.
        attempt: The attempt at producing the keys.
        is_last: Whether no other chunk follows. It is not known while the batch runs, or after it was killed.
        others: In the first chunk of a batch that has ended, where the other keys are: the first position of
            each range of positions, the position after the last, and the chunk, in the order of positions.
    """

    records: tuple[KeyRecord, ...]
    attempt: int
    is_last: bool = False
    others: tuple[tuple[int, int, int], ...] = ()

    def pack(self) -> dict[str, Any]:
        """Return the stored form."""
        records = self.records
        outputs = sorted({output for record in records for output in record.values})
        held_back = _pack_rare([record.is_held_back for record in records], False)
        began = min((each.started for each in records if each.started is not None), default=0)
        items = _pack_rare([_pack_items(record.items) for record in records], {})
        return {
            **CHUNK.stamp,
            "attempt": self.attempt,
            "is_last": self.is_last,
            **({"others": [list(each) for each in self.others]} if self.others else {}),
            "keys": [_pack_path(record.key_path) for record in records],
            "positions": [record.position for record in records],
            "states": _pack_rare([record.state for record in records], SUCCESS),
            "tries": _pack_rare([record.tries for record in records], 1),
            "may_change": _pack_rare([not record.is_final for record in records], False),
            "reasons": _pack_rare([record.reason for record in records], None),
            "metadata": _pack_rare([dict(record.metadata) for record in records], {}),
            "failures": _pack_rare(
                [None if record.failure is None else record.failure.pack() for record in records], None
            ),
            # Values of keys that did not succeed are missing.
            "values": {
                output: [record.values.get(output) for record in records if output in record.values]
                for output in outputs
            },
            "without": {
                output: missing
                for output in outputs
                if (missing := [at for at, record in enumerate(records) if output not in record.values])
            },
            "began": began,
            "started": [None if each.started is None else each.started - began for each in records],
            "milliseconds": [each.milliseconds for each in records],
            **({"items": items} if items else {}),
            # Only maps with a limit to failed keys have it.
            **({"held_back": held_back} if held_back else {}),
        }

    @classmethod
    def unpack(cls, stored: Any) -> StoredChunk:
        """Read the stored form.

        Raises:
            LayoutError: The version or the shape of the document is unknown.
        """
        document = CHUNK.read(stored)
        with reading(CHUNK.noun, stored):
            return cls(
                tuple(_unpack_records(document)),
                integer(document["attempt"]),
                bool(document.get("is_last")),
                tuple(
                    (integer(start), integer(stop), integer(at))
                    for start, stop, at in document.get("others", ())
                ),
            )

    def chunk_of(self, position: int) -> int | None:
        """Return the other chunk that has a position, ``None`` if there is none. Only with `others`."""
        at = bisect_right(self.others, position, key=lambda each: each[0]) - 1
        return self.others[at][2] if at >= 0 and position < self.others[at][1] else None


def unpack_states(stored: Any) -> list[tuple[tuple[str, ...], int, str, float | None, float | None]]:
    """Read the key path, the position, the state, the milliseconds and the end of each key of a chunk.

    The end is in milliseconds since 1970. It is ``None`` if `TIME_FIELDS` were not read.

    A page about all keys reads many chunks. This takes a fraction of the time of `StoredChunk.unpack`.

    Raises:
        LayoutError: The version or the shape of the document is unknown.
    """
    document = CHUNK.read(stored)
    with reading(CHUNK.noun, stored):
        keys, states = document["keys"], document.get("states", {})
        if not FINAL.issuperset(states.values()):
            raise ValueError("one of the states is not that of a key that has ended")
        began = document.get("began", 0)
        started, milliseconds = (
            document.get(name) or [None] * len(keys) for name in ("started", "milliseconds")
        )
        return [
            (
                (key,) if isinstance(key, str) else tuple(map(str, key)),
                integer(position),
                states.get(str(at), SUCCESS) if states else SUCCESS,
                took,
                None if start is None else began + start + (took or 0),
            )
            for at, (key, position, start, took) in enumerate(
                zip(keys, document["positions"], started, milliseconds, strict=True)
            )
        ]


def ranges_of(chunks: Mapping[int, Iterable[int]]) -> tuple[tuple[int, int, int], ...]:
    """Return where positions are, in the form of `StoredChunk.others`.

    Args:
        chunks: Chunk -> its positions.

    Example:
        >>> ranges_of({1: [3, 4, 6], 2: [7, 5]})
        ((3, 5, 1), (5, 6, 2), (6, 7, 1), (7, 8, 2))
    """
    ranges: list[tuple[int, int, int]] = []
    for position, chunk in sorted((each, chunk) for chunk, positions in chunks.items() for each in positions):
        start = ranges.pop()[0] if ranges and ranges[-1][1:] == (position, chunk) else position
        ranges.append((start, position + 1, chunk))
    return tuple(ranges)


def _unpack_records(document: Mapping[str, Any]) -> Iterator[KeyRecord]:
    keys, positions = document["keys"], document["positions"]
    count = len(keys)
    rare = {name: document.get(name, {}) for name in _RARE}
    odd = {at for entries in rare.values() for at in entries}
    values = _unpack_values(document, count)
    began = document.get("began", 0)
    started, milliseconds = (document.get(name) or [None] * count for name in ("started", "milliseconds"))
    for at, (key, position, start, took) in enumerate(
        zip(keys, positions, started, milliseconds, strict=True)
    ):
        found = _RARE
        if odd and str(at) in odd:
            found = {name: rare[name].get(str(at), usual) for name, usual in _RARE.items()}
        if found["states"] not in FINAL:
            raise ValueError(f"{found['states']!r} is not the state of a key that has ended")
        yield KeyRecord(
            key_path=(key,) if isinstance(key, str) else tuple(map(str, key)),
            position=integer(position),
            state=found["states"],
            values=values[at],
            metadata=found["metadata"],
            failure=None if found["failures"] is None else KeyFailure.unpack(found["failures"]),
            reason=found["reasons"],
            is_final=not found["may_change"],
            tries=integer(found["tries"]),
            is_held_back=bool(found["held_back"]),
            started=None if start is None else began + start,
            milliseconds=took,
            items=_unpack_items(found["items"]),
        )


def _unpack_values(document: Mapping[str, Any], count: int) -> list[dict[str, Any]]:
    """Return the values of each record. A column that does not fit the records would shift its values."""
    found: list[dict[str, Any]] = [{} for _ in range(count)]
    for output, column in document["values"].items():
        missing = set(document.get("without", {}).get(output, ()))
        for at, value in zip((at for at in range(count) if at not in missing), column, strict=True):
            found[at][output] = value
    return found


# The columns in which most keys have the same, and what they have.
_RARE: dict[str, Any] = {
    "states": SUCCESS,
    "tries": 1,
    "may_change": False,
    "held_back": False,
    "reasons": None,
    "items": {},
    "metadata": {},
    "failures": None,
}


def _pack_rare(column: Sequence[Any], usual: Any) -> dict[str, Any]:
    """Return the entries that differ from what most keys have, by their position in the chunk."""
    return {str(at): each for at, each in enumerate(column) if each != usual}


def _pack_items(by_output: Mapping[str, Sequence[BatchItem]]) -> dict[str, Any]:
    """Return the dynamic outputs of a key. Those that follow each other share pages."""
    return {
        output: {
            "keys": [item.key for item in items],
            "pages": [[page, len(list(same))] for page, same in groupby(items, lambda item: item.page)],
            "metadata": _pack_rare([dict(item.metadata) for item in items], {}),
            "values": _pack_rare([item.value for item in items], None),
        }
        for output, items in by_output.items()
    }


def _unpack_items(stored: Mapping[str, Any]) -> dict[str, tuple[BatchItem, ...]]:
    found = {}
    for output, each in stored.items():
        pages = [integer(page) for page, count in each["pages"] for _ in range(integer(count))]
        metadata, values = each["metadata"], each["values"]
        found[output] = tuple(
            BatchItem(str(key), metadata.get(str(at), {}), page, values.get(str(at)))
            for at, (key, page) in enumerate(zip(each["keys"], pages, strict=True))
        )
    return found


def _pack_path(path: tuple[str, ...]) -> str | list[str]:
    return path[0] if len(path) == 1 else list(path)
