"""Handles: references, in a Dag file, to values per key that do not exist yet.

A `Handle` stands for one value per key. It has the methods `map`, `collect`, `states`, `outcomes`, `zip`
and `product`.
A `PairHandle` stands for two values per key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.authoring.arranging.arguments import explained
from airflow_dynamic_provider.authoring.arranging.ordering import order
from airflow_dynamic_provider.authoring.arranging.segments import arrange
from airflow_dynamic_provider.authoring.mapping import map_over, with_each_output
from airflow_dynamic_provider.authoring.model.scope import current_scope
from airflow_dynamic_provider.authoring.references.item import Item, KeyedValues
from airflow_dynamic_provider.authoring.references.refusals import refusal, render_path
from airflow_dynamic_provider.authoring.references.usage import note_reference
from airflow_dynamic_provider.execution.sources import OUTCOMES, STATES, CollectionSpec, PairSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_dynamic_provider.authoring.model.dag_graph import KeySpace
    from airflow_dynamic_provider.authoring.references.collection import Collection
    from airflow_dynamic_provider.definitions.batches import Batch
    from airflow_dynamic_provider.definitions.cache import Cache


class Handle(KeyedValues):
    """A reference to a value per key. Calling a task with a `DynamicOut` returns one, and so does `map`.

    Handles are used in the Dag file only. Call `map` and `collect`, order tasks with ``>>`` and ``<<``, or
    use a handle inside a ``map`` over the same key space, where handles are joined by key. Every other use
    is refused.
    """

    @explained(
        "To pass a task more arguments, use a lambda: handle.map(lambda item: my_task(item, other=3)). map() "
        "itself takes only the function, batch=, max_active=, max_failures= and cache=."
    )
    def map(
        self,
        fn: Callable[..., Any],
        *,
        batch: int | Batch | None = None,
        max_active: int | None = None,
        max_failures: int | float | None = None,
        cache: Cache | str | None = None,
    ) -> Any:
        """Clone the tasks that ``fn`` calls, once per mapping key.

        Call it in the Dag file. ``fn`` is evaluated once, there, with an `Item`. At run time, each task that
        it calls has one task instance per key, labelled with the key. A clone waits only for the upstream
        clones of its own key.

        Args:
            fn: A ``@task`` function, a ``@task_group``, or a function or lambda that calls tasks, groups and
                classic operators. It may use outputs of other tasks and handles of the same key space. It may
                map and collect a ``@task.dynamic`` that it calls.
            batch: The maximum number of keys that run in one task instance, or a `Batch` with more settings.
                By default, each key has a task instance of its own.
            max_active: The maximum number of clones that are active at once in one run, for each task that
                ``fn`` calls; unlimited by default.
            max_failures: How many keys may fail: a whole number of keys from 0 up, or as a ``float`` a share
                of all keys, from 0.0 to 1.0. Once more have failed, no further key is started. The others end
                as skipped, and a collector fails or, if enough keys succeeded for its ``min_success_ratio``,
                logs it. Unlimited by default.
            cache: A `Cache`, or ``"auto"``, to keep the result of each key over runs, for each task that
                ``fn`` calls. By default, no results are kept.

        Returns:
            The outputs that ``fn`` returns, as handles: one, a tuple, a named tuple, or ``None``.

        Raises:
            MapFunctionError: ``fn`` calls no task, returns something that has no value per key, or calls a
                task that cannot run in batches, or whose result cannot be kept; ``max_active`` is not a whole
                number of at least 1; or ``max_failures`` is neither a whole number of at least 0 nor a float
                from 0 to 1.
            DeclarationError: ``batch`` is neither a whole number of at least 1 nor a `Batch`, or ``cache`` is
                neither a `Cache` nor ``"auto"``.

        Example:
            >>> counts = files.map(count_lines)
            >>> counts = files.map(count_lines, batch=500)
            >>> counts = files.map(count_lines, max_failures=0.1)
            >>> counts = files.map(count_lines, cache=Cache("1"))
            >>> reports = files.map(lambda path: report(path, counts, title="lines"), max_active=4)
        """
        return with_each_output(map_over(self, fn, max_active, batch, cache, max_failures), _handle_of)

    @explained(
        "Pass keyed=, min_success_ratio=, lazy= and skip_if_all_skipped= by name: "
        "handle.collect(keyed=True, min_success_ratio=0.9)."
    )
    def collect(
        self,
        *,
        keyed: bool = False,
        min_success_ratio: float = 1.0,
        lazy: bool = False,
        skip_if_all_skipped: bool = False,
    ) -> Collection:
        """Collect the values of all keys, as an argument for a later task.

        Call it in the Dag file and pass the result to a task. Skipped clones are left out, and ``None`` is a
        value. Inside a ``map``, on a handle that was made there, it collects the values below that map's key.

        Args:
            keyed: ``True`` for a dict of mapping key -> value, which holds dicts if keys are nested or
                multiplied. By default, a list in the order of the keys.
            min_success_ratio: The share of keys, from 0 to 1, that must succeed; skipped keys do not count.
                With 1.0, the default, the task runs if no clone failed. With less, it runs when all clones
                are done and leaves failed keys out. It fails, and names them, if too few succeeded.
            lazy: ``True`` if the task does not need all values in memory. It receives a sequence or mapping
                that is used like a list or a dict, cannot be changed, and reads 250 values at a time; with
                nested keys, a dict of such mappings. Convert it with ``list(values)`` or ``dict(values)``
                before you pass it to ``json.dumps`` or return it. With ``False``, the default, the task
                receives a list or a dict of all values.
            skip_if_all_skipped: ``True`` if the task is skipped when there are keys and all of them were
                skipped. By default, it receives an empty collection then, as if there were no keys.

        Returns:
            A reference to the list or dict, or to the lazy sequence or mapping.

        Raises:
            HandleUsageError: The ratio is not from 0 to 1, or another argument is not a bool.

        Example:
            >>> summarize(counts.collect())
            >>> report(counts.collect(keyed=True, min_success_ratio=0.9))
            >>> add_up(counts.collect(lazy=True))
        """
        is_number = isinstance(min_success_ratio, (int, float)) and not isinstance(min_success_ratio, bool)
        if not is_number or not 0 <= min_success_ratio <= 1:
            raise refusal(
                self.source,
                f"its collection has min_success_ratio={min_success_ratio!r}, which is not a ratio",
                "Pass a number from 0 to 1.",
            )
        switches = {"keyed": keyed, "lazy": lazy, "skip_if_all_skipped": skip_if_all_skipped}
        for name, value in switches.items():
            if not isinstance(value, bool):
                raise refusal(
                    self.source,
                    f"its collection has {name}={value!r}, which is not a bool",
                    "Pass True or False.",
                )
        return self._collection(
            CollectionSpec(
                *(self.source, self.path, keyed, min_success_ratio),
                lazy=lazy,
                skip_if_all_skipped=skip_if_all_skipped,
            )
        )

    @explained("It takes no arguments.")
    def states(self) -> Collection:
        """Collect the final state of each key's clone, as an argument for a later task.

        Call it in the Dag file and pass the result to a task. That task runs when all clones are done,
        regardless of their states.

        Returns:
            A reference to a dict of mapping key -> ``"success"``, ``"failed"``, ``"skipped"`` or
            ``"upstream_failed"``. It holds dicts if keys are nested; an outer key whose inner keys were not
            produced has its own state instead of a dict.

        Example:
            >>> report(counts.states())
        """
        return self._collection(CollectionSpec(self.source, keyed=True, kind=STATES))

    @explained("It takes no arguments.")
    def outcomes(self) -> Collection:
        """Collect what became of each key, as an argument for a later task.

        Call it in the Dag file and pass the result to a task. That task runs when all clones are done,
        regardless of their states. It has the values of all keys in memory, as with ``collect()``.

        Returns:
            A reference to a dict of mapping key -> `Outcome`: the state, the value, the class and the message
            of the error, the number of tries, and the duration. It holds dicts if keys are nested; an outer
            key whose inner keys were not produced has its own `Outcome` instead of a dict.

        Example:
            >>> report(counts.outcomes())
        """
        # Imported here, because few Dags ask for outcomes.
        from airflow_dynamic_provider.authoring.arranging.telling import tell_outcomes

        tell_outcomes(self.space.graph, self.source)
        return self._collection(CollectionSpec(self.source, self.path, keyed=True, kind=OUTCOMES))

    @explained('It takes one other handle, and how="inner", "outer" or "strict".')
    def zip(self, other: Handle, how: str = "inner") -> PairHandle:  # type: ignore[override]
        """Join this handle with another by key.

        Call it in the Dag file. Then ``map`` the result with a function of two arguments, or ``collect`` it
        as pairs. If the clone for one of a key's values failed or was skipped, the key is upstream_failed or
        skipped.

        Args:
            other: The other handle. Both must be made in the same map, or both outside a map.
            how: ``"inner"`` for the keys that both have; ``"outer"`` for all keys, with ``None`` for a value
                that one side lacks; ``"strict"`` for an error if the keys differ (inside a map, those below
                any of its keys).

        Returns:
            The joined handle. Its keys are in the order of this handle, then those that only the other has.

        Raises:
            HandleUsageError: The handles cannot be joined.

        Example:
            >>> sizes.zip(counts).map(compare)
        """
        # Imported here, because few Dags join handles.
        from airflow_dynamic_provider.authoring.joining import zipped_space

        return PairHandle(zipped_space(self, other, how), self, other)

    @explained("It takes one other handle.")
    def product(self, other: Handle) -> PairHandle:
        """Pair every key with every key of another handle.

        Call it in the Dag file. Then ``map`` the result with a function of two arguments, or ``collect`` it
        as pairs. With ``keyed=True``, a collection is a dict of dicts.

        Args:
            other: The other handle. Both must be made in the same map, or both outside a map.

        Returns:
            The joined handle. For each key of this handle, in order, it has all keys of the other.

        Raises:
            HandleUsageError: The handles cannot be joined.

        Example:
            >>> models.product(datasets).map(evaluate)
        """
        from airflow_dynamic_provider.authoring.joining import product_space

        return PairHandle(product_space(self, other), self, other)

    def _collection(self, spec: CollectionSpec) -> Collection:
        from airflow_dynamic_provider.authoring.references.collection import Collection

        note_reference(self.space.graph, self.source, is_collected=True)
        return Collection(self.space, spec)

    def __getitem__(self, part: Any) -> Item:
        self._check_scope("was indexed")
        return self.items[0][part]

    def set_upstream(self, other: Any, edge_modifier: Any = None) -> None:
        """Run ``other`` before every clone: ``handle << other``."""
        self._order(other, upstream=True, edge_modifier=edge_modifier)

    def set_downstream(self, other: Any, edge_modifier: Any = None) -> None:
        """Run ``other`` after every clone: ``handle >> other``.

        A task of the same key space runs key by key. Any other task runs once, under the same rules as a
        collector: skipped keys, or an empty list of keys, do not skip it.
        """
        self._order(other, upstream=False, edge_modifier=edge_modifier)

    def update_relative(self, other: Any, upstream: bool = True, edge_modifier: Any = None) -> None:
        """Order the clones relative to ``other``. Airflow calls this for ``other >> handle``."""
        self._order(other, upstream=upstream, edge_modifier=edge_modifier)

    def _order(self, other: Any, *, upstream: bool, edge_modifier: Any) -> None:
        order(self, other, upstream=upstream, edge_modifier=edge_modifier)
        # An enclosing map arranges all of its tasks after its function has returned.
        if current_scope() is None:
            arrange(self.space.graph)

    @property
    def operator(self) -> Any:
        """The task that produces the values. Airflow reads it if an edge has a label."""
        return self.space.graph.task(self.source.task_id)

    @property
    def roots(self) -> list[Any]:
        """Empty, because `update_relative` has already set the edges."""
        return []

    @property
    def leaves(self) -> list[Any]:
        """Empty, because `update_relative` has already set the edges."""
        return []

    def __repr__(self) -> str:
        return f"<handle of {self.source}{render_path(self.path)}>"


class PairHandle(Handle):
    """Two handles joined by key. Made by `Handle.zip` and `Handle.product`.

    A mapped function takes two arguments; a collection holds ``[left, right]`` for each key.
    """

    def __init__(self, space: KeySpace, left: Handle, right: Handle) -> None:
        super().__init__(space, PairSource(space.spec, left.source, right.source))  # type: ignore[arg-type]
        self._sides = (left, right)

    @property
    def items(self) -> tuple[Item, ...]:
        """The two values for one key, as a mapped function receives them."""
        return tuple(
            Item(self.space, side.source, side.path, via=(link,)) for link, side in enumerate(self._sides)
        )


def _handle_of(output: Any) -> Any:
    """Return a handle for an `Item` that a map returned, and any other output unchanged."""
    return Handle(output.space, output.source, output.path) if isinstance(output, Item) else output
