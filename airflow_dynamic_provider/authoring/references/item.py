"""References to values per key that do not exist yet.

A `KeyedReference` is the base of handles and items. An `Item` stands for one key's value inside a mapped
function. `KeyedValues` is the part of a handle that maps and joins need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.sdk import XComArg

from airflow_dynamic_provider.authoring.model.scope import current_scope
from airflow_dynamic_provider.authoring.references.refusals import NotAValue, refusal, render_path
from airflow_dynamic_provider.authoring.references.usage import Usage
from airflow_dynamic_provider.definitions.keys import DEFAULT_OUTPUT
from airflow_dynamic_provider.execution.sources import resolve
from airflow_dynamic_provider.execution.spaces import find_routes, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_dynamic_provider.authoring.model.dag_graph import KeySpace
    from airflow_dynamic_provider.errors import HandleUsageError
    from airflow_dynamic_provider.execution.sources import Source


class KeyedReference(NotAValue, XComArg):
    """The base of `Handle` and `Item`: a reference to a value per key that refuses to be used as the value.

    Args:
        space: The key space.
        source: Where a key's value comes from.
        path: The path that is selected in the value.
    """

    _NOUN: ClassVar[str]
    _REASON: ClassVar[str]
    _REMEDY: ClassVar[str]

    #: The route from the clone's key space to that of the source: through a side of a joined space.
    via: tuple[int, ...] = ()

    def __init__(self, space: KeySpace, source: Source, path: tuple[Any, ...] = ()) -> None:
        self.space = space
        self.source = source
        self.path = path

    def differs_by_key(self, task_id: str) -> bool:
        """Return whether a batched task receives another value for each key."""
        return True

    def resolve(self, context: Any) -> Any:
        """Return the value for the key of the running clone. Airflow calls this in the task's process."""
        clone = self.space.graph.clones[context["task"].task_id].spec
        return resolve(context, clone, self.space.spec, self.via, self.source, self.path)

    def iter_references(self) -> Iterator[tuple[Any, str]]:
        """Yield the upstream task and XCom key. Airflow calls this when an operator receives it.

        Raises:
            HandleUsageError: It was passed to a task outside a map over its key space.
        """
        self._check_scope("was passed straight to a task")
        yield Usage(self.space.graph, self.source, self.space.spec, self.via), DEFAULT_OUTPUT

    def _check_scope(self, misuse: str) -> None:
        """Refuse a use outside a map in which the space has exactly one key."""
        scope = current_scope()
        if scope is None:
            raise self._refuse(misuse)
        routes = find_routes(scope.space.spec, self.space.spec)
        if not routes.found:
            below = scope.space.encloses(self.space)
            raise (
                self._refuse("has many keys for each key here") if below else self._of_other_keys(scope.space)
            )
        if routes.is_ambiguous:
            raise self._refuse("is on both sides of this product")

    def __deepcopy__(self, memo: dict[int, Any]) -> KeyedReference:
        # A reference, not a value: copies of an operator refer to the same output.
        return self

    def _serialize(self) -> NoReturn:
        raise self._refuse("was passed to expand()")

    def zip(self, *others: Any, **kwargs: Any) -> Any:
        """Refuse the call: Airflow's own zip goes by position."""
        raise self._refuse("was zipped by position")

    def concat(self, *others: Any) -> NoReturn:
        """Refuse the call: Airflow's own concat loses the keys."""
        raise self._refuse("was concatenated by position")

    def _refuse(self, misuse: str) -> HandleUsageError:
        return refusal(self.source, f"{self._NOUN} {misuse}, but {self._REASON}", self._REMEDY)

    def _of_other_keys(self, space: KeySpace) -> HandleUsageError:
        return refusal(
            self.source,
            f"{self._NOUN} has the keys of {name_of(self.space.spec)}, but was used inside a map over the "
            f"keys of {name_of(space.spec)}, which are not its own",
            "Join the two handles and map the pair: left.zip(right).map(fn) for equal keys, or "
            "left.product(right).map(fn) for every key with every key. Or pass handle.collect().",
        )

    def _refuse_call(self, method: str, problem: str, remedy: str) -> HandleUsageError:
        return refusal(self.source, f"{method}() of {self._NOUN}: {problem}", remedy)


class Item(KeyedReference):
    """One key's value inside a mapped function. Pass it to tasks, or select a part with ``item["field"]``."""

    _NOUN = "an item of it"
    _REASON = "its value exists only when the Dag runs"
    _REMEDY = (
        "Inside the mapped function, pass the item to a task or to a templated field of an operator, such as "
        'env= of a BashOperator; select a part of it with item["field"]. Do anything that needs the value in '
        "a task."
    )

    def __init__(
        self, space: KeySpace, source: Source, path: tuple[Any, ...] = (), via: tuple[int, ...] = ()
    ) -> None:
        super().__init__(space, source, path)
        self.via = via

    def __getitem__(self, part: Any) -> Item:
        return Item(self.space, self.source, (*self.path, part), self.via)

    def __repr__(self) -> str:
        return f"<item of {self.source}{render_path(self.path)}>"

    def map(self, f: Any) -> NoReturn:
        """Refuse the call: an item is one value."""
        raise self._refuse("was mapped")


class KeyedValues(KeyedReference):
    """A value per key: the part of a `Handle` that maps and joins use.

    They return items and key spaces, from which the handle makes other handles.
    """

    _NOUN = "the handle"
    _REASON = "it stands for a value per key that exists only when the Dag runs"
    _REMEDY = "Use .map(fn) to run something for each key, or .collect() to give a task all values."
    METHODS = ("map", "collect", "states", "zip", "product")

    @property
    def items(self) -> tuple[Item, ...]:
        """The value for one key, as a mapped function receives it."""
        return (Item(self.space, self.source, self.path),)
