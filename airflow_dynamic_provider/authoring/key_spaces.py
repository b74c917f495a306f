"""Creates the key spaces of a Dag file: of dynamic outputs, nested and joined."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import task_graph
from airflow_dynamic_provider.authoring.model.dag_graph import KeySpace
from airflow_dynamic_provider.definitions.declarations import DynamicOut
from airflow_dynamic_provider.execution.documents import TaskDocument, write_document
from airflow_dynamic_provider.execution.layout import RETURN_VALUE, keys_xcom
from airflow_dynamic_provider.execution.spaces import JoinedSpace, NestedSpace, ProducedSpace

if TYPE_CHECKING:
    from airflow_dynamic_provider.authoring.model.dag_graph import DagGraph
    from airflow_dynamic_provider.execution.spaces import How, Space


class ProducedKeySpace(KeySpace, frozen=False, eq=False):
    """The keys of a dynamic output of a task that runs once.

    Attributes:
        output: The dynamic output.
    """

    output: str = ""

    def ensure_expanded_task(self) -> Any:
        """Return the task whose return value Airflow expands over; create it on the first call."""
        self.note_single_readers()
        mapped = self.producer.mapped_outputs
        if self.output not in mapped:
            mapped[self.output] = (self.producer if _is_only_output(self.producer) else self._twin()).task_id
        return self.graph.task(mapped[self.output])

    def note_single_readers(self) -> None:
        """Have the outputs stored in small pages. Large ones are enough for batches."""
        self.producer.single_outputs.add(self.output)

    def _twin(self) -> Any:
        from airflow_dynamic_provider.execution.helpers import KeysOperator

        keys = KeysOperator(
            task_id=f"{self.producer.label}__{self.output}",
            producer_id=self.producer.task_id,
            dynamic_output=self.output,
            task_display_name=f"keys of {self.producer.label}, output {self.output}",
            doc_md=f"Lists the keys of `{self.producer.task_id}.{self.output}`, for Airflow to expand over.",
            dag=self.graph.dag,
            task_group=task_graph.group_of(self.producer),
        )
        return self.graph.add_helper(keys, self.producer)


def produced_space(graph: DagGraph, producer: Any, output: str) -> KeySpace:
    """Return the key space of a dynamic output of a task that runs once."""
    spec = ProducedSpace(
        keys_task_id=producer.task_id,
        keys_xcom=keys_xcom(output, is_only=_is_only_output(producer)),
        enclosing=None,
        producer_id=producer.task_id,
        output=output,
        is_required=producer.declarations[output].is_required,
    )
    home = task_graph.current_group(graph.dag)
    return ProducedKeySpace(graph, spec, _name(producer, output), home, producer, output=output)


def nested_space(outer: KeySpace, producer: Any, output: str) -> KeySpace:
    """Return the key space of a dynamic output of a task that is cloned for ``outer``."""
    from airflow_dynamic_provider.execution.helpers import NestedKeysOperator

    graph = outer.graph
    outer.note_single_readers()
    clone = graph.clones[producer.task_id]
    suffix = "keys" if _is_only_output(producer) else output
    spec = NestedSpace(
        keys_task_id=graph.free_id(f"{producer.task_id}__{suffix}"),
        keys_xcom=RETURN_VALUE,
        enclosing=outer.spec,
        producer_id=producer.task_id,
        output=output,
        is_required=producer.declarations[output].is_required,
        outer=outer.spec,
        batches=clone.spec.batches,
    )
    clone.spec.stored_outputs.add(output)
    graph.make_helper(
        NestedKeysOperator,
        spec.keys_task_id,
        outer.home,
        producer,
        clone.ensure_expanded_task(),
        space=spec,
        clone=clone.spec,
        task_display_name=f"keys of {_name(producer, output)}",
        doc_md=f"Lists the keys that all clones of `{producer.task_id}` have produced, for Airflow to "
        "expand over.",
        doc_json=_document(spec),
    )
    return KeySpace(graph, spec, _name(producer, output), outer.home, producer)


def joined_space(left: KeySpace, right: KeySpace, how: How, enclosing: KeySpace | None) -> KeySpace:
    """Return the key space that joins two others: zipped, or as a product."""
    from airflow_dynamic_provider.execution.helpers import JoinedKeysOperator

    graph = left.graph
    left.note_single_readers()
    right.note_single_readers()
    name = f"{left.name}_{'product' if how == 'product' else 'zip'}_{right.name}"
    home = enclosing.home if enclosing else task_graph.current_group(graph.dag)
    spec = JoinedSpace(
        keys_task_id=graph.free_id(f"{name}__keys"),
        keys_xcom=RETURN_VALUE,
        enclosing=enclosing.spec if enclosing else None,
        left=left.spec,
        right=right.spec,
        how=how,
    )
    keys = graph.make_helper(
        JoinedKeysOperator,
        spec.keys_task_id,
        home,
        graph.task(left.spec.keys_task_id),
        graph.task(right.spec.keys_task_id),
        space=spec,
        task_display_name=f"keys of {left.name} and {right.name}",
        doc_md=f"Joins the keys of {left.name} and {right.name}, for Airflow to expand over.",
        doc_json=_document(spec),
    )
    return KeySpace(graph, spec, name, home, keys)


def _document(space: Space) -> str:
    return write_document(None, TaskDocument(lists=space, is_helper=True))


def _is_only_output(producer: Any) -> bool:
    return sum(isinstance(out, DynamicOut) for out in producer.declarations.values()) == 1


def _name(producer: Any, output: str) -> str:
    return str(producer.label) if _is_only_output(producer) else f"{producer.label}_{output}"
