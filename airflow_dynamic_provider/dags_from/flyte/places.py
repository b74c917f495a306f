"""Objects that are stored as files: the place of the file is their JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class ByPlace:
    """Tells pydantic to store objects as files, and to pass their places. Part of an annotation.

    Args:
        dump: Stores an object, and returns its place.
        load: Returns the object at a place.
    """

    def __init__(self, dump: Callable[[Any], str], load: Callable[[Any], Any]) -> None:
        self._dump = dump
        self._load = load

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """Return the schema, for pydantic."""
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            self._load, serialization=core_schema.plain_serializer_function_ser_schema(self._dump)
        )
