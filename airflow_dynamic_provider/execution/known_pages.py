"""Reads stored documents, and keeps them for a task instance that needs the same ones for many keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from airflow_dynamic_provider.airflow_adapter import xcom

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping

T = TypeVar("T")

_KNOWN_KEY = "dynamic_pages"


def keep_pages(context: MutableMapping[str, Any]) -> None:
    """Have the documents that this task instance reads kept. A batch reads each of them once for its keys."""
    context.setdefault(_KNOWN_KEY, {})


def keeps_pages(context: Mapping[str, Any]) -> bool:
    """Return whether this task instance runs many keys, which need the same documents."""
    return _KNOWN_KEY in context


def kept_by(context: MutableMapping[str, Any]) -> MutableMapping[Any, Any]:
    """Return what keeps things for a whole task instance: its context, or what the keys of a batch share."""
    kept: MutableMapping[Any, Any] | None = context.get(_KNOWN_KEY)
    return context if kept is None else kept


def read_document(
    context: Mapping[str, Any],
    task_id: str,
    xcom_key: str,
    unpack: Callable[[Any], T],
    map_index: int = xcom.UNMAPPED,
) -> T | None:
    """Return a stored document, ``None`` if there is none. One API call, unless it is kept.

    Args:
        context: Airflow's task context.
        task_id: The task that stored it.
        xcom_key: Its XCom key.
        unpack: Reads the stored form.
        map_index: The map index of the task instance that stored it.
    """
    known: dict[Any, T | None] | None = context.get(_KNOWN_KEY)
    place = (task_id, xcom_key, map_index)
    if known is not None and place in known:
        return known[place]
    stored = xcom.pull(context, task_id, xcom_key, map_index)
    document = None if stored is None else unpack(stored)
    if known is not None:
        known[place] = document
    return document
