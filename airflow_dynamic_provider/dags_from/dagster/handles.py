"""References to outputs in a job: what a call of an op returns, what ``map`` passes on, what it collects."""

from __future__ import annotations

import abc
import collections
from typing import TYPE_CHECKING, Any, NoReturn

from airflow_dynamic_provider.dags_from.dagster.errors import (
    DagsterInvalidDefinitionError,
    DagsterUsageError,
)
from airflow_dynamic_provider.dags_from.dagster.scopes import mapping
from airflow_dynamic_provider.definitions.excerpts import excerpt

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_dynamic_provider.dags_from.dagster.nodes import Node


class _Reference(abc.ABC):
    """Something that has no value while a job is defined. Each use of it as a value is refused."""

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        raise self._refuse(f"was asked for {name!r}")

    def __iter__(self) -> NoReturn:
        raise self._refuse("was iterated")

    def __getitem__(self, part: Any) -> NoReturn:
        raise self._refuse("was indexed")

    def __bool__(self) -> NoReturn:
        raise self._refuse("was used as a truth value")

    @abc.abstractmethod
    def _refuse(self, misuse: str) -> DagsterUsageError:
        """Return the error for a misuse."""


class OutputHandle(_Reference):
    """One value of a node; in a ``map``, the value of one key.

    Args:
        node: The node.
        output: Its output.
    """

    def __init__(self, node: Node, output: str) -> None:
        self.node = node
        self.output = output

    @property
    def is_item(self) -> bool:
        """Whether it is one value of a dynamic output."""
        return bool(self.node.definition.outs[self.output].is_dynamic)

    @property
    def mapped_over(self) -> tuple[OutputHandle, ...]:
        """The dynamic outputs that it has a value for each key of. There may be two, which is refused."""
        around = self.node.mapped_over
        return (*(() if around is None else (around,)), *((self,) if self.is_item else ()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OutputHandle) and (self.node, self.output) == (other.node, other.output)

    def __hash__(self) -> int:
        return hash((id(self.node), self.output))

    def __str__(self) -> str:
        return f"{self.node.path}:{self.output}"

    def _refuse(self, misuse: str) -> DagsterUsageError:
        return DagsterUsageError(
            f"one value of it {misuse}, but it exists only when the job runs",
            task_id=self.node.path,
            output_name=self.output,
            remedy="Pass it to an op. Only a DynamicOut has map() and collect().",
        )


class DynamicHandle(_Reference):
    """The values of all keys of a dynamic output, or of what was mapped over it.

    Args:
        source: The value of one key.
    """

    def __init__(self, source: OutputHandle) -> None:
        self.source = source

    def map(self, fn: Callable[[Any], Any], *, batch: Any = None) -> Any:
        """Call ops for each key.

        Args:
            fn: An op, a graph, or a function or lambda that calls some. It is called once, when the job is
                defined.
            batch: The maximum number of keys that run in one task instance, or a ``Batch``: this package's
                addition.

        Returns:
            What ``fn`` returns: a handle, a tuple of them, or ``None``.

        Raises:
            DagsterInvalidDefinitionError: ``fn`` returns something else.
        """
        with mapping(self.source, batch):
            returned = fn(self.source)
        return _as_mapped(returned, self.source)

    def collect(self) -> FanIn:
        """Return the values of all keys, as an argument for an op that takes a list."""
        return FanIn(self.source)

    def __str__(self) -> str:
        return str(self.source)

    def _refuse(self, misuse: str) -> DagsterUsageError:
        return DagsterUsageError(
            f"the dynamic output {misuse}, but its values exist only when the job runs",
            task_id=self.source.node.path,
            output_name=self.source.output,
            remedy="Use map() to call ops for each key, or collect() to give an op all values.",
        )


class FanIn:
    """The values of all keys, as one argument of an op.

    Args:
        source: The value of one key.
    """

    def __init__(self, source: OutputHandle) -> None:
        self.source = source

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        raise DagsterUsageError(
            f"its collection was asked for {name!r}, but the list exists only when the job runs",
            task_id=self.source.node.path,
            output_name=self.source.output,
            remedy="Pass it to an op, and map before you collect.",
        )


class GraphInput:
    """An input of a graph that no op gives: its value comes from the run's config.

    Args:
        graph: The path of the graph, ``""`` for the job.
        name: The input.
    """

    mapped_over: tuple[OutputHandle, ...] = ()

    def __init__(self, graph: str, name: str) -> None:
        self.graph = graph
        self.name = name


def handles_of(node: Node) -> Any:
    """Return what a call of an op returns: a handle, or a named tuple of handles."""
    handles = [output_of(OutputHandle(node, name)) for name in node.definition.outs]
    if len(handles) == 1:
        return handles[0]
    return collections.namedtuple(f"_{node.definition.name}_outputs", list(node.definition.outs))(*handles)


def output_of(handle: OutputHandle) -> OutputHandle | DynamicHandle:
    """Return the handle of an output, as the caller of an op or a graph gets it."""
    return DynamicHandle(handle) if handle.is_item else handle


def _as_mapped(returned: Any, source: OutputHandle) -> Any:
    if returned is None or isinstance(returned, DynamicHandle):
        return returned
    if isinstance(returned, tuple):
        return tuple(_as_mapped(each, source) for each in returned)
    if isinstance(returned, OutputHandle):
        if not returned.mapped_over:
            raise DagsterInvalidDefinitionError(
                f"the function of map() over {source} returned {returned}, which has one value, not one for "
                "each key",
                task_id=source.node.path,
                output_name=source.output,
                remedy="Return the output of an op that uses the item, or use the other outside map().",
            )
        return DynamicHandle(returned)
    raise DagsterInvalidDefinitionError(
        f"the function of map() over {source} returned {excerpt(returned)} of type {type(returned).__name__}",
        task_id=source.node.path,
        output_name=source.output,
        remedy="Return the output of an op, a tuple of outputs, or None.",
    )
