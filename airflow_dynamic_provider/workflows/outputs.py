"""What calling a workflow returns in the Dag file, and what Airflow expands its nodes over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk.definitions.xcom_arg import PlainXComArg

from airflow_dynamic_provider.authoring.usage import first_task
from airflow_dynamic_provider.errors import WorkflowCallError
from airflow_dynamic_provider.workflows.shapes import is_named_tuple, item_steps, return_shape

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def part_names(function: Callable[..., Any]) -> list[str]:
    """Return the XComs of the items of what a body returns: by field, or ``output_0`` and so on.

    None where the return annotation names no tuple of known length.
    """
    shape = return_shape(function)
    if is_named_tuple(shape):
        return list(shape._fields)
    return [f"output_{index}" for index, _ in enumerate(item_steps(shape) or ())]


class WorkflowPart(PlainXComArg):
    """A part of a workflow's outputs: an ordinary XCom reference, to be passed to tasks.

    Data comes from the workflow's last task. An order without data concerns the whole workflow: what is
    to run before it runs before the body does.
    """

    @property
    def roots(self) -> list[Any]:
        """The planning task, for which all others wait. Airflow asks for it in ``task >> workflow()``."""
        return [first_task(self.operator)]

    def set_upstream(self, task_or_task_list: Any, edge_modifier: Any = None) -> None:
        """Run tasks before the whole workflow: ``workflow() << task``."""
        first_task(self.operator).set_upstream(task_or_task_list, edge_modifier)


class WorkflowOutput(WorkflowPart):
    """The outputs of a workflow: an ordinary XCom reference, to be passed to tasks.

    Where the body is annotated to return a tuple of known length it can be unpacked, and the fields of a
    NamedTuple are found by name: ``output["total"]``.
    """

    def __getitem__(self, item: str) -> WorkflowPart:
        """Return a reference to the XCom of one item."""
        return WorkflowPart(self.operator, super().__getitem__(item).key)  # type: ignore[attr-defined]

    def __iter__(self) -> Iterator[WorkflowPart]:
        """Return a reference to each item of the tuple that the body returns.

        Raises:
            WorkflowCallError: It is not known how many there are.
        """
        parts = getattr(self.operator, "parts", ())
        if not parts:
            raise WorkflowCallError(
                "its output cannot be unpacked, because the number of items is not known in the Dag file",
                task_id=self.operator.task_id,
                remedy="Annotate what the body returns, as in -> tuple[list[str], int], or pass the output "
                "to a task as it is.",
            )
        return iter([WorkflowPart(self.operator, name) for name in parts])


class NodeSlots(PlainXComArg):
    """What Airflow expands a lane over: one clone for each slot, with nothing of the list passed to it.

    A clone reads the page with its own node instead, however long the list is.
    """

    def resolve(self, context: Any) -> Sequence[Mapping[str, Any]]:
        """Return no arguments for each slot. Airflow calls this in the task's process."""
        return _NoArguments()


class _NoArguments(Sequence[dict[str, Any]]):
    def __getitem__(self, index: Any) -> Any:
        return {}

    def __len__(self) -> int:
        return 0
