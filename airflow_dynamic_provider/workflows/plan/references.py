"""What a promise points at, as a plain value: a node or a call of the plan, and what is selected from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.errors import SelectionError

if TYPE_CHECKING:
    from collections.abc import Iterable


class Placeholder:
    """What stands in a body for a value that does not exist yet."""

    __slots__ = ()


@dataclass(frozen=True)
class Attribute:
    """A step that selects an attribute, ``value.name``."""

    name: str


#: One step of a path: an index, a key, or an attribute.
Step = int | str | Attribute


@dataclass(frozen=True)
class Reference:
    """A value that will exist: the output of a node or of a call, or a part of it.

    Attributes:
        name: The node's or the call's name in its plan.
        path: What is selected from the output, step by step.
    """

    name: str
    path: tuple[Step, ...] = ()

    def select(self, value: Any) -> Any:
        """Return what the path selects from the whole output. In the process that reads it.

        Raises:
            SelectionError: The output has no such part.
        """
        for depth, step in enumerate(self.path):
            try:
                value = getattr(value, step.name) if isinstance(step, Attribute) else value[step]
            except (LookupError, TypeError, AttributeError) as error:
                raise SelectionError(
                    f"the output of {self.name!r} has no {render_path(self.path[: depth + 1])}: "
                    f"{type(error).__name__}: {error}",
                    remedy="Correct the index in the workflow's body, or what the task returns.",
                ) from error
        return value

    def __str__(self) -> str:
        return self.name + render_path(self.path)


def render_path(path: Iterable[Step]) -> str:
    """Return a path as the author wrote it: ``[0]['rows'].total``."""
    return "".join(f".{step.name}" if isinstance(step, Attribute) else f"[{step!r}]" for step in path)
