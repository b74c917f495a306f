"""Looks up, and keeps, the result of one computation in a task's process.

A result that is missing, expired or damaged is a miss. What goes wrong with the store is a warning and a miss
too: a task that can compute its result does so.
"""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.cache.entries import Entry
from airflow_dynamic_provider.cache.store import folder_of, open_store
from airflow_dynamic_provider.definitions.records import Record
from airflow_dynamic_provider.errors import LayoutError

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_dynamic_provider.cache.identity import Identity
    from airflow_dynamic_provider.definitions.cache import Cache
    from airflow_dynamic_provider.execution.layout import MadeBy, StoredMetadata

log = logging.getLogger(__name__)


#: The end of the name of the document with a result.
ENDING = ".json"


def name_of_entry(identity: Identity) -> str:
    """Return the name of the document with the result of a computation."""
    return f"{folder_of(identity.dag_id, identity.task_id)}/{identity.key}{ENDING}"


class Hit(Record):
    """A result of an earlier run that is used.

    Attributes:
        content: The result.
        made_by: The run, task and key that made it.
        stored_at: When it was stored.
        metadata: The metadata of its outputs.
    """

    content: Any
    made_by: MadeBy
    stored_at: datetime
    metadata: StoredMetadata

    def tell(self) -> None:
        """Log where the result is from."""
        made_by = self.made_by
        of_key = f", key {made_by.mapping_key!r}" if made_by.mapping_key is not None else ""
        log.info(
            "Using the result from run %r: task %r%s of the Dag %r, kept at %s",
            *(made_by.run_id, made_by.task_id, of_key, made_by.dag_id, self.stored_at.isoformat()),
        )


def find(identity: Identity, cache: Cache, read: Callable[[Any], Any]) -> Hit | None:
    """Return the result of a computation, ``None`` if there is none to use. One call to the object store.

    Args:
        identity: What the computation is identified by.
        cache: The author's settings.
        read: Returns a result from its JSON.
    """
    name = name_of_entry(identity)
    try:
        stored = open_store().read(name)
        if stored is None:
            return None
        entry = Entry.from_bytes(stored)
        if entry.key != identity.key:
            raise LayoutError("it is the result of another computation")
        if entry.is_older_than(cache.expires, datetime.now(timezone.utc)):
            return None
        return Hit(read(entry.content), entry.made_by, entry.stored_at, entry.metadata)
    except Exception as error:
        log.warning(
            "The kept result %s cannot be used, and is computed again: %s: %s",
            *(name, type(error).__name__, error),
        )
        return None


def document_of(
    identity: Identity, made_by: MadeBy, content: Callable[[], Any], metadata: StoredMetadata
) -> bytes | None:
    """Return the document with the result of a computation, ``None`` if it cannot be kept.

    Args:
        identity: What the computation is identified by.
        made_by: The run, task and key that make it.
        content: Returns the result as JSON.
        metadata: The metadata of its outputs.
    """
    now = datetime.now(timezone.utc)
    try:
        return Entry(identity.key, identity.version, made_by, now, content(), metadata).to_bytes()
    except Exception as error:
        _warn_not_kept(identity, error)
        return None


def store(identity: Identity, document: bytes) -> None:
    """Store the result of a computation. One call to the object store."""
    try:
        open_store().write(name_of_entry(identity), document)
    except Exception as error:
        _warn_not_kept(identity, error)


def _warn_not_kept(identity: Identity, error: Exception) -> None:
    log.warning(
        "The result %s is not kept, and will be computed again: %s: %s",
        *(name_of_entry(identity), type(error).__name__, error),
    )
