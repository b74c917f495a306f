"""The references that calls of workflows return in the Dag file, and those that nodes are expanded over."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import task_graph, xcom
from airflow_dynamic_provider.airflow_adapter.operators import PlainXComArg
from airflow_dynamic_provider.authoring.model.scope import current_scope
from airflow_dynamic_provider.errors import LayoutError, WorkflowCallError
from airflow_dynamic_provider.execution.helpers import HelperOperator
from airflow_dynamic_provider.execution.layout import RETURN_VALUE, holds_typed
from airflow_dynamic_provider.workflows.plan.shapes import (
    field_names,
    has_any_field,
    is_named_tuple,
    item_steps,
    return_shape,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def part_names(function: Callable[..., Any]) -> list[str]:
    """Return the XCom keys for the items of a returned tuple: the fields, or ``output_0`` and so on.

    Empty if the return annotation is not a tuple of known length.
    """
    shape = return_shape(function)
    if is_named_tuple(shape):
        return list(shape._fields)
    return [f"output_{index}" for index, _ in enumerate(item_steps(shape) or ())]


class WorkflowReference(PlainXComArg):
    """A reference to an XCom of a workflow's last task, to be passed to tasks.

    Data comes from the workflow's last task. A dependency without data applies to the whole workflow: an
    upstream task runs before the body does.
    """

    def resolve(self, context: Any) -> Any:
        """Return the value. Airflow calls this in the task's process."""
        value = super().resolve(context)
        if not holds_typed(value):
            return value
        # Imported here, because most values are stored as they are.
        from airflow_dynamic_provider.execution.typed_values import value_of

        operator: Any = self.operator
        try:
            return value_of(value, operator.type_of(self.key))
        except LayoutError as error:
            raise error.about(task_id=operator.task_id) from error.__cause__

    @property
    def roots(self) -> list[Any]:
        """The planning task, which all others wait for. Airflow asks for it in ``task >> workflow()``."""
        from airflow_dynamic_provider.authoring.arranging.ordering import first_task

        return [first_task(self.operator)]

    def set_upstream(self, task_or_task_list: Any, edge_modifier: Any = None) -> None:
        """Run tasks before the whole workflow: ``workflow() << task``."""
        from airflow_dynamic_provider.authoring.arranging.ordering import first_task

        first_task(self.operator).set_upstream(task_or_task_list, edge_modifier)


class WorkflowPart(WorkflowReference):
    """A part of a workflow's output: an ordinary XCom reference, to be passed to tasks.

    Airflow expands only over the return value of a task. If a task is expanded over a part, another task is
    added that returns the part.
    """

    #: The last task of the workflow and the XCom key of the part, once another task returns the part.
    _stored_at: tuple[Any, str] | None = None

    def resolve(self, context: Any) -> Any:
        """Return the part. Airflow calls this in the task's process."""
        if self._stored_at is None:
            return super().resolve(context)
        # A task that used the part before it was expanded over does not wait for the task that returns it.
        return WorkflowReference(*self._stored_at).resolve(context)

    def iter_references(self) -> Iterator[tuple[Any, str]]:
        """Yield the task and the XCom that it refers to. Airflow asks for them when it reads the Dag file."""
        if task_graph.is_expanding():
            self._be_returned()
        return super().iter_references()

    def map(self, f: Callable[[Any], Any]) -> Any:
        """Return a reference to the results of a function for the items, to be expanded over."""
        self._be_returned()
        return super().map(f)

    def zip(self, *others: Any, **fillvalue: Any) -> Any:
        """Return a reference to the items zipped with those of other references, to be expanded over."""
        self._be_returned()
        return super().zip(*others, **fillvalue)

    def concat(self, *others: Any) -> Any:
        """Return a reference to the items followed by those of other references, to be expanded over."""
        self._be_returned()
        return super().concat(*others)

    def _be_returned(self) -> None:
        # In a map, no task can be expanded over a list. Airflow raises the error for that.
        if self.key != RETURN_VALUE and current_scope() is None:
            self._stored_at = (self.operator, self.key)
            self.operator, self.key = returning_task(self.operator, self.key), RETURN_VALUE


