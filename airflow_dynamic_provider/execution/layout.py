"""Defines how outputs are stored in XCom. Only this module knows the XCom keys and the stored JSON.

It converts between Python objects and plain JSON, and does not call Airflow.

========================================  ===============================================================
XCom of the producing task instance
========================================  ===============================================================
``return_value``                          the mapping keys in order, over which Airflow expands, if the task
                                          has one dynamic output. If it has several, each list is the
                                          ``return_value`` of the task ``<task>__<output>``.
``dynamic_output.<output>.keys``          the mapping keys; only if there are several dynamic outputs
``<list>.digest``                         the number of keys and a digest of them, for each list of keys;
                                          ``<list>`` is the XCom key of the list
``dynamic_output.<output>.page.<page>``   64 dynamic outputs: mapping keys, values, metadata, attempt; also
                                          the key path of the producing task instance if that is a clone.
                                          They are missing if all tasks that read the output are batches.
``dynamic_output.<output>.all``           the values in order, and their mapping keys; only if the output
                                          itself is collected, or mapped in batches. Then they also have the
                                          metadata. ``dynamic_output.<output>.all.1`` has the second
                                          thousand, and so on.
``<such a page>.described``               the same page without the values, whatever its size; only with an
                                          XCom backend of the deployment
``<one of these>.part<part>``             the rest of a page that is too large for one XCom (see `paging`)
``dynamic_output.<output>.<position>``    one dynamic output, as an earlier release stored it
``dynamic_output.<output>``               its keys with their metadata, and the key path of the producing task
                                          instance; only if that is a clone
``<output>``                              the value of a static output, unchanged
``produced_outputs``                      the static outputs that were produced; only if one is optional
========================================  ===============================================================

========================================  ===============================================================
XCom of a clone
========================================  ===============================================================
``return_value``                          the return value of its operator, as Airflow stores it
``dynamic_output.<output>``               the same value with the clone's key path and position; only if a
                                          handle refers to it. If a task asks for outcomes, also the number of
                                          tries and the duration.
``dynamic_clone``                         the clone's key path, position and attempt; only if the keys were
                                          produced more than once
``dynamic_clone.skipped``                 the clone's key path and position, its tries and the duration of the
                                          last; only if it was skipped, and a task asks for outcomes
``dynamic_clone.not_started``             the clone's key path and position, and why its operator did not
                                          start; only if ``max_failures`` of its map stopped it
========================================  ===============================================================

========================================  ===============================================================
XCom of a task that lists the keys of a nested or joined key space
========================================  ===============================================================
``return_value``                          the key paths in order, over which Airflow expands
``return_value.digest``                   the number of key paths and a digest of them
``dynamic_keys.<page>``                   for some of the keys: the path, the positions in the key spaces that
                                          it is made of, and the metadata; also the attempt
``dynamic_keys.below.<page>``             for some of the keys of the enclosing map: the key path, and the
                                          positions of the keys below it
``dynamic_keys.marked``                   the outer keys whose clone was marked as success and stored no keys;
                                          only if there are any
========================================  ===============================================================

The *attempt* is the number of the try in which a list of keys was made. On any task instance,
``output_metadata`` has label -> ``{"type": kind, "value": value}`` for each output. On a task instance of the
package or of a map whose last try failed, ``dynamic_failure`` has its error.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import ItemsView, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.records import Record, as_dict, field, replace
from airflow_dynamic_provider.errors import LayoutError
from airflow_dynamic_provider.execution.forms import Form, build, integer, misshapen, optional, reading

if TYPE_CHECKING:
    from airflow_dynamic_provider.definitions.events import DynamicOutput
    from airflow_dynamic_provider.definitions.metadata import MetadataValue

RETURN_VALUE = "return_value"
METADATA_XCOM = "output_metadata"
PRODUCED_XCOM = "produced_outputs"
CLONE_XCOM = "dynamic_clone"

#: The XCom key of the error of the last try, which `failures` defines.
FAILURE_XCOM = "dynamic_failure"
#: The XCom key of the tries of a clone that was skipped.
SKIP_XCOM = f"{CLONE_XCOM}.skipped"
#: The XCom key that tells why a clone did not start its operator.
NOT_STARTED_XCOM = f"{CLONE_XCOM}.not_started"

#: The only field of a value that is stored as JSON of its declared type: see `typed_values`.
TYPED = "$typed"

#: The field of a clone's mark for the attempt at producing the keys.
ATTEMPT = "attempt"

_REMEDY = "Clear the producing task, so that the installed release stores its outputs again."


def _form(noun: str, *fields: str) -> Form:
    return Form(noun, frozenset(fields), _REMEDY)


ITEM = _form("a dynamic output", "key_path", "value", "metadata")
RESULT = _form("a clone's output", "key_path", "map_index", "is_produced", "value")
METADATA = _form("output metadata")
CLONE = _form("the mark of a clone", "key_path", "map_index", ATTEMPT)
SKIP = _form("the mark of a clone that was skipped", "key_path", "map_index", "tries", "milliseconds")
NOT_STARTED = _form("the mark of a clone that did not start", "key_path", "map_index", "reason")
ENTRIES = _form("a list of keys", "attempt", "entries")
BLOCKS = _form("the positions of keys below others", "length", "blocks")
ITEMS = _form("a page of dynamic outputs", "keys", "values", "metadata")
VALUES = _form("the values of a dynamic output", "values")
MARKED = _form("a list of marked keys", "key_paths")
DIGEST = _form("the digest of a list of keys", "length", "digest")

_KEEP_PREFIX = "dynamic_keep_results."

#: The fields of a dynamic output, and of a page of them, that do not hold values.
ITEM_FIELDS = ("version", "readable_by", "key_path", "metadata", ATTEMPT)
ITEMS_FIELDS = (*ITEM_FIELDS, "keys", "starts")

#: The number of entries in one XCom of a list of keys. A clone reads one such XCom for any number of keys.
ENTRIES_PER_PAGE = 64

#: The number of keys of the enclosing map in one XCom with the positions of the keys below them.
BLOCKS_PER_PAGE = 64

#: The number of dynamic outputs in one page. A clone reads one such page for any number of keys.
ITEMS_PER_PAGE = 64

#: The number of values in one XCom of a collected dynamic output.
VALUES_PER_PAGE = 1000

_PREFIX = "dynamic_output"
_ENTRIES_PREFIX = "dynamic_keys"

#: The XCom key of the outer keys whose clone was marked as success and stored no keys.
MARKED_XCOM = f"{_ENTRIES_PREFIX}.marked"

#: The prefixes of XComs that only the package reads. Authors do not need them.
INTERNAL_XCOMS = (
    f"{_PREFIX}.",
    f"{_ENTRIES_PREFIX}.",
    "dynamic_batch.",
    "dynamic_batch_items.",
    "dynamic_batches.",
    PRODUCED_XCOM,
    CLONE_XCOM,
    FAILURE_XCOM,
    f"{RETURN_VALUE}.digest",
)


def items_xcom(output: str, page: int, part: int = 0) -> str:
    """Return the XCom key of a page of dynamic outputs, or of a part of the page."""
    return f"{_PREFIX}.{output}.page.{page}{_part(part)}"


def described_xcom(page: str) -> str:
    """Return the XCom key of a page without the values, given the XCom key of the page."""
    return f"{page}.described"


def item_xcom(output: str, position: int) -> str:
    """Return the XCom key of one dynamic output, as an earlier release stored it."""
    return f"{_PREFIX}.{output}.{position}"


def keys_xcom(output: str, *, is_only: bool = False) -> str:
    """Return the XCom key of a dynamic output's mapping keys on the producing task instance."""
    return RETURN_VALUE if is_only else f"{_PREFIX}.{output}.keys"


