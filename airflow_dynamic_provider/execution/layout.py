"""How outputs are laid out in XCom: the only module that knows the XCom keys and the stored JSON.

Pure functions between Python objects and plain JSON; nothing here talks to Airflow.

========================================  ===============================================================
XCom of the producing task instance
========================================  ===============================================================
``return_value``                          the mapping keys in order, when it has one dynamic output: what
                                          Airflow expands over. With several, each list is the
                                          ``return_value`` of the task ``<task>__<output>``.
``dynamic_output.<output>.keys``          those keys; only when there are several dynamic outputs
``dynamic_output.<output>.<position>``    one dynamic output: key path, value, metadata
``dynamic_output.<output>.all``           every value in order; only when the output itself is collected
``<output>``                              the value of a static output, as it is
``produced_outputs``                      the static outputs that were produced; only when one is optional
========================================  ===============================================================

========================================  ===============================================================
XCom of a clone
========================================  ===============================================================
``return_value``                          what its operator returned, as Airflow stores it
``dynamic_output.<output>``               the same value with the key path and position it was made for;
                                          only when a handle refers to it
========================================  ===============================================================

``output_metadata`` on any task instance holds label -> ``{"type": kind, "value": value}`` per output.
"""

from __future__ import annotations

from collections.abc import ItemsView, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from airflow_dynamic_provider.definitions.metadata import (
    MetadataValue,
    metadata_from_json,
    metadata_to_json,
)
from airflow_dynamic_provider.errors import LayoutError

#: The version of every stored document.
LAYOUT_VERSION = 1

RETURN_VALUE = "return_value"
METADATA_XCOM = "output_metadata"
PRODUCED_XCOM = "produced_outputs"
_PREFIX = "dynamic_output"


def item_xcom(output: str, position: int) -> str:
    """The XCom key of one dynamic output on the producing task instance."""
    return f"{_PREFIX}.{output}.{position}"


def keys_xcom(output: str, *, is_only: bool = False) -> str:
    """The XCom key of the mapping keys of a dynamic output on the producing task instance."""
    return RETURN_VALUE if is_only else f"{_PREFIX}.{output}.keys"


def values_xcom(output: str) -> str:
    """The XCom key of all values of a dynamic output on the producing task instance."""
    return f"{_PREFIX}.{output}.all"


def result_xcom(output: str) -> str:
    """The XCom key of a clone's output."""
    return f"{_PREFIX}.{output}"


@dataclass(frozen=True)
class StoredItem:
    """One dynamic output, as its clones read it."""

    key_path: tuple[str, ...]
    value: Any
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)

    def pack(self) -> dict[str, Any]:
        """Return the stored form."""
        return {
            "version": LAYOUT_VERSION,
            "key_path": list(self.key_path),
            "value": self.value,
            "metadata": metadata_to_json(self.metadata),
        }

    @classmethod
    def unpack(cls, stored: Any) -> StoredItem:
        """Read the stored form.

        Raises:
            LayoutError: Its version or its shape is unknown.
        """
        document = _check(stored, "a dynamic output", {"key_path", "value", "metadata"})
        return cls(_path(document["key_path"]), document["value"], metadata_from_json(document["metadata"]))


@dataclass(frozen=True)
class StoredResult:
    """What one clone produced, with the key and the position it was produced for."""

    key_path: tuple[str, ...]
    map_index: int
    value: Any = None
    is_produced: bool = True

    def pack(self) -> dict[str, Any]:
        """Return the stored form."""
        return {
            "version": LAYOUT_VERSION,
            "key_path": list(self.key_path),
            "map_index": self.map_index,
            "is_produced": self.is_produced,
            "value": self.value,
        }

    @classmethod
    def unpack(cls, stored: Any) -> StoredResult:
        """Read the stored form.

        Raises:
            LayoutError: Its version or its shape is unknown.
        """
        document = _check(stored, "a clone's output", {"key_path", "map_index", "is_produced", "value"})
        return cls(
            _path(document["key_path"]),
            document["map_index"],
            document["value"],
            bool(document["is_produced"]),
        )


