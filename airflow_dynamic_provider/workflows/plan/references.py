"""References as plain values: a node or a call of the plan, and the part selected from its output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.records import Record
from airflow_dynamic_provider.errors import SelectionError

if TYPE_CHECKING:
    from collections.abc import Iterable


class Placeholder:
    """A stand-in, in a body, for a value that does not exist yet."""

    __slots__ = ()


class Attribute(Record):
    """A step that selects an attribute, ``value.name``."""

    name: str


#: One step of a path: an index, a key, or an attribute.
Step = int | str | Attribute


class Reference(Record):
    """A reference to a later value: the output of a node or of a call, or a part of it.

    Attributes:
        name: The name of the node or the call in its plan.
        path: The steps that select a part of the output.
    """

    name: str
    path: tuple[Step, ...] = ()

    def select(self, value: Any) -> Any:
        """Return the part of the whole output that the path selects. Runs in the process that reads it.

        Raises:
            SelectionError: The output has no such part.
        """
        for depth, step in enumerate(self.path):
            try:
                value = _attribute(value, step.name) if isinstance(step, Attribute) else value[step]
            except (LookupError, TypeError, AttributeError) as error:
                raise SelectionError(
                    f"the output of {self.name!r} has no {render_path(self.path[: depth + 1])}: "
                    f"{type(error).__name__}: {error}",
                    remedy="Correct the index in the workflow's body, or the return value of the task.",
                ) from error
        return value

    def __str__(self) -> str:
        return self.name + render_path(self.path)


def _attribute(value: Any, name: str) -> Any:
    # An object may be stored as a dict of its fields.
    return value[name] if isinstance(value, dict) else getattr(value, name)


class Known(Record):
    """The value of a promise that is known while the body is planned. It may contain promises."""

    value: Any


def render_path(path: Iterable[Step]) -> str:
    """Return a path as the author wrote it: ``[0]['rows'].total``."""
    return "".join(f".{step.name}" if isinstance(step, Attribute) else f"[{step!r}]" for step in path)
