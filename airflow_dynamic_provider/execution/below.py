"""Reads what is below the key of the running clone, and no more than that if possible."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

from airflow_dynamic_provider.errors import ReadError
from airflow_dynamic_provider.execution.clones import RUNTIME_KEY, CloneRuntime
from airflow_dynamic_provider.execution.columns.reader_below import ReaderBelow
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
    place = _own_place(context, source.space)
    if place is None:
        return read(whole())
    try:
        return read(_reader_below(context, source, place))
    except ReadError as error:
        log.info("Reading all keys of %s, because those below this key are not enough: %s", source, error)
    return read(whole())


def _reader_below(context: MutableMapping[str, Any], source: Source, place: Place) -> ReaderBelow:
    # All collections of this task instance share what was read below a key.
    readers: dict[tuple[Space, int], ReaderBelow] = context.setdefault(_READERS_KEY, {})
    at = (place.space, place.position)
    if at not in readers:
        readers[at] = ReaderBelow(context, place)
    readers[at].add(source)
    return readers[at]


def own_prefix(context: MutableMapping[str, Any], space: Space) -> KeyPath:
    """Return the key path below which the running task collects from a space; ``()`` for all keys."""
    place = _own_place(context, space)
    if place is not None:
        return place.key_path
    common = _common(context, space)
    # An outer zip may lack the key on this side. Then nothing is below it: no key path begins with "".
    return () if common is None else ("",) * common.depth


def indexes_under(reader: Reader, space: Space, prefix: KeyPath) -> list[int]:
    """Return the positions of the keys that begin with a key path."""
    depth = len(prefix)
    return [index for index, path in reader.paths(space) if path[:depth] == prefix]


def _own_place(context: MutableMapping[str, Any], space: Space) -> Place | None:
    """Return the place below which the running task collects from a space, if there is one."""
    common = _common(context, space)
    return None if common is None else next(context[RUNTIME_KEY].places(common), None)


def _common(context: MutableMapping[str, Any], space: Space) -> Space | None:
    runtime: CloneRuntime | None = context.get(RUNTIME_KEY)
    return None if runtime is None else space_in_common(runtime.spec.space, space)
