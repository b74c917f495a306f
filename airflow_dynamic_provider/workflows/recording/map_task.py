"""``map_task``: one node for each item of a list, in the body of a workflow."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.objects import is_task_decorator
from airflow_dynamic_provider.definitions.excerpts import excerpt
from airflow_dynamic_provider.errors import WorkflowCallError
from airflow_dynamic_provider.workflows.declared.allowed import MAPS_MARK, Mapped
from airflow_dynamic_provider.workflows.declared.kinds import MapTarget, TaskTarget
from airflow_dynamic_provider.workflows.plan import templates
from airflow_dynamic_provider.workflows.recording.binding import bind, parameter_names
from airflow_dynamic_provider.workflows.recording.calls import (
    NAMED_MARK,
    match_task,
    pack_arguments,
    refuse_task,
)
from airflow_dynamic_provider.workflows.recording.current import current_recorder
from airflow_dynamic_provider.workflows.recording.promises import Promise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_dynamic_provider.workflows.declared.kinds import Kind
    from airflow_dynamic_provider.workflows.recording.recorder import Recorder

#: The names of the node's arguments when a `map_task` is planned later.
LISTS = "lists"
BOUND = "bound"
CONCURRENCY = "concurrency"
RATIO = "min_success_ratio"
SUCCESSES = "min_successes"


class MappedTask(Mapped):
    """A task that is ready to be called with lists. Made by `map_task`.

    Args:
        decorator: The ``@task`` function.
        bound: The arguments that are the same for every item.
        concurrency: How many of its nodes may run at a time, ``None`` for all.
        min_success_ratio: The share of its nodes that must succeed.
        min_successes: The number of its nodes that must succeed, instead of a share.
    """

    def __init__(
        self,
        decorator: Any,
        bound: Mapping[str, Any],
        concurrency: int | None,
        min_success_ratio: float,
        min_successes: int | None = None,
    ) -> None:
        super().__init__(decorator)
        self.bound = dict(bound)
        self.concurrency = concurrency
        self.min_success_ratio = min_success_ratio
        self.min_successes = min_successes

    def __call__(self, *lists: Any, **named_lists: Any) -> Promise:
        """Add a node for each item, and return a promise of the list of their values.

        Several lists are read in parallel: the first node gets the first item of each.

        Raises:
            WorkflowError: It is called outside of a body, or with something that is not a list.
        """
        recorder = current_recorder()
        if recorder is None:
            raise WorkflowCallError(
                f"map_task({self.decorator.function.__name__}) is called outside of the body of a workflow",
                remedy="In a Dag file, map over a dynamic output with handle.map, or use Airflow's expand.",
            )
        by_name = self._by_name(lists, named_lists)
        if any(isinstance(each, Promise) for each in by_name.values()):
            return self._later(recorder, by_name)
        return self._now(recorder, by_name)

    def _by_name(self, lists: Sequence[Any], named_lists: Mapping[str, Any]) -> dict[str, Any]:
        free = [name for name in parameter_names(self.decorator.function) if name not in self.bound]
        if len(lists) > len(free):
            raise self._refusal(
                f"is called with {len(lists)} lists, but only {len(free)} of the task's arguments can take "
                "one"
            )
        by_name = dict(zip(free, lists, strict=False))
        if twice := sorted(by_name.keys() & named_lists.keys() | self.bound.keys() & named_lists.keys()):
            raise self._refusal(f"is given the argument {twice[0]!r} twice")
        by_name |= named_lists
        if not by_name:
            raise self._refusal("is called without a list")
        # Check whether the call of one node would fit. Each list stands for one of its items.
        bind(self.decorator.function, (), {**self.bound, **by_name})
        for name, each in by_name.items():
            if not isinstance(each, Promise | list | tuple | range):
                raise self._refusal(
                    f"needs a list or a promise of one for {name!r}, received {excerpt(each)}"
                )
        return by_name

    def _later(self, recorder: Recorder, by_name: Mapping[str, Any]) -> Promise:
        kind, retries = self._match(recorder, MapTarget(self.decorator), by_name)
        lists = {name: list(each) if isinstance(each, range) else each for name, each in by_name.items()}
        held = {LISTS: lists, BOUND: self.bound, CONCURRENCY: self.concurrency, RATIO: self.min_success_ratio}
        held[SUCCESSES] = self.min_successes
        is_default = {LISTS: False, BOUND: not self.bound, CONCURRENCY: self.concurrency is None}
        is_default |= {RATIO: self.min_success_ratio == 1, SUCCESSES: self.min_successes is None}
        arguments = pack_arguments(
            recorder, {name: value for name, value in held.items() if not is_default[name]}
        )
        entry = recorder.node(
            self._label, is_explicit=self._is_named, kind=kind.name, arguments=arguments, retries=retries
        )
        return recorder.promise(entry)

    def _now(self, recorder: Recorder, by_name: Mapping[str, Any]) -> Promise:
        kind, retries = self._match(recorder, TaskTarget(self.decorator), by_name)
        items = zipped(self.decorator.function.__name__, by_name)
        call = recorder.call(self._label, is_explicit=self._is_named)
        call.is_map = True
        ratio = share_of(self.min_successes, self.min_success_ratio, len(items), self._label)
        call.min_success_ratio = ratio if ratio < 1 else None
        with recorder.inside(call):
            nodes = [
                recorder.node(
                    str(index),
                    is_explicit=True,
                    kind=kind.name,
                    arguments=pack_arguments(recorder, {**self.bound, **item}),
                    retries=retries,
                    limit=None if self.concurrency is None else (call, index, self.concurrency),
                )
                for index, item in enumerate(items)
            ]
        call.output = [templates.pack(recorder.promise(node), recorder.find) for node in nodes]
        return recorder.promise(call)

    def _match(
        self, recorder: Recorder, target: TaskTarget | MapTarget, by_name: Mapping[str, Any]
    ) -> tuple[Kind, int | None]:
        # Settings are tried with the arguments of one node. The value of the item does not matter.
        one = pack_arguments(recorder, {**self.bound, **dict.fromkeys(by_name)})
        return match_task(recorder, target, one)

    @property
    def _is_named(self) -> bool:
        return bool(getattr(self.decorator, NAMED_MARK, False))

    @property
    def _label(self) -> str:
        name = TaskTarget(self.decorator).name
        return name if self._is_named else f"{name}-map"

    def _refusal(self, problem: str) -> WorkflowCallError:
        return WorkflowCallError(
            f"map_task({self.decorator.function.__name__}) {problem}",
            remedy="Pass one list, or promise of a list, for each argument that differs between items, and "
            "set the other arguments with functools.partial.",
        )


def map_task(fn: Any, concurrency: int | None = None, min_success_ratio: float = 1.0) -> MappedTask:
    """Return a function that runs a task once for each item of a list. Use it in the body of a workflow.

    Call the function with a list, or a promise of a list. It returns a promise of the list of the values, in
    the same order.

    Args:
        fn: A ``@task`` function, a ``functools.partial`` of one, or one under ``override``.
        concurrency: How many of its nodes may run at a time. All by default.
        min_success_ratio: The share of its nodes that must succeed, from 0 to 1. Below 1, the value of a
            failed node is ``None``, and the other values are used if enough nodes succeeded.

    Raises:
        WorkflowCallError: ``fn`` is not a task, or an option is wrong.

    Example:
        >>> @dynamic_workflow
        ... def squares(numbers):
        ...     return map_task(square, concurrency=4)(numbers)
    """
    decorator, bound = _unpack_partial(fn)
    if not is_task_decorator(decorator) or hasattr(decorator, "declarations"):
        raise WorkflowCallError(
            f"map_task takes a @task function, received {excerpt(decorator)}",
            remedy="For anything else, write a loop: [workflow(item) for item in items].",
        )
    refuse_task(decorator)
    is_number = isinstance(concurrency, int) and not isinstance(concurrency, bool)
    if concurrency is not None and (not is_number or concurrency < 1):
        raise WorkflowCallError(
            f"concurrency must be a whole number of at least 1, received {excerpt(concurrency)}",
            remedy="Leave it out for no limit.",
        )
    is_ratio = isinstance(min_success_ratio, int | float) and not isinstance(min_success_ratio, bool)
    if not is_ratio or not 0 <= min_success_ratio <= 1:
        raise WorkflowCallError(
            f"min_success_ratio must be a number from 0 to 1, received {excerpt(min_success_ratio)}",
            remedy="Leave it out if all must succeed.",
        )
    return MappedTask(decorator, bound, concurrency, float(min_success_ratio))


setattr(map_task, MAPS_MARK, True)


def _unpack_partial(fn: Any) -> tuple[Any, dict[str, Any]]:
    bound: dict[str, Any] = {}
    positional: tuple[Any, ...] = ()
    while isinstance(fn, functools.partial):
        bound = {**fn.keywords, **bound}
        positional = (*fn.args, *positional)
        fn = fn.func
    if positional and hasattr(fn, "function"):
        bound = {**bind(fn.function, positional, {}, is_partial=True), **bound}
    return fn, bound


def share_of(successes: int | None, ratio: float, count: int, name: str) -> float:
    """Return the share of nodes that must succeed, from their number, if one is given.

    Raises:
        WorkflowCallError: There are fewer nodes.
    """
    if successes is None:
        return ratio
    if successes > count:
        raise WorkflowCallError(
            f"{name!r} has {count} nodes, and {successes} of them must succeed", remedy="Lower min_successes."
        )
    return successes / count if count else 1.0


def zipped(name: str, lists: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return, for each item, parameter -> argument. The lists are read in parallel.

    Args:
        name: The name of the function that is mapped.
        lists: Parameter -> list.

    Raises:
        WorkflowCallError: A value is not a list, or the lists differ in length.
    """
    for parameter, each in lists.items():
        if not isinstance(each, list | tuple | range):
            raise WorkflowCallError(
                f"map_task({name}) needs a list for {parameter!r}, received {excerpt(each)}",
                remedy="Return a list from the task that makes it.",
            )
    lengths = {parameter: len(each) for parameter, each in lists.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{parameter!r} has {length}" for parameter, length in lengths.items())
        raise WorkflowCallError(
            f"map_task({name}) reads its lists in parallel, but they differ in length: {shown}",
            remedy="Pass lists of the same length. To map over all combinations, build their lists first.",
        )
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]
