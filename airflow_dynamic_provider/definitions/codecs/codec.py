"""The base class of codecs, and what they raise."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from airflow_dynamic_provider.definitions.excerpts import excerpt

#: The types of JSON that contain nothing.
SCALARS = frozenset({str, int, float, bool, type(None)})


class MisfitError(Exception):
    """A value, or its JSON, does not fit the declared type.

    Args:
        problem: What does not fit, without a full stop.

    Attributes:
        place: The place in the whole value, in Python's syntax; empty for the value itself.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.place = ""

    def inside(self, place: str) -> MisfitError:
        """Add the place of the part to the error, and return it."""
        self.place = place + self.place
        return self

    def __str__(self) -> str:
        return f"{self.problem}, at {self.place}" if self.place else self.problem


class Codec(ABC):
    """Converts the values of one type to JSON and back.

    Attributes:
        name: The type, for messages; also its name among the members of a union.
        is_identity: Whether the JSON of each value is the value itself.
        has_classes: Whether values contain objects of an author's class, which are rebuilt from the class
            that the Dag file declares.
    """

    is_identity = False
    has_classes = False

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def accepts(self, value: Any) -> bool:
        """Return whether a value, by its class alone, may be of the type."""

    @abstractmethod
    def encode(self, value: Any) -> Any:
        """Return the JSON of a value.

        A part whose type is not declared stays as it is, for Airflow's own serializer.

        Raises:
            MisfitError: The value is not of the type, so it would not come back as it is.
        """

    @abstractmethod
    def decode(self, form: Any) -> Any:
        """Return the value of a JSON.

        Raises:
            MisfitError: This is not the JSON of such a value: the type has changed.
        """

    def refuse(self, value: Any) -> MisfitError:
        """Return the error for a value that is not of the type."""
        return MisfitError(f"{shown(value)} is not of the declared type {self.name}")

    def misread(self, form: Any) -> MisfitError:
        """Return the error for a JSON that is not one of the type."""
        return MisfitError(f"{excerpt(form)} is not stored as the type {self.name}")


def encode_exactly(codec: Codec, value: Any) -> Any:
    """Return the JSON of a value, from which the value comes back as it is.

    Raises:
        MisfitError: The value is not of the type, or would come back as something else.
    """
    form = codec.encode(value)
    if codec.encode(codec.decode(form)) != form:
        raise MisfitError("it comes back as something else")
    return form


class Identity(Codec):
    """Leaves values as they are: those of JSON's types, and those that only Airflow's serializer knows.

    Args:
        name: The type, for messages.
        cls: The class of the values; ``None`` if any value is accepted.
    """

    is_identity = True

    def __init__(self, name: str, cls: type | tuple[type, ...] | None = None) -> None:
        super().__init__(name)
        self._class = cls

    def accepts(self, value: Any) -> bool:
        """Return whether a value is of the class."""
        return self._class is None or isinstance(value, self._class)

    def encode(self, value: Any) -> Any:
        """Return the value."""
        return value

    def decode(self, form: Any) -> Any:
        """Return the JSON."""
        return form


def shown(value: Any) -> str:
    """Return a value and its class, for messages."""
    return f"{excerpt(value)} of type {type(value).__name__}"