class WorkflowOutput(WorkflowReference):
    """The output of a workflow: an ordinary XCom reference, to be passed to tasks.

    It can be unpacked if the return annotation of the body is a tuple of known length. The fields of a
    NamedTuple or a TypedDict, and the items of a ``dict[str, ...]``, are selected by name:
    ``output["total"]``.
    """

    def __getitem__(self, item: str) -> WorkflowPart:
        """Return a reference to one field or item.

        Raises:
            WorkflowCallError: The return annotation of the body has no such part.
        """
        key = super().__getitem__(item).key  # type: ignore[attr-defined]
        operator: Any = self.operator
        if key in operator.parts:
            return WorkflowPart(operator, key)
        fields = field_names(operator.returns)
        if not (has_any_field(operator.returns) if fields is None else key in fields) or key == RETURN_VALUE:
            raise _no_such_part(operator, key, fields)
        if key not in operator.fields:
            operator.fields.append(key)
        return WorkflowPart(operator, key)

    def __iter__(self) -> Iterator[WorkflowPart]:
        """Return an iterator over references to the items of the tuple that the body returns.

        Raises:
            WorkflowCallError: The number of items is not known.
        """
        parts = getattr(self.operator, "parts", ())
        if not parts:
            raise WorkflowCallError(
                "its output cannot be unpacked, because the number of items is not known in the Dag file",
                task_id=self.operator.task_id,
                remedy="Annotate the body, as in -> tuple[list[str], int], or pass the whole output to a "
                "task.",
            )
        return iter([WorkflowPart(self.operator, name) for name in parts])


def _no_such_part(operator: Any, key: str, fields: Sequence[str] | None) -> WorkflowCallError:
    known = [*operator.parts, *(fields or ())]
    if known:
        return WorkflowCallError(
            f"its output has no part {key!r}; it has {', '.join(map(repr, known))}",
            task_id=operator.task_id,
            remedy="Use one of these, or correct the return annotation of the body.",
        )
    return WorkflowCallError(
        f"its output has no part {key!r} according to the return annotation of the body",
        task_id=operator.task_id,
        remedy="Annotate the body with -> dict[str, ...], a TypedDict or a NamedTuple, or pass the whole "
        "output to a task.",
    )


def returning_task(result: Any, key: str) -> Any:
    """Return the task that returns a part of another task's output. Add it the first time."""
    for task in result.dag.tasks:
        if isinstance(task, PartOperator) and (task.result_id, task.part) == (result.task_id, key):
            return task
    # A key may be any string, so its id may be that of another key or of another task in the group.
    label = f"result_{re.sub(r'[^0-9A-Za-z_.-]', '_', key)}"
    group, taken = result.task_group, {task.label for task in result.dag.tasks}
    returning = PartOperator(
        task_id=task_graph.first_free(label, taken, "__"),
        result_id=result.task_id,
        part=key,
        declared=result.type_of(key),
        dag=result.dag,
        task_group=group,
    )
    returning.first_task_id = result.first_task_id
    returning.set_upstream(result)
    return returning


class PartOperator(HelperOperator):
    """Returns a part of a workflow's output, because Airflow expands only over a task's return value.

    Args:
        result_id: The task that stores the part.
        part: The XCom key of the part.
        declared: The declared type of the part.
    """

    custom_operator_name = "part"

    def __init__(self, *, result_id: str, part: str, declared: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.result_id = result_id
        self.part = part
        self.declared = declared
        #: The first task of the workflow.
        self.first_task_id: str | None = None

    def type_of(self, output: str) -> Any:
        """Return the declared type of the part."""
        return self.declared

    def execute(self, context: Any) -> Any:
        """Return the part. Airflow calls this in the task's process."""
        return xcom.pull(context, self.result_id, self.part)


class NodeSlots(PlainXComArg):
    """The argument that Airflow expands a lane over: one clone for each slot, without passing it the list.

    Each clone reads only the page with its own node, however long the list is.
    """

    def resolve(self, context: Any) -> Sequence[Mapping[str, Any]]:
        """Return empty arguments for every slot. Airflow calls this in the task's process."""
        return _NoArguments()


class _NoArguments(Sequence[dict[str, Any]]):
    def __getitem__(self, index: Any) -> Any:
        return {}

    def __len__(self) -> int:
        return 0
