"""Defines how batches are stored in XCom. Only this module knows these XCom keys and their JSON.

========================================  ===============================================================
XCom of the task that cuts a list of keys into batches
========================================  ===============================================================
``return_value``                          a short entry for each batch, over which Airflow expands
``dynamic_batches.<page>``                for 64 batches: the positions of their keys; also the attempt
``dynamic_batches.at.<page>``             for 1,000 positions: the batches that they are in
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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from airflow_dynamic_provider.definitions.states import FINAL
from airflow_dynamic_provider.execution.batches.cutting import Range
from airflow_dynamic_provider.execution.forms import Form, integer, reading

_REMEDY = "Clear the task that stored it with its downstream tasks, so that the installed release stores it."

BATCHES = Form("a list of batches", frozenset({"attempt", "ranges"}), _REMEDY)
PLACES = Form("the batches of a list of keys", frozenset({"first", "starts"}), _REMEDY)
CHUNK = Form("the keys of a batch", frozenset({"attempt", "keys"}), _REMEDY)

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
    return f"dynamic_batch.{chunk}"


@dataclass(frozen=True)
class StoredBatches:
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


@dataclass(frozen=True)
class StoredPlaces:
    """The batches of a page of positions.

    Attributes:
        first: The number of the batch that has the first position of the page.
        starts: The first positions of that batch and of the later batches that begin in the page.
    """

    first: int
    starts: tuple[int, ...]

    def pack(self) -> dict[str, Any]:
        """Return the stored form."""
        return {**PLACES.stamp, "first": self.first, "starts": list(self.starts)}

    @classmethod
    def unpack(cls, stored: Any) -> StoredPlaces:
        """Read the stored form.

        Raises:
            LayoutError: The version or the shape of the document is unknown.
        """
        document = PLACES.read(stored)
        with reading(PLACES.noun, stored):
            return cls(integer(document["first"]), tuple(map(integer, document["starts"])))

    def batch_of(self, position: int) -> int:
        """Return the number of the batch that has a position of the page."""
        return self.first + bisect_right(self.starts, position) - 1


def pages_of_places(batches: Sequence[Range]) -> list[StoredPlaces]:
    """Return the batches of each page of positions."""
    starts = [each.start for each in batches]
    count = batches[-1].stop if batches else 0
    pages = []
    for begin in range(0, count, POSITIONS_PER_PAGE):
        first = bisect_right(starts, begin) - 1
        last = bisect_right(starts, begin + POSITIONS_PER_PAGE - 1)
        pages.append(StoredPlaces(first, tuple(starts[first:last])))
    return pages


@dataclass(frozen=True)
class KeyFailure:
    """The error of a key that failed: its class, its message, and where it was raised. Secrets are masked."""

    kind: str
    message: str
    traceback: str = ""

    def pack(self) -> dict[str, Any]:
        """Return the stored form."""
        return {"type": self.kind, "message": self.message, "traceback": self.traceback}

    @classmethod
    def unpack(cls, stored: Mapping[str, Any]) -> KeyFailure:
        """Read the stored form."""
        return cls(str(stored["type"]), str(stored["message"]), str(stored.get("traceback", "")))


@dataclass(frozen=True)
class KeyRecord:
    """What became of one key in a batch.

    Attributes:
        key_path: The key path.
        position: Its position in the list of keys.
        state: Its state.
        values: Output -> value, if it succeeded. An optional output that was not produced is missing.
        metadata: Label -> metadata as it is stored.
        error: The error, if it failed.
        reason: Why it was skipped or could not start, if known.
        is_final: Whether a retry of the task instance leaves it as it is.
        tries: The number of times that it was started.
        started: When its last try began, in ISO 8601; ``None`` if it was not started.
        seconds: The duration of its last try.
    """

    key_path: tuple[str, ...]
    position: int
    state: str
    values: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    error: KeyFailure | None = None
    reason: str | None = None
    is_final: bool = True
    tries: int = 1
    started: str | None = None
    seconds: float | None = None

    def pack(self) -> dict[str, Any]:
        """Return the stored form, without empty parts."""
        packed: dict[str, Any] = {
            "key_path": list(self.key_path),
            "position": self.position,
            "state": self.state,
            "tries": self.tries,
            "values": dict(self.values),
            "metadata": dict(self.metadata),
            "error": None if self.error is None else self.error.pack(),
            "reason": self.reason,
            "may_change": not self.is_final,
            "started": self.started,
            "seconds": self.seconds,
        }
        return {name: part for name, part in packed.items() if not (part is None or part is False or part == {})}

    @classmethod
    def unpack(cls, stored: Any) -> KeyRecord:
        """Read the stored form.

        Raises:
            LayoutError: The shape is unknown.
        """
        with reading("a key of a batch", stored):
            state = stored["state"]
            if state not in FINAL:
                raise ValueError(f"{state!r} is not the state of a key that has ended")
            return cls(
                key_path=tuple(map(str, stored["key_path"])),
                position=integer(stored["position"]),
                state=state,
                values=dict(stored.get("values", {})),
                metadata=dict(stored.get("metadata", {})),
                error=None if stored.get("error") is None else KeyFailure.unpack(stored["error"]),
                reason=stored.get("reason"),
                is_final=not stored.get("may_change", False),
                tries=integer(stored.get("tries", 0)),
                started=stored.get("started"),
                seconds=stored.get("seconds"),
            )


@dataclass(frozen=True)
class StoredChunk:
    """Some keys of a batch.

    Attributes:
        records: What became of them.
        attempt: The attempt at producing the keys.
        is_last: Whether no other chunk follows. It is not known while the batch runs, or after it was killed.
    """

    records: tuple[KeyRecord, ...]
    attempt: int
    is_last: bool = False

    def pack(self) -> dict[str, Any]:
        """Return the stored form."""
        return {
            **CHUNK.stamp,
            "attempt": self.attempt,
            "is_last": self.is_last,
            "keys": [record.pack() for record in self.records],
        }

    @classmethod
    def unpack(cls, stored: Any) -> StoredChunk:
        """Read the stored form.

        Raises:
            LayoutError: The version or the shape of the document is unknown.
        """
        document = CHUNK.read(stored)
        with reading(CHUNK.noun, stored):
            records = tuple(map(KeyRecord.unpack, document["keys"]))
            return cls(records, integer(document["attempt"]), bool(document.get("is_last")))
