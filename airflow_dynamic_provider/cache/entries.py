"""The stored form of a result."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.declarations import has_types
from airflow_dynamic_provider.definitions.keys import DEFAULT_OUTPUT
from airflow_dynamic_provider.definitions.records import Record, field
from airflow_dynamic_provider.errors import LayoutError
from airflow_dynamic_provider.execution.forms import Form, reading
from airflow_dynamic_provider.execution.layout import MadeBy, StoredMetadata, holds_typed

if TYPE_CHECKING:
    from collections.abc import Callable

ENTRY = Form(
    "a kept result",
    frozenset({"key", "cache_version", "made_by", "stored_at", "content", "metadata", "digest"}),
    "Delete it: airflow dynamic-outputs cache clear.",
)


class Entry(Record):
    """A result that is kept.

    Attributes:
        key: The key of the computation.
        cache_version: The version of the function.
        made_by: The run, task and key that made it.
        stored_at: When it was stored.
        content: The result, as JSON.
        metadata: The metadata of the outputs.
    """

    key: str
    cache_version: str
    made_by: MadeBy
    stored_at: datetime
    content: Any
    metadata: StoredMetadata = field(default_factory=StoredMetadata)

    def is_older_than(self, age: timedelta | None, now: datetime) -> bool:
        """Return whether it was stored longer ago than this; ``False`` without an age."""
        return age is not None and now - self.stored_at >= age

    def pack(self) -> dict[str, Any]:
        """Return the stored form."""
        metadata = self.metadata.pack()
        return {
            **ENTRY.stamp,
            "key": self.key,
            "cache_version": self.cache_version,
            "made_by": self.made_by.pack(),
            "stored_at": self.stored_at.astimezone(timezone.utc).isoformat(),
            "content": self.content,
            "metadata": metadata,
            "digest": _digest(self.key, self.content, metadata),
        }

    @classmethod
    def unpack(cls, stored: Any) -> Entry:
        """Read the stored form.

        Raises:
            LayoutError: It is damaged, or of an unknown version.
        """
        document = ENTRY.read(stored)
        with reading(ENTRY.noun, stored):
            key, content, metadata = (document[name] for name in ("key", "content", "metadata"))
            if document["digest"] != _digest(key, content, metadata):
                raise LayoutError(f"the content of {ENTRY.noun} does not have its digest")
            stored_at = datetime.fromisoformat(document["stored_at"])
            if stored_at.tzinfo is None:
                raise ValueError("the time has no time zone")
            return cls(
                str(key),
                str(document["cache_version"]),
                MadeBy.unpack(document["made_by"]),
                stored_at,
                content,
                StoredMetadata.unpack(metadata),
            )

    def to_bytes(self) -> bytes:
        """Return the document as it is stored."""
        return json.dumps(self.pack(), allow_nan=False).encode()

    @classmethod
    def from_bytes(cls, stored: bytes) -> Entry:
        """Read a document.

        Raises:
            LayoutError: It is damaged, or of an unknown version.
        """
        try:
            document = json.loads(stored)
        except ValueError as error:
            raise LayoutError(f"{ENTRY.noun} is not JSON: {error}") from error
        return cls.unpack(document)


def value_to_json(value: Any) -> Any:
    """Return the JSON of a value, from which it comes back as it is.

    Raises:
        UnstorableOutputError: It would come back changed, or not at all.
    """
    return xcom.serialize_same(value)


def value_from_json(stored: Any) -> Any:
    """Return a value from its JSON.

    Raises:
        ImportError: Airflow refuses to load a class in it.
    """
    return xcom.deserialize(stored)


def read_value(function: Callable[..., Any], stored: Any) -> Any:
    """Return what a function returned, from its JSON: the form in which it is stored as an XCom.

    Raises:
        DynamicOutputsError: It is not what the annotation of the function says now.
        ImportError: Airflow refuses to load a class in it.
    """
    value = value_from_json(stored)
    if has_types(function) or holds_typed(value):
        # Imported here, because many functions have no types that matter.
        from airflow_dynamic_provider.execution.typed_calls import type_of_result
        from airflow_dynamic_provider.execution.typed_values import check_type_of, value_of

        declared = type_of_result(function, DEFAULT_OUTPUT)
        check_type_of(value_of(value, declared), declared)
    return value


def _digest(*parts: Any) -> str:
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
