"""Finds kept results, for the command line."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.cache.claims import SUFFIX
from airflow_dynamic_provider.cache.entries import Entry
from airflow_dynamic_provider.cache.results import ENDING
from airflow_dynamic_provider.cache.store import folder_of, ids_of, open_store
from airflow_dynamic_provider.definitions.records import Record
from airflow_dynamic_provider.errors import LayoutError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# How many documents are read or deleted at the same time.
_CONCURRENCY = 16


class Selection(Record):
    """Which results are meant. Without a value, all are.

    Attributes:
        dag_id: Those of this Dag.
        task_id: Those of this task; of nodes, that of the workflow and the kind, ``<group>.<kind>``.
        version: Those of this version.
        older_than: Those that were stored longer ago.
        key: Those whose key begins with this.
    """

    dag_id: str | None = None
    task_id: str | None = None
    version: str | None = None
    older_than: timedelta | None = None
    key: str = ""

    @classmethod
    def of(cls, *, older_than: float | None = None, **others: Any) -> Selection:
        """Return a selection, with its age in seconds."""
        return cls(**others, older_than=None if older_than is None else timedelta(seconds=older_than))

    def holds(self, kept: KeptResult, now: datetime) -> bool:
        """Return whether a result is meant. A damaged one has no version and no age."""
        if self.task_id not in (None, kept.task_id) or not kept.key.startswith(self.key):
            return False
        if kept.entry is None:
            return self.version is None and self.older_than is None
        if self.version not in (None, kept.entry.cache_version):
            return False
        return self.older_than is None or kept.entry.is_older_than(self.older_than, now)


class KeptResult(Record):
    """A result in the store.

    Attributes:
        name: The name of its document.
        dag_id: The Dag.
        task_id: The task.
        key: The key.
        entry: The result; ``None`` if the document is damaged.
    """

    name: str
    dag_id: str
    task_id: str
    key: str
    entry: Entry | None


def find_results(selection: Selection) -> Iterator[KeptResult]:
    """Yield the results that are meant, by their names. One call to the object store for each."""
    below = "" if selection.dag_id is None else folder_of(selection.dag_id, selection.task_id)
    now = datetime.now(timezone.utc)
    names = [name for name in open_store().names(below) if name.endswith(ENDING)]
    with ThreadPoolExecutor(_CONCURRENCY) as threads:
        for kept in threads.map(_read, names):
            if kept is not None and selection.holds(kept, now):
                yield kept


def describe_result(kept: KeptResult, *, with_content: bool = False) -> dict[str, Any]:
    """Return a result as plain values.

    Args:
        kept: The result.
        with_content: Whether to return its value and its metadata too.
    """
    entry = kept.entry
    made_by = None if entry is None else entry.made_by
    described = {
        "dag_id": kept.dag_id,
        "task_id": kept.task_id,
        "version": "(damaged)" if entry is None else entry.cache_version,
        "key": kept.key,
        "run_id": "" if made_by is None else made_by.run_id,
        "mapping_key": "" if made_by is None else made_by.mapping_key or "",
        "stored_at": "" if entry is None else entry.stored_at.isoformat(timespec="seconds"),
    }
    if not with_content:
        return described
    content, metadata = (None, {}) if entry is None else (entry.content, entry.metadata.pack())
    return {**described, "content": content, "metadata": metadata}


def delete_results(results: Iterable[KeptResult]) -> None:
    """Delete results, with the claims of their computations."""
    store = open_store()
    keys = {kept.name.removesuffix(ENDING): kept for kept in results}
    claims = [name for name in store.names() if name.partition(SUFFIX)[0] in keys and SUFFIX in name]
    with ThreadPoolExecutor(_CONCURRENCY) as threads:
        list(threads.map(store.delete, [*(kept.name for kept in keys.values()), *claims]))


def _read(name: str) -> KeptResult | None:
    dag_id, task_id = ids_of(name)
    stored = open_store().read(name)
    if stored is None:
        # Another process has deleted it.
        return None
    key = name.rpartition("/")[2].removesuffix(ENDING)
    try:
        return KeptResult(name, dag_id, task_id, key, Entry.from_bytes(stored))
    except LayoutError:
        return KeptResult(name, dag_id, task_id, key, None)
