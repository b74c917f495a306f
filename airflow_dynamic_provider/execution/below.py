"""Reads what is below the key of the running clone, and no more than that if possible."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

from airflow_dynamic_provider.errors import ReadError
from airflow_dynamic_provider.execution.clones import RUNTIME_KEY, CloneRuntime
from airflow_dynamic_provider.execution.columns.reader_below import ReaderBelow
from airflow_dynamic_provider.execution.pages import keeps_pages
from airflow_dynamic_provider.execution.spaces import KeyPath, Space, space_in_common

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping
    from typing import Any

    from airflow_dynamic_provider.execution.columns.reader import Reader
    from airflow_dynamic_provider.execution.places import Place
    from airflow_dynamic_provider.execution.sources import Source

_T = TypeVar("_T")

_READERS_KEY = "dynamic_readers_below"

log = logging.getLogger(__name__)


def read_below(
    context: MutableMapping[str, Any],
    source: Source,
    read: Callable[[Reader], _T],
    whole: Callable[[], Reader],
) -> _T:
    """Read a source with a reader for the keys below the own key; if that fails, with one for all keys.

    All keys are needed if they were produced again since an upstream task ran, if a person marked a clone as
    success, or if an earlier release listed them. The second reading has the last word.

    Args:
        context: Airflow's task context.
        source: The source.
        read: Reads the source.
        whole: Returns a reader for all keys.
    """
    common = _common(context, source.space)
    if common is None or keeps_pages(context):
        # The keys of a batch share one reading of all.
        return read(whole())
    try:
        return read(_reader_below(context, source, common))
    except ReadError as error:
        log.info("Reading all keys of %s, because those below this key are not enough: %s", source, error)
    return read(whole())


def _reader_below(context: MutableMapping[str, Any], source: Source, common: Space) -> ReaderBelow:
    # All collections of this task instance share what was read below a key.
    readers: dict[Space, ReaderBelow] = context.setdefault(_READERS_KEY, {})
    if common not in readers:
        place = _own_place(context, common)
        readers[common] = ReaderBelow(context, common, {place.position: place.key_path} if place else {})
    readers[common].add(source)
    return readers[common]


def own_prefix(context: MutableMapping[str, Any], space: Space) -> KeyPath:
    """Return the key path below which the running task collects from a space; ``()`` for all keys."""
    common = _common(context, space)
    if common is None:
        return ()
    place = _own_place(context, common)
    # An outer zip may lack the key on this side. Then nothing is below it: no key path begins with "".
    return ("",) * common.depth if place is None else place.key_path


def indexes_under(reader: Reader, space: Space, prefix: KeyPath) -> list[int]:
    """Return the positions of the keys that begin with a key path."""
    depth = len(prefix)
    return [index for index, path in reader.paths(space) if path[:depth] == prefix]


def _own_place(context: MutableMapping[str, Any], common: Space) -> Place | None:
    runtime: CloneRuntime = context[RUNTIME_KEY]
    return next(runtime.places(common), None)


def _common(context: MutableMapping[str, Any], space: Space) -> Space | None:
    """Return the space in which the running clone has the key below which it collects from another space."""
    runtime: CloneRuntime | None = context.get(RUNTIME_KEY)
    return None if runtime is None else space_in_common(runtime.spec.space, space)
