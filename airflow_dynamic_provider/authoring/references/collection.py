"""A reference to the values or states of all keys, as one argument of a later task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from airflow_dynamic_provider.airflow_adapter.operators import PlainXComArg
from airflow_dynamic_provider.authoring.model.scope import current_scope
from airflow_dynamic_provider.authoring.references.refusals import NotAValue, refusal, render_path
from airflow_dynamic_provider.authoring.references.usage import Collecting
from airflow_dynamic_provider.execution.layout import result_xcom

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_dynamic_provider.authoring.model.dag_graph import KeySpace
    from airflow_dynamic_provider.errors import HandleUsageError
    from airflow_dynamic_provider.execution.sources import CollectionSpec


_REMEDY = "Pass the collection to a task, and work on the values there."


class _NoKeyToExpandOver(str):
    """The XCom key of a collection, which Airflow compares when it expands a task over the collection."""

    __slots__ = ("_collection",)

    _collection: Collection

    def __new__(cls, collection: Collection) -> _NoKeyToExpandOver:
        key = super().__new__(cls, collection.key)
        key._collection = collection
        return key

    def __ne__(self, other: object) -> NoReturn:
        raise refusal(
            self._collection.spec.source,
            "its collection was passed to expand(), which goes by position and not by key",
            "Map the handle itself, without collect(): handle.map(task).",
        )

    __hash__ = str.__hash__


class Collection(NotAValue, PlainXComArg):  # type: ignore[misc]  # which attrs made unhashable
    """A reference to the values or states of all keys. Made by `Handle.collect` and `Handle.states`.

    For the scheduler, it is an ordinary reference to the collected task. Only a task's process resolves it.

    Args:
        space: The set of keys.
        spec: What is collected.
    """

    def __init__(self, space: KeySpace, spec: CollectionSpec) -> None:
        super().__init__(space.graph.task(spec.source.task_id), result_xcom(spec.source.output))
        self.space = space
        self.spec = spec

    def differs_by_key(self, task_id: str) -> bool:
        """Return whether a batched task receives another value for each key: what is below the key."""
        return any(self.spec is spec for spec in self.space.graph.collects_below.get(task_id, ()))

    def resolve(self, context: Any) -> Any:
        """Return the values of all keys in their container. Airflow calls this in the task's process."""
        from airflow_dynamic_provider.execution.collecting import collect

        return collect(context, self.spec, self.space.graph.collector_of(context["task"].task_id))

    def iter_references(self) -> Iterator[tuple[Any, str]]:
        """Yield the upstream tasks and XCom keys. Airflow calls this when an operator receives it."""
        scope = current_scope()
        own = scope.space.spec if scope else None
        yield Collecting(self.space.graph, self.spec, own), _NoKeyToExpandOver(self)

    def map(self, f: Any) -> NoReturn:
        """Refuse the call: map the handle, then collect."""
        raise self._refuse("was mapped")

    def __deepcopy__(self, memo: dict[int, Any]) -> Collection:
        return self

    def __getitem__(self, part: Any) -> NoReturn:
        raise self._refuse("was indexed")

    def __repr__(self) -> str:
        return f"<all keys of {self.spec.source}{render_path(self.spec.path)}>"

    def _refuse(self, misuse: str) -> HandleUsageError:
        return refusal(
            self.spec.source,
            f"its collection {misuse}, but the values exist only when the Dag runs",
            _REMEDY,
        )

    def _refuse_call(self, method: str, problem: str, remedy: str) -> HandleUsageError:
        return refusal(self.spec.source, f"{method}() of its collection: {problem}", remedy)
