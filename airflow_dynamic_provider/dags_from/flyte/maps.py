"""``map_task``: a task for each item of a list."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.flyte.cases import NotedCall, is_noting
from airflow_dynamic_provider.dags_from.flyte.tasks import FlyteTask
from airflow_dynamic_provider.dags_from.flyte.values import encode
from airflow_dynamic_provider.definitions.excerpts import excerpt
from airflow_dynamic_provider.errors import WorkflowCallError
from airflow_dynamic_provider.execution.ratios import allowed_failures
from airflow_dynamic_provider.workflows.declared.allowed import MAPS_MARK, Mapped
from airflow_dynamic_provider.workflows.plan.references import Placeholder
from airflow_dynamic_provider.workflows.recording import map_task as core
from airflow_dynamic_provider.workflows.recording.binding import bind
from airflow_dynamic_provider.workflows.recording.current import current_recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class FlyteMap(Mapped):
    """A task that is called with lists. Made by `map_task`.

    Args:
        task: The task.
        bound: The arguments that are the same for every item.
        concurrency: How many may run at a time, ``None`` for all.
        min_success_ratio: The share that must succeed.
        min_successes: The number that must succeed, instead of a share.
    """

    def __init__(
        self,
        task: FlyteTask,
        bound: Mapping[str, Any],
        concurrency: int | None,
        min_success_ratio: float,
        min_successes: int | None = None,
    ) -> None:
        super().__init__(task)
        self.task = task
        self.bound = bound
        self.concurrency = concurrency
        self.min_success_ratio = min_success_ratio
        self.min_successes = min_successes

    def __call__(self, **lists: Any) -> Any:
        """Add a node for each item and return the promise of the list of their values. Elsewhere, run them.

        Raises:
            WorkflowCallError: The lists do not fit.
            OutputTypeError: An item is not of the declared type.
        """
        interface = self.task.interface
        bind(interface.function, (), {**self.bound, **lists})
        bound = {name: self._encode(name, value) for name, value in self.bound.items()}
        encoded = {name: self._encode_list(name, value) for name, value in lists.items()}
        if current_recorder() is not None:
            defaults = {
                name: self._encode(name, value)
                for name, value in interface.defaults.items()
                if name not in lists and name not in bound
            }
            settings: dict[str, Any] = {
                "concurrency": self.concurrency,
                "min_success_ratio": self.min_success_ratio,
                "min_successes": self.min_successes,
            }
            bound = {**defaults, **bound}
            if is_noting():
                return NotedCall(self.task, {**bound, **encoded}, mapping={**settings, "bound": list(bound)})
            return core.MappedTask(self.task, bound, **settings)(**encoded)
        return self._run(lists)

    def _encode(self, name: str, value: Any) -> Any:
        return encode(
            value, self.task.interface.inputs[name], f"the input {name!r} of {self.task.interface.name!r}"
        )

    def _encode_list(self, name: str, value: Any) -> Any:
        if isinstance(value, Placeholder):
            return value
        if not isinstance(value, list):
            raise WorkflowCallError(
                f"map_task({self.task.interface.name}) needs a list for {name!r}, received {excerpt(value)}",
                remedy="Pass a list, and set inputs that are the same for all items with functools.partial.",
            )
        return [self._encode(name, each) for each in value]

    def _run(self, lists: dict[str, Any]) -> list[Any]:
        results: list[Any] = []
        failed: list[Exception] = []
        items = core.zipped(self.task.interface.name, lists)
        for item in items:
            try:
                results.append(self.task(**self.bound, **item))
            except Exception as error:
                failed.append(error)
                results.append(None)
        ratio = core.share_of(
            self.min_successes, self.min_success_ratio, len(items), self.task.interface.name
        )
        if len(failed) > allowed_failures(ratio, len(items)):
            raise failed[0]
        return results


def map_task(
    target: Callable[..., Any],
    concurrency: int | None = None,
    min_successes: int | None = None,
    min_success_ratio: float | None = 1.0,
    metadata: Any = None,
    **_ignored: Any,
) -> FlyteMap:
    """Return a function that runs a task once for each item of a list.

    Args:
        target: A ``@task``, or a ``functools.partial`` of one.
        concurrency: How many may run at a time. All by default, and for 0.
        min_successes: The number that must succeed, instead of a share.
        min_success_ratio: The share that must succeed. Below 1, the value of a failed item is ``None``.
        metadata: A `TaskMetadata` with settings for this map. A constant of the Dag file.

    Raises:
        WorkflowCallError: The target is no task, or an argument is refused.
    """
    bound: dict[str, Any] = {}
    while isinstance(target, functools.partial):
        if target.args:
            raise WorkflowCallError(
                "map_task is given a partial with positional arguments",
                remedy="Name them: functools.partial(task, name=value).",
            )
        bound = {**target.keywords, **bound}
        target = target.func
    if not isinstance(target, FlyteTask):
        raise WorkflowCallError(
            f"map_task takes a @task, received {excerpt(target)}",
            remedy="To map over a workflow, call it in the loop of a @dynamic.",
        )
    if len(target.interface.outputs) > 1:
        raise WorkflowCallError(
            f"map_task takes a task with one output at most, but {target.interface.name!r} has "
            f"{len(target.interface.outputs)}",
            remedy="Return a NamedTuple or a dataclass as one output.",
        )
    ratio = 1.0 if min_success_ratio is None else min_success_ratio
    if not 0 <= ratio <= 1:
        raise WorkflowCallError(
            f"map_task({target.interface.name}) is given min_success_ratio={ratio}",
            remedy="Pass a number from 0 to 1, or min_successes.",
        )
    return FlyteMap(_varied(target, metadata), bound, concurrency or None, ratio, min_successes)


# The tasks that a body maps are found by this mark.
setattr(map_task, MAPS_MARK, True)


def _varied(task: FlyteTask, metadata: Any) -> FlyteTask:
    return task if metadata is None else task.override(**metadata.settings())
