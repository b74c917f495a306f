"""The pydantic adapters that convert values of a declared type to JSON and back."""

from __future__ import annotations

import functools
import typing
from datetime import datetime, timezone
from typing import Any

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
        raise OutputTypeError(
            f"values of the type {hint!r} cannot be stored as data, and nothing is pickled",
            remedy="Write the value into a file and return a FlyteFile, or return a dataclass.",
        ) from error


def _converted(hint: Any) -> Any:
    """Return the annotation with the conversions that flytekit makes."""
    from pydantic import AfterValidator

    if (name := _name_of(hint)) in _BY_PLACE:
        # Imported here, because few programs pass tables.
        from airflow_dynamic_provider.dags_from.flyte.frames import ByPlace

        return typing.Annotated[hint, ByPlace(name)]
    if hint is datetime:
        return typing.Annotated[datetime, AfterValidator(_aware)]
    if hint is dict:
        return dict[Any, Any]
    origin, items = typing.get_origin(hint), typing.get_args(hint)
    if origin in (list, dict) and items:
        return origin[tuple(_converted(item) for item in items)]
    if origin is typing.Union:
        return typing.Union[tuple(_converted(item) for item in items)]  # noqa: UP007
    return hint


def _name_of(hint: Any) -> str:
    """Return the name under which a program imports a class from a package."""
    hint = typing.get_origin(hint) or hint
    return f"{hint.__module__.split('.')[0]}.{hint.__qualname__}" if isinstance(hint, type) else ""


def _aware(value: datetime) -> datetime:
    # As in flytekit, a time without a zone is UTC.
    return value if value.tzinfo is not None else value.replace(tzinfo=timezone.utc)