def digest_xcom(keys: str) -> str:
    """Return the XCom key of the digest of a list of mapping keys, given the XCom key of the list."""
    return f"{keys}.digest"


def values_xcom(output: str, page: int, part: int = 0) -> str:
    """Return the XCom key of a page of a dynamic output's values, or of a part of it."""
    return f"{_PREFIX}.{output}.all" + (f".{page}" if page else "") + _part(part)


def entries_xcom(page: int) -> str:
    """Return the XCom key of a page of a list of keys."""
    return f"{_ENTRIES_PREFIX}.{page}"


def blocks_xcom(page: int) -> str:
    """Return the XCom key of a page of positions of keys below others."""
    return f"{_ENTRIES_PREFIX}.below.{page}"


def result_xcom(output: str) -> str:
    """Return the XCom key of a clone's output."""
    return f"{_PREFIX}.{output}"


def is_typed(stored: Any) -> bool:
    """Return whether a stored value is JSON that is read by the declared type."""
    return type(stored) is dict and stored.keys() == {TYPED}


def holds_typed(stored: Any) -> bool:
    """Return whether a stored value, or a part of a list or dict, is read by the declared type."""
    if type(stored) is dict:
        return stored.keys() == {TYPED} or any(map(is_typed, stored.values()))
    return type(stored) is list and any(map(is_typed, stored))


