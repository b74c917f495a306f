"""Promises: calls in a workflow's body return them while the workflow is planned, in the planning task.

A promise stands for a value that does not exist yet. It can be passed on, indexed and ordered. Any use of the
value itself is refused at once, with the line.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from airflow_dynamic_provider.definitions.operators import VALUE_OPERATORS
from airflow_dynamic_provider.definitions.records import Record
from airflow_dynamic_provider.errors import PromiseUsageError, is_asked_by_author
from airflow_dynamic_provider.workflows.plan import shapes
from airflow_dynamic_provider.workflows.plan.references import Placeholder, Step, render_path

if TYPE_CHECKING:
    from airflow_dynamic_provider.workflows.recording.entries import CallEntry, Entry

_IN_A_TASK = "The value exists when tasks run: do this in a @task function that receives the promise."
_INNER = (
    "The value exists when tasks run: do this in a @task function, or pass the promise to another "
    "@dynamic_workflow, whose body receives the value."
)


class Recording(Protocol):
    """The recording that made a promise."""

    def order(self, first: Sequence[Any], then: Sequence[Any]) -> None:
        """Make all of ``then`` wait for all of ``first``."""


class Promised(Record, eq=False):
    """The value that a promise stands for.

    Attributes:
        recorder: The recording that made it.
        entry: The recorded call.
        path: The steps that select a part of its output.
        shape: The annotation of the value, ``Any`` if it is not known.
    """

    recorder: Recording
    entry: Entry
    path: tuple[Step, ...] = ()
    shape: Any = Any

    @property
    def label(self) -> str:
        """Its name in messages."""
        return self.entry.label + render_path(self.path)


class Promise(Placeholder):
    """The value of a node that has not run yet. Calls in the body of a ``@dynamic_workflow`` return it.

    Pass it to tasks, alone or inside lists, dicts, tuples and dataclass fields. Return it. Select parts with
    ``p[0]`` and ``p["key"]``. Order it with ``a >> b``.
    """

    # No names that could hide a field of an annotated value.
    __slots__ = ("__weakref__", "_promised")

    _promised: Promised

    def __init__(self, promised: Promised) -> None:
        object.__setattr__(self, "_promised", promised)

    def __repr__(self) -> str:
        return f"<promise of {self._promised.label}>"

    def __hash__(self) -> int:
        if is_asked_by_author():
            # `promise in {"a", "b"}` would always be false.
            refuse(
                self,
                "looked up in a set or a dict, or put into one",
                "To store it, use a list, or make it a value of a dict. " + _INNER,
            )
        return object.__hash__(self)

    def __getitem__(self, step: Any) -> Promise:
        promised = self._promised
        if isinstance(step, Promise):
            refuse(self, "indexed by another promise", _IN_A_TASK)
        if isinstance(step, slice):
            refuse(self, "sliced", _IN_A_TASK)
        if not isinstance(step, int | str) or isinstance(step, bool):
            refuse(
                self, f"indexed by {step!r}", "Index it by an int or a string that is known while planning."
            )
        refuse_valueless(self, "indexed")
        # A plain int or str, not a subclass, so that it is stored unchanged.
        step = int(step) if isinstance(step, int) else str.__str__(step)
        if isinstance(step, int) and not shapes.has_index(promised.shape, step):
            refuse(
                self,
                f"indexed by {step}, but its annotation has fewer values",
                "Correct the index or the annotation.",
            )
        return select(self, step)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """A class that can be ordered: Airflow's ``chain`` and similar functions check for it."""
        own: Any = type(self)
        return _orderable(own)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            # Python and libraries look these up to find out what an object is. Authors do not write them.
            raise AttributeError(f"a promise has no {name}")
        step = shapes.field_step(self._promised.shape, name)
        if step is None and (method := _ORDERING.get(name)) is not None:
            return functools.partial(method, self)
        if step is None:
            refuse(
                self,
                f"asked for its attribute {name!r}",
                "Only fields of a NamedTuple or a dataclass are available, and only if the return annotation "
                "of the task is that class. " + _IN_A_TASK,
            )
        return select(self, step)

    def __iter__(self) -> Iterator[Promise]:
        steps = shapes.item_steps(self._promised.shape)
        if steps is None:
            refuse(
                self,
                "iterated or unpacked",
                "To unpack it, annotate the task with -> tuple[...] of a fixed length, or with a NamedTuple. "
                "To process each item, use map_task, or pass the promise to another @dynamic_workflow.",
            )
        return iter([select(self, step) for step in steps])

    def __rshift__(self, other: Any) -> Any:
        _order(self, [self], other)
        return other

    def __lshift__(self, other: Any) -> Any:
        _order(self, other, [self])
        return other

    def __rrshift__(self, other: Any) -> Promise:
        _order(self, other, [self])
        return self

    def __rlshift__(self, other: Any) -> Promise:
        _order(self, [self], other)
        return self

    def __bool__(self) -> NoReturn:
        refuse(self, "used as a truth value", _INNER)

    def __len__(self) -> NoReturn:
        refuse(self, "asked for its length", _INNER)

    def __eq__(self, other: object) -> NoReturn:
        refuse(self, "compared with ==", _INNER)

    def __ne__(self, other: object) -> NoReturn:
        refuse(self, "compared with !=", _INNER)

    def __str__(self) -> NoReturn:
        refuse(self, "converted to a string", _IN_A_TASK)

    def __format__(self, specification: str) -> NoReturn:
        refuse(self, "formatted into a string", _IN_A_TASK)

    def __contains__(self, item: Any) -> NoReturn:
        refuse(self, "searched with `in`", _INNER)

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse the call: a promise is not a function."""
        refuse(self, "called", _IN_A_TASK)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        refuse(self, f"given an attribute {name!r}", _IN_A_TASK)

    def __delattr__(self, name: str) -> NoReturn:
        refuse(self, f"asked to delete its attribute {name!r}", _IN_A_TASK)

    def __setitem__(self, key: Any, value: Any) -> NoReturn:
        refuse(self, "changed by an assignment to an item", _IN_A_TASK)

    def __delitem__(self, key: Any) -> NoReturn:
        refuse(self, "changed by deleting an item", _IN_A_TASK)

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        refuse(self, "copied or pickled", "Use the promise itself.")

    def __await__(self) -> NoReturn:
        refuse(self, "awaited", "Nothing runs until the body has returned. " + _IN_A_TASK)

    def __aiter__(self) -> NoReturn:
        refuse(self, "iterated with `async for`", _INNER)

    def __enter__(self) -> NoReturn:
        refuse(self, "used in a `with`", _IN_A_TASK)

    def __exit__(self, *error: object) -> NoReturn:
        refuse(self, "used in a `with`", _IN_A_TASK)

    def __aenter__(self) -> NoReturn:
        refuse(self, "used in an `async with`", _IN_A_TASK)

    def __aexit__(self, *error: object) -> NoReturn:
        refuse(self, "used in an `async with`", _IN_A_TASK)


class GroupCall(Promise):
    """The result of a task group that returns nothing: it can be ordered, but has no value."""

    __slots__ = ()

    def __init__(self, recorder: Recording, entry: CallEntry) -> None:
        super().__init__(Promised(recorder, entry, (), type(None)))


@functools.cache
def _orderable(promise_class: type) -> type:
    """Return a class that looks like the promise's own class, and like one that Airflow can order.

    It is not a base class of `Promise`, because its methods would hide fields of annotated values.
    """
    from airflow_dynamic_provider.airflow_adapter.objects import orderable_class

    return type(promise_class.__name__, (orderable_class(),), {"__module__": promise_class.__module__})


def _set_upstream(promise: Promise, other: Any, _edge_modifier: Any = None) -> None:
    """Run ``other`` before."""
    _order(promise, other, [promise])


def _set_downstream(promise: Promise, other: Any, _edge_modifier: Any = None) -> None:
    """Run ``other`` after."""
    _order(promise, [promise], other)


# Airflow's names for ``<<`` and ``>>``. A field of an annotated value may have the same name.
_ORDERING = {"set_upstream": _set_upstream, "set_downstream": _set_downstream}


def _refuse_operators() -> None:
    """Make the class refuse every other operator of Python."""
    for name, (tried, decides) in VALUE_OPERATORS.items():
        setattr(Promise, name, _refusing(tried, _INNER if decides else _IN_A_TASK))
    # Only for promises: Airflow treats an object with ``__fspath__`` as a path and does not resolve it.
    Promise.__fspath__ = _refusing("used as a path", _IN_A_TASK)  # type: ignore[attr-defined]
    Promise.__next__ = _refusing("asked for its next item", _IN_A_TASK)  # type: ignore[attr-defined]


def _refusing(tried: str, remedy: str) -> Any:
    def refused(self: Promise, *_others: Any) -> NoReturn:
        refuse(self, tried, remedy)

    return refused


_refuse_operators()


def promised(promise: Promise) -> Promised:
    """Return the value that a promise stands for."""
    return promise._promised


def select(promise: Promise, step: Step) -> Promise:
    """Return the promise of a part of a promise's value."""
    whole = promise._promised
    shape = shapes.shape_at(whole.shape, step)
    return Promise(Promised(whole.recorder, whole.entry, (*whole.path, step), shape))


def refuse(promise: Promise, tried: str, remedy: str) -> NoReturn:
    """Refuse a use of a promise.

    Raises:
        PromiseUsageError: Always.
    """
    raise PromiseUsageError(
        f"the output of {promise._promised.label!r} is a promise, not yet a value, and was {tried}",
        remedy=remedy,
    )


def refuse_valueless(promise: Promise, tried: str) -> None:
    """Refuse a use that needs a value, if the task returns none.

    Raises:
        PromiseUsageError: The task is annotated with ``-> None``, or stores nothing.
    """
    if shapes.is_valueless(promise._promised.shape):
        raise PromiseUsageError(
            f"{promise._promised.label!r} has no value, because it is annotated with -> None or has "
            f"do_xcom_push=False, but was {tried}",
            remedy="Order it with >>, or correct the task.",
        )


def _order(promise: Promise, first: Any, then: Any) -> None:
    recorder = promise._promised.recorder
    first = first if isinstance(first, Sequence) and not isinstance(first, str) else [first]
    then = then if isinstance(then, Sequence) and not isinstance(then, str) else [then]
    recorder.order(first, then)
