"""The pydantic adapters that convert values of a declared type to JSON and back."""

from __future__ import annotations

import functools
import typing
from datetime import datetime, timezone
from typing import Any

from airflow_dynamic_provider.dags_from.flyte.hashes import HASH_MARK
from airflow_dynamic_provider.definitions.classes import is_class
from airflow_dynamic_provider.errors import OutputTypeError

#: The classes whose objects are stored as files.
_BY_PLACE = ("pandas.DataFrame", "numpy.ndarray")


def adapter_of(hint: Any) -> Any:
    """Return the adapter of a type.

    Raises:
        OutputTypeError: Its values cannot be stored as data.
    """
    try:
        return _cached(hint)
    except TypeError:
        # An annotation with an unhashable part.
        return _make(hint)


@functools.lru_cache(maxsize=256)
def _cached(hint: Any) -> Any:
    return _make(hint)


def _make(hint: Any) -> Any:
    from pydantic import PydanticUserError, TypeAdapter

    try:
        return TypeAdapter(_converted(hint))
    except PydanticUserError as error:
        if is_class(hint) and (adapter := _pickling(hint)) is not None:
            return adapter
        raise OutputTypeError(
            f"values of the type {hint!r} cannot be stored as data",
            remedy="Write the value into a file and return a FlyteFile, or return a dataclass. To pickle "
            "objects whose annotation is their class, set [dynamic_outputs] allow_pickle.",
        ) from error


def _pickling(hint: Any) -> Any:
    """Return the adapter that pickles objects of a class, ``None`` if the deployment does not allow it."""
    from pydantic import TypeAdapter

    from airflow_dynamic_provider.dags_from.flyte import pickles

    return TypeAdapter(typing.Annotated[hint, pickles.pickled(hint)]) if pickles.is_allowed() else None


def _converted(hint: Any) -> Any:
    """Return the annotation with the conversions that flytekit makes."""
    from pydantic import AfterValidator

    origin, items = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        # pydantic ignores the others.
        method = next((note for note in items[1:] if hasattr(note, HASH_MARK)), None)
        notes = [note for note in items[1:] if note is not method]
        hint = _by_place(items[0], method) or _converted(items[0])
        for note in notes:
            hint = typing.Annotated[hint, note]
        return hint
    if (stored := _by_place(hint)) is not None:
        return stored
    if hint is datetime:
        return typing.Annotated[datetime, AfterValidator(_aware)]
    if hint is dict:
        return dict[Any, Any]
    if origin in (list, dict) and items:
        return origin[tuple(_converted(item) for item in items)]
    if origin is typing.Union:
        return typing.Union[tuple(_converted(item) for item in items)]  # noqa: UP007
    return hint


def is_by_place(hint: Any) -> bool:
    """Whether values of a type, or values inside them, are stored as files."""
    return _name_of(hint) in _BY_PLACE or any(map(is_by_place, typing.get_args(hint)))


def _by_place(hint: Any, method: Any = None) -> Any:
    """Return the annotation for objects that are stored as files, ``None`` for others."""
    if (name := _name_of(hint)) not in _BY_PLACE:
        return None
    # Imported here, because few programs pass tables.
    from airflow_dynamic_provider.dags_from.flyte.frames import stored

    return typing.Annotated[hint, stored(name, method)]


def _name_of(hint: Any) -> str:
    """Return the name under which a program imports a class from a package."""
    hint = typing.get_origin(hint) or hint
    return f"{hint.__module__.split('.')[0]}.{hint.__qualname__}" if is_class(hint) else ""


def _aware(value: datetime) -> datetime:
    # As in flytekit, a time without a zone is UTC.
    return value if value.tzinfo is not None else value.replace(tzinfo=timezone.utc)