def shown_form(stored: Any) -> Any:
    """Return a stored value for people to read, without knowing its type: the JSON of typed parts."""
    if is_typed(stored):
        return stored[TYPED]
    if type(stored) is list:
        return [shown_form(each) for each in stored]
    return {key: shown_form(each) for key, each in stored.items()} if type(stored) is dict else stored


def _part(part: int) -> str:
    return f".part{part}" if part else ""


class StoredItem(Record):
    """One dynamic output, as its clones read it. An earlier release stored each by itself."""

    key_path: tuple[str, ...]
    value: Any
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)
    attempt: int = 1

    @classmethod
    def unpack(cls, stored: Any) -> StoredItem:
        """Read the stored form.

        Raises:
            LayoutError: The version or the shape of the document is unknown.
        """
        document = ITEM.read(stored)
        with reading(ITEM.noun, stored):
            return cls(
                _path(document["key_path"]),
                document["value"],
                _read_metadata(document["metadata"]),
                integer(document.get("attempt", 1)),
            )


class StoredItems(Record):
    """Some dynamic outputs in the order of their keys: a page, or a part of one.

    Attributes:
        keys: Their mapping keys.
        values: Their values; ``None`` if they were not loaded.
        metadata: Position among them -> metadata as it is stored; most have none.
        key_path: The key path of the clone that produced them; empty if the producing task runs once.
        attempt: The attempt at producing the keys.
        starts: In the first part of a page, the offsets in the page at which the other parts begin.
    """

    keys: tuple[str, ...]
    values: Sequence[Any] | None
    metadata: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    key_path: tuple[str, ...] = ()
    attempt: int = 1
    starts: tuple[int, ...] = ()

    @classmethod
    def of(cls, events: Sequence[DynamicOutput[Any]], **more: Any) -> StoredItems:
        """Return what is stored of dynamic outputs.

        Args:
            events: The dynamic outputs.
            more: The other attributes.
        """
        metadata = {at: _pack_metadata(event.metadata) for at, event in enumerate(events) if event.metadata}
        keys = tuple(event.mapping_key for event in events)
        return cls(keys, [event.value for event in events], metadata, **more)

    def pack(self) -> dict[str, Any]:
        """Return the stored form."""
        return {
            **ITEMS.stamp,
            **({"key_path": list(self.key_path)} if self.key_path else {}),
            **({"attempt": self.attempt} if self.attempt > 1 else {}),
            **({"starts": list(self.starts)} if self.starts else {}),
            "keys": list(self.keys),
            "values": self.values,
            "metadata": {str(at): dict(metadata) for at, metadata in self.metadata.items()},
        }

    @classmethod
    def unpack(cls, stored: Any) -> StoredItems:
        """Read the stored form. The metadata of each output is read by `item` alone.

        Raises:
            LayoutError: Its version or its shape is unknown.
        """
        document = ITEMS.read(stored)
        with reading(ITEMS.noun, stored):
            keys = _keys(document["keys"], document["values"])
            return cls(
                keys,
                document["values"],
                {int(at): metadata for at, metadata in document["metadata"].items()},
                _path(document["key_path"]) if "key_path" in document else (),
                integer(document.get("attempt", 1)),
                tuple(integer(start) for start in document.get("starts", ())),
            )

    def item(self, offset: int) -> StoredItem | None:
        """Return one of them, ``None`` if there are fewer.

        Raises:
            LayoutError: Its metadata is not of a known shape.
        """
        if offset >= len(self.keys):
            return None
        stored = self.metadata.get(offset, {})
        with reading(ITEMS.noun, stored):
            metadata = _read_metadata(stored)
        value = None if self.values is None else self.values[offset]
        return StoredItem((*self.key_path, self.keys[offset]), value, metadata, self.attempt)

    @classmethod
    def described(cls, parts: Sequence[StoredItems]) -> StoredItems:
        """Return a page without the values, from all its parts in order."""
        keys: list[str] = []
        metadata: dict[int, Mapping[str, Any]] = {}
        for part in parts:
            metadata |= {len(keys) + at: each for at, each in part.metadata.items()}
            keys += part.keys
        return cls(tuple(keys), None, metadata, parts[0].key_path, parts[0].attempt)

    def with_metadata(self, added: Mapping[int, Mapping[str, MetadataValue]]) -> StoredItems:
        """Return the same with more metadata, by position among them. The last value of a label wins."""
        more = {at: {**self.metadata.get(at, {}), **_pack_metadata(each)} for at, each in added.items()}
        return replace(self, metadata={**self.metadata, **more})


