"""The task context of one key in a batch.

Airflow has one context for each process. In a batch, `airflow.sdk.get_current_context` must return that of
the key that the calling thread or coroutine runs, so the context of the batch looks up the key's context.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from structlog.contextvars import bound_contextvars

from airflow_dynamic_provider.definitions.keys import render_key
from airflow_dynamic_provider.errors import DynamicOutputsError
from airflow_dynamic_provider.execution.clones import RUNTIME_KEY, CloneRuntime
from airflow_dynamic_provider.execution.metadata import GATHERED_KEY, GatheredMetadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_dynamic_provider.execution.clones import CloneSpec
    from airflow_dynamic_provider.execution.places import Place

_RUNNING: ContextVar[dict[str, Any] | None] = ContextVar("dynamic_key_context", default=None)


class KeyMetadata(GatheredMetadata, frozen=False):
    """The metadata of one key in a batch. The batch stores it with the key."""

    def store(self, context: Mapping[str, Any]) -> None:
        """Do nothing, because the record of the key has the metadata."""


class KeyTaskInstance:
    """The task instance of a batch, as the function of one key sees it."""

    def __init__(self, ti: Any, mapping_key: str) -> None:
        self._ti = ti
        self._mapping_key = mapping_key

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ti, name)

    def xcom_push(self, key: str, value: Any, **_: Any) -> None:
        """Refuse the call, because the XCom would belong to all keys of the batch.

        Raises:
            DynamicOutputsError: Always.
        """
        raise DynamicOutputsError(
            f"xcom_push({key!r}) in a batch, whose XComs belong to all of its keys",
            task_id=self._ti.task_id,
            mapping_key=self._mapping_key,
            remedy="Return the value, or attach it with add_output_metadata.",
        )


class BatchContext(dict[str, Any]):
    """The context of a batch, which shows the context of the key that runs here.

    Attributes:
        pid: The process that it was made in.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.pid = os.getpid()

    def _shown(self) -> dict[str, Any] | None:
        return _RUNNING.get()

    def __getitem__(self, name: str) -> Any:
        shown = self._shown()
        return super().__getitem__(name) if shown is None else shown[name]

    def __setitem__(self, name: str, value: Any) -> None:
        shown = self._shown()
        if shown is None:
            super().__setitem__(name, value)
        else:
            shown[name] = value

    def __contains__(self, name: object) -> bool:
        shown = self._shown()
        return super().__contains__(name) if shown is None else name in shown

    def get(self, name: str, default: Any = None) -> Any:
        """Return what the key's context has."""
        shown = self._shown()
        return super().get(name, default) if shown is None else shown.get(name, default)

    def setdefault(self, name: str, default: Any = None) -> Any:
        """Return what the key's context has; store the default there if it has nothing."""
        if name not in self:
            self[name] = default
        return self[name]


def key_context(context: Mapping[str, Any], spec: CloneSpec, place: Place) -> dict[str, Any]:
    """Return the context of one key.

    Args:
        context: The context of the batch's task instance.
        spec: The batched task.
        place: The key.
    """
    runtime = CloneRuntime(spec, place.position, place)
    metadata = KeyMetadata(inherited=place.metadata, key_path=place.key_path)
    ti = KeyTaskInstance(context["ti"], render_key(place.key_path))
    return {
        **context,
        "ti": ti,
        "task_instance": ti,
        "mapping_key": runtime.mapping_key,
        "mapping_key_path": runtime.key_path,
        RUNTIME_KEY: runtime,
        GATHERED_KEY: metadata,
    }


@contextmanager
def running_key(context: dict[str, Any]) -> Iterator[None]:
    """Make this the context of the current thread or coroutine. Its log lines then have the key."""
    token = _RUNNING.set(context)
    try:
        with bound_contextvars(mapping_key=context["mapping_key"]):
            yield
    finally:
        _RUNNING.reset(token)