@dataclass(frozen=True)
class StoredMetadata:
    """The metadata of one task instance.

    Attributes:
        outputs: Output -> label -> value, for what the task instance itself produced.
        keys: Output -> mapping key -> label -> value, for single dynamic outputs.
        inherited: Label -> value of the dynamic output that a clone was made for.
        key_path: The clone's key path; empty outside a clone.
    """

    outputs: Mapping[str, Mapping[str, MetadataValue]] = field(default_factory=dict)
    keys: Mapping[str, Mapping[str, Mapping[str, MetadataValue]]] = field(default_factory=dict)
    inherited: Mapping[str, MetadataValue] = field(default_factory=dict)
    key_path: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.outputs or self.keys or self.inherited)

    def pack(self) -> dict[str, Any]:
        """Return the stored form. Parts that are empty are left out."""
        document: dict[str, Any] = {"version": LAYOUT_VERSION}
        if self.key_path:
            document["key_path"] = list(self.key_path)
        if self.outputs:
            document["outputs"] = {name: metadata_to_json(found) for name, found in self.outputs.items()}
        if self.keys:
            document["keys"] = {
                name: {key: metadata_to_json(found) for key, found in by_key.items()}
                for name, by_key in self.keys.items()
            }
        if self.inherited:
            document["inherited"] = metadata_to_json(self.inherited)
        return document

    @classmethod
    def unpack(cls, stored: Any) -> StoredMetadata:
        """Read the stored form.

        Raises:
            LayoutError: Its version or its shape is unknown.
        """
        document = _check(stored, "output metadata", set())
        return cls(
            outputs={name: metadata_from_json(found) for name, found in _items(document.get("outputs", {}))},
            keys={
                name: {key: metadata_from_json(found) for key, found in _items(by_key)}
                for name, by_key in _items(document.get("keys", {}))
            },
            inherited=metadata_from_json(document.get("inherited", {})),
            key_path=_path(document["key_path"]) if "key_path" in document else (),
        )


def pack_values(values: Sequence[Any]) -> dict[str, Any]:
    """Return the stored form of all values of a dynamic output, in the order of its keys."""
    return {"version": LAYOUT_VERSION, "values": list(values)}


def unpack_values(stored: Any) -> list[Any]:
    """Read all values of a dynamic output.

    Raises:
        LayoutError: The version or the shape is unknown.
    """
    values: list[Any] = _check(stored, "the values of a dynamic output", {"values"})["values"]
    if not isinstance(values, list):
        raise _misshapen("the values of a dynamic output", stored)
    return values


def unpack_keys(stored: Any) -> list[tuple[str, ...]]:
    """Read the list of mapping keys that Airflow expands over, as key paths.

    Raises:
        LayoutError: It is not a list of keys.
    """
    if not isinstance(stored, Sequence) or isinstance(stored, str):
        raise LayoutError(f"this is not a list of mapping keys: {stored!r}")
    return [(key,) if isinstance(key, str) else _path(key) for key in stored]


def _check(stored: Any, noun: str, fields: set[str]) -> Mapping[str, Any]:
    if not isinstance(stored, Mapping) or "version" not in stored:
        raise _misshapen(noun, stored)
    # Before the fields, for another version may well have others.
    if stored["version"] != LAYOUT_VERSION:
        raise LayoutError(
            f"{noun} is stored in version {stored['version']!r}, and this release reads {LAYOUT_VERSION}",
            remedy="Clear the producing task, so that it is stored again by the installed release.",
        )
    if not fields <= set(stored):
        raise _misshapen(noun, stored)
    return stored


def _misshapen(noun: str, stored: Any) -> LayoutError:
    return LayoutError(f"this is not {noun} as it is stored: {stored!r}")


def _items(stored: Any) -> ItemsView[str, Any]:
    if not isinstance(stored, Mapping):
        raise LayoutError(f"this is not stored metadata: {stored!r}")
    return stored.items()


def _path(stored: Any) -> tuple[str, ...]:
    is_sequence = isinstance(stored, Sequence) and not isinstance(stored, str)
    if not is_sequence or not stored or not all(isinstance(key, str) for key in stored):
        raise LayoutError(f"this is not a stored key path: {stored!r}")
    return tuple(stored)