class StoredResult(Record):
    """An output of a clone, with the key path and the map index of the clone.

    Attributes:
        key_path: The key path.
        map_index: The map index.
        value: The value.
        is_produced: Whether the output was produced.
        tries: The number of tries of the clone since it was last cleared; only if a task asks for outcomes.
        milliseconds: The duration of the last try, likewise.
    """

    key_path: tuple[str, ...]
    map_index: int
    value: Any = None
    is_produced: bool = True
    tries: int | None = None
    milliseconds: float | None = None

    def pack(self) -> dict[str, Any]:
        """Return the stored form."""
        return {
            **RESULT.stamp,
            "key_path": list(self.key_path),
            "map_index": self.map_index,
            "is_produced": self.is_produced,
            "value": self.value,
            **({} if self.tries is None else {"tries": self.tries, "milliseconds": self.milliseconds}),
        }

    @classmethod
    def unpack(cls, stored: Any) -> StoredResult:
        """Read the stored form.

        Raises:
            LayoutError: The version or the shape of the document is unknown.
        """
        document = RESULT.read(stored)
        with reading(RESULT.noun, stored):
            return cls(
                _path(document["key_path"]),
                integer(document["map_index"]),
                document["value"],
                bool(document["is_produced"]),
                optional(integer, document.get("tries")),
                optional(float, document.get("milliseconds")),
            )


class MadeBy(Record):
    """The task instance that made a result, and the key that it ran for.

    Attributes:
        dag_id: The Dag.
        run_id: The run.
        task_id: The task.
        map_index: The map index, -1 if it is not mapped.
        mapping_key: The key, ``outer/inner`` for a path; ``None`` outside a clone.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    mapping_key: str | None = None

    def pack(self) -> dict[str, Any]:
        """Return the stored form."""
        return as_dict(self)

    @classmethod
    def unpack(cls, stored: Any) -> MadeBy:
        """Read the stored form.

        Raises:
            LayoutError: The shape of the document is unknown.
        """
        with reading("the origin of a result", stored):
            return build(cls, "the origin of a result", stored)


class StoredMetadata(Record):
    """The metadata of one task instance.

    Attributes:
        outputs: Output -> label -> value, for the outputs of the task instance.
        keys: Output -> mapping key -> label -> value, for single dynamic outputs.
        inherited: Label -> value, from the dynamic output that a clone runs for.
        key_path: The clone's key path; empty outside a clone.
        made_by: What made the result that it uses, if the task is cached and did not run.
    """

    outputs: Mapping[str, Mapping[str, MetadataValue]] = field(default_factory=dict)
    keys: Mapping[str, Mapping[str, Mapping[str, MetadataValue]]] = field(default_factory=dict)
    inherited: Mapping[str, MetadataValue] = field(default_factory=dict)
    key_path: tuple[str, ...] = ()
    made_by: MadeBy | None = None

    def __bool__(self) -> bool:
        return bool(self.outputs or self.keys or self.inherited or self.made_by)

    def pack(self) -> dict[str, Any]:
        """Return the stored form, without empty parts."""
        document: dict[str, Any] = {**METADATA.stamp}
        if self.key_path:
            document["key_path"] = list(self.key_path)
        if self.outputs:
            document["outputs"] = {name: _pack_metadata(found) for name, found in self.outputs.items()}
        if self.keys:
            document["keys"] = {
                name: {key: _pack_metadata(found) for key, found in by_key.items()}
                for name, by_key in self.keys.items()
            }
        if self.inherited:
            document["inherited"] = _pack_metadata(self.inherited)
        if self.made_by is not None:
            document["made_by"] = self.made_by.pack()
        return document

    @classmethod
    def unpack(cls, stored: Any) -> StoredMetadata:
        """Read the stored form.

        Raises:
            LayoutError: The version or the shape of the document is unknown.
        """
        document = METADATA.read(stored)
        return cls(
            outputs={name: _read_metadata(found) for name, found in _items(document.get("outputs", {}))},
            keys={
                name: {key: _read_metadata(found) for key, found in _items(by_key)}
                for name, by_key in _items(document.get("keys", {}))
            },
            inherited=_read_metadata(document.get("inherited", {})),
            key_path=_path(document["key_path"]) if "key_path" in document else (),
            made_by=MadeBy.unpack(document["made_by"]) if "made_by" in document else None,
        )


class StoredClone(Record):
    """The key that a clone runs for, and the attempt at producing the keys."""

    key_path: tuple[str, ...]
    map_index: int
    attempt: int

    def pack(self) -> dict[str, Any]:
        """Return the stored form."""
        return {
            **CLONE.stamp,
            "key_path": list(self.key_path),
            "map_index": self.map_index,
            ATTEMPT: self.attempt,
        }

    @classmethod
    def unpack(cls, stored: Any) -> StoredClone:
        """Read the stored form.

        Raises:
            LayoutError: The version or the shape of the document is unknown.
        """
        document = CLONE.read(stored)
        with reading(CLONE.noun, stored):
            return cls(
                _path(document["key_path"]), integer(document["map_index"]), integer(document[ATTEMPT])
            )


class StoredNotStarted(Record):
    """The key of a clone that did not start its operator, and the reason."""

    key_path: tuple[str, ...]
    map_index: int
    reason: str

    def pack(self) -> dict[str, Any]:
        """Return the stored form."""
        return {
            **NOT_STARTED.stamp,
            "key_path": list(self.key_path),
            "map_index": self.map_index,
            "reason": self.reason,
        }

    @classmethod
    def unpack(cls, stored: Any) -> StoredNotStarted:
        """Read the stored form.

        Raises:
            LayoutError: The version or the shape of the document is unknown.
        """
        document = NOT_STARTED.read(stored)
        with reading(NOT_STARTED.noun, stored):
            return cls(_path(document["key_path"]), integer(document["map_index"]), str(document["reason"]))


class StoredSkip(Record):
    """The key of a clone that was skipped after it had started, its tries, and the duration of the last."""

    key_path: tuple[str, ...]
    map_index: int
    tries: int
    milliseconds: float

    def pack(self) -> dict[str, Any]:
        """Return the stored form."""
        return {
            **SKIP.stamp,
            "key_path": list(self.key_path),
            "map_index": self.map_index,
            "tries": self.tries,
            "milliseconds": self.milliseconds,
        }

    @classmethod
    def unpack(cls, stored: Any) -> StoredSkip:
        """Read the stored form.

        Raises:
            LayoutError: The version or the shape of the document is unknown.
        """
        document = SKIP.read(stored)
        with reading(SKIP.noun, stored):
            return cls(
                _path(document["key_path"]),
                integer(document["map_index"]),
                integer(document["tries"]),
                float(document["milliseconds"]),
            )


class StoredEntry(Record):
    """One key path of a nested or joined key space.

    Attributes:
        key_path: The key path.
        links: The position in each key space that it is made of; ``None`` if an outer zip lacks the key.
        item: The position among the outputs of the producing clone; ``None`` for a joined space.
        metadata: The metadata of the dynamic output, which its clones show too.
        page: If the producing clone ran in a batch: the number of the batch, and the page of the value in it.
    """

    key_path: tuple[str, ...]
    links: tuple[int | None, ...]
    item: int | None = None
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)
    page: tuple[int, int] | None = None


class StoredEntries(Record):
    """A page of a list of keys."""

    entries: tuple[StoredEntry, ...]
    attempt: int

    def pack(self) -> dict[str, Any]:
        """Return the stored form."""
        return {
            **ENTRIES.stamp,
            "attempt": self.attempt,
            "entries": [
                {
                    "key_path": list(entry.key_path),
                    "links": list(entry.links),
                    "item": entry.item,
                    "metadata": _pack_metadata(entry.metadata),
                    **({} if entry.page is None else {"page": list(entry.page)}),
                }
                for entry in self.entries
            ],
        }

    @classmethod
    def unpack(cls, stored: Any) -> StoredEntries:
        """Read the stored form.

        Raises:
            LayoutError: The version or the shape of the document is unknown.
        """
        document = ENTRIES.read(stored)
        with reading(ENTRIES.noun, stored):
            return cls(tuple(map(_unpack_entry, document["entries"])), integer(document["attempt"]))


def _unpack_entry(stored: Any) -> StoredEntry:
    with reading("an entry of a list of keys", stored):
        return StoredEntry(
            _path(stored["key_path"]),
            tuple(None if link is None else integer(link) for link in stored["links"]),
            None if stored["item"] is None else integer(stored["item"]),
            _read_metadata(stored["metadata"]),
            None if (page := stored.get("page")) is None else (integer(page[0]), integer(page[1])),
        )


class StoredBlock(Record):
    """The positions of all keys of a list below one key of the enclosing map.

    Attributes:
        key_path: The key path of the enclosing map.
        ranges: The first position of each range, and the position after the last. Usually there is one range.
    """

    key_path: tuple[str, ...]
    ranges: tuple[tuple[int, int], ...]

    @property
    def positions(self) -> list[int]:
        """The positions."""
        return [position for start, stop in self.ranges for position in range(start, stop)]


class StoredBlocks(Record):
    """For some keys of the enclosing map, in their order, the positions of the keys below each.

    Attributes:
        blocks: The positions below each key.
        length: The number of keys in the whole list.
    """

    blocks: tuple[StoredBlock, ...]
    length: int

    def pack(self) -> dict[str, Any]:
        """Return the stored form."""
        return {
            **BLOCKS.stamp,
            "length": self.length,
            "blocks": [
                {"key_path": list(block.key_path), "ranges": [list(each) for each in block.ranges]}
                for block in self.blocks
            ],
        }

    @classmethod
    def unpack(cls, stored: Any) -> StoredBlocks:
        """Read the stored form.

        Raises:
            LayoutError: The version or the shape of the document is unknown.
        """
        document = BLOCKS.read(stored)
        with reading(BLOCKS.noun, stored):
            return cls(tuple(map(_unpack_block, document["blocks"])), integer(document["length"]))


def _unpack_block(stored: Any) -> StoredBlock:
    with reading("the positions of keys below one key", stored):
        ranges = tuple((integer(start), integer(stop)) for start, stop in stored["ranges"])
        return StoredBlock(_path(stored["key_path"]), ranges)


class StoredValues(Record):
    """Some values of a dynamic output, in the order of its keys, and the clone that produced them, if any.

    Attributes:
        values: The values.
        key_path: The clone's key path.
        map_index: The clone's map index.
        keys: The mapping key of each value; ``None`` if an earlier release stored the values.
        starts: In the first part of a page, the offsets in the page at which the other parts begin.
        metadata: Position among them -> metadata as it is stored; ``None`` if it is not stored here.
        attempt: The attempt at producing the keys.
    """

    values: Sequence[Any]
    key_path: tuple[str, ...] = ()
    map_index: int = -1
    keys: tuple[str, ...] | None = None
    starts: tuple[int, ...] = ()
    metadata: Mapping[int, Mapping[str, Any]] | None = None
    attempt: int = 1

    def pack(self) -> dict[str, Any]:
        """Return the stored form."""
        clone = {"key_path": list(self.key_path), "map_index": self.map_index} if self.key_path else {}
        keys = {} if self.keys is None else {"keys": list(self.keys)}
        more: dict[str, Any] = {"starts": list(self.starts)} if self.starts else {}
        if self.metadata is not None:
            more["metadata"] = {str(at): dict(metadata) for at, metadata in self.metadata.items()}
        if self.attempt > 1:
            more["attempt"] = self.attempt
        return {**VALUES.stamp, **clone, **keys, **more, "values": list(self.values)}

    @property
    def by_key(self) -> list[tuple[str | None, Any]]:
        """Each value with its mapping key, which is ``None`` if it is not stored."""
        return list(zip(self.keys or [None] * len(self.values), self.values, strict=True))

    @classmethod
    def unpack(cls, stored: Any) -> StoredValues:
        """Read the stored form.

        Raises:
            LayoutError: The version or the shape of the document is unknown.
        """
        document = VALUES.read(stored)
        if not isinstance(document["values"], list):
            raise misshapen("the values of a dynamic output", stored)
        with reading(VALUES.noun, stored):
            keys = None if document.get("keys") is None else _keys(document["keys"], document["values"])
            starts = tuple(integer(start) for start in document.get("starts", ()))
            metadata = document.get("metadata")
            if metadata is not None:
                metadata = {int(at): each for at, each in metadata.items()}
            attempt = integer(document.get("attempt", 1))
            path: tuple[str, ...] = ()
            map_index = -1
            if "key_path" in document:
                path, map_index = _path(document["key_path"]), integer(document["map_index"])
            return cls(document["values"], path, map_index, keys, starts, metadata, attempt)

    def item(self, offset: int) -> StoredItem | None:
        """Return one of them with its key and its metadata, ``None`` if it is not known.

        Raises:
            LayoutError: Its metadata is not of a known shape.
        """
        if self.keys is None or self.metadata is None or offset >= len(self.keys):
            return None
        stored = self.metadata.get(offset, {})
        with reading(VALUES.noun, stored):
            metadata = _read_metadata(stored)
        return StoredItem((*self.key_path, self.keys[offset]), self.values[offset], metadata, self.attempt)

    def with_metadata(self, added: Mapping[int, Mapping[str, MetadataValue]]) -> StoredValues:
        """Return the same with more metadata, by position among them. The last value of a label wins."""
        known = self.metadata or {}
        more = {at: {**known.get(at, {}), **_pack_metadata(each)} for at, each in added.items()}
        return replace(self, metadata={**known, **more})


def _keys(stored: Any, values: Sequence[Any] | None) -> tuple[str, ...]:
    keys = _path(stored) if stored or not isinstance(stored, list) else ()
    if values is not None and (not isinstance(values, list) or len(keys) != len(values)):
        raise ValueError(f"{len(keys)} keys for {len(values)} values")
    return keys


def pack_produced_keys(keys: Mapping[str, Mapping[str, MetadataValue]]) -> list[dict[str, Any]]:
    """Return the keys that a clone produced, with their metadata, as the value of its output."""
    return [{"key": key, "metadata": _pack_metadata(metadata)} for key, metadata in keys.items()]


class ProducedKey(Record):
    """A key that a clone produced: its metadata, and its `StoredEntry.page`."""

    metadata: Mapping[str, MetadataValue]
    page: tuple[int, int] | None = None


def unpack_produced_keys(value: Any) -> dict[str, ProducedKey]:
    """Read the keys that a clone produced.

    Raises:
        LayoutError: The shape is unknown.
    """
    with reading("a list of produced keys", value):
        return {
            _path([each["key"]])[0]: ProducedKey(_read_metadata(each["metadata"]), each.get("page"))
            for each in value
        }


def pack_marked(paths: Sequence[tuple[str, ...]]) -> dict[str, Any]:
    """Return the stored form of the outer keys whose clone was marked as success and stored no keys."""
    return {**MARKED.stamp, "key_paths": [list(path) for path in paths]}


def unpack_marked(stored: Any) -> frozenset[tuple[str, ...]]:
    """Read the outer keys that `pack_marked` stored. There are none if nothing is stored.

    Raises:
        LayoutError: The version or the shape of the document is unknown.
    """
    if stored is None:
        return frozenset()
    document = MARKED.read(stored)
    with reading(MARKED.noun, stored):
        return frozenset(map(_path, document["key_paths"]))


def unpack_keys(stored: Any) -> list[tuple[str, ...]]:
    """Read the list of mapping keys that Airflow expands over, as key paths.

    Raises:
        LayoutError: The value is not a list of keys.
    """
    if not isinstance(stored, Sequence) or isinstance(stored, str):
        raise _refusal("a list of mapping keys", stored)
    return [(key,) if isinstance(key, str) else _path(key) for key in stored]


def pack_digest(keys: Sequence[Any]) -> dict[str, Any]:
    """Return the stored form of a digest, by which readers check that a list of mapping keys is complete."""
    return {**DIGEST.stamp, "length": len(keys), "digest": _digest(unpack_keys(keys))}


def unpack_length(stored: Any) -> int:
    """Read the number of keys from the stored form of a digest.

    Raises:
        LayoutError: The version or the shape of the document is unknown.
    """
    document = DIGEST.read(stored)
    with reading(DIGEST.noun, stored):
        return integer(document["length"])


def check_digest(keys: Sequence[tuple[str, ...]], stored: Any, task_id: str) -> None:
    """Refuse a list of key paths that differs from the stored list.

    Args:
        keys: The key paths.
        stored: The stored form from `pack_digest`; ``None`` if an earlier release stored the list.
        task_id: The task that stored both, which the error names.

    Raises:
        LayoutError: The lists differ.
    """
    if stored is None:
        return
    document = DIGEST.read(stored)
    if document["length"] != len(keys) or document["digest"] != _digest(keys):
        raise LayoutError(
            f"this is not the list of mapping keys that was stored: it has {len(keys)} keys, and "
            f"{document['length']} " + ("" if len(keys) != document["length"] else "others ") + "were stored",
            task_id=task_id,
            remedy=f"Clear {task_id!r} with its downstream tasks, so that the keys are listed again.",
        )


def _digest(keys: Sequence[tuple[str, ...]]) -> str:
    # As JSON, a tuple is a list. A list of 100,000 lists would take longer than the rest.
    return hashlib.sha256(json.dumps(keys).encode()).hexdigest()


def _pack_metadata(metadata: Mapping[str, MetadataValue]) -> dict[str, Any]:
    return {label: value.to_json() for label, value in metadata.items()}


def _read_metadata(stored: Any) -> dict[str, MetadataValue]:
    if isinstance(stored, Mapping) and not stored:
        # Most keys have no metadata, and their clones do not import its kinds.
        return {}
    from airflow_dynamic_provider.definitions.metadata import metadata_from_json

    return metadata_from_json(stored)


def _items(stored: Any) -> ItemsView[str, Any]:
    if not isinstance(stored, Mapping):
        raise _refusal("stored metadata", stored)
    return stored.items()


def _refusal(noun: str, stored: Any) -> LayoutError:
    # Imported here, because only a refusal needs it.
    from airflow_dynamic_provider.definitions.excerpts import excerpt

    return LayoutError(f"this is not {noun}: {excerpt(stored)}")


def _path(stored: Any) -> tuple[str, ...]:
    is_sequence = isinstance(stored, Sequence) and not isinstance(stored, str)
    if not is_sequence or not stored or not all(isinstance(key, str) for key in stored):
        raise _refusal("a stored key path", stored)
    return tuple(stored)


def keep_xcom(max_tries: int) -> str:
    """Return the XCom key with which a clear says that a cached task instance may use kept results.

    Args:
        max_tries: The maximum number of tries of the task instance after this clear. A later clear raises it.
    """
    return f"{_KEEP_PREFIX}{max_tries}"
