"""What calling a dynamic task in a Dag file returns: references to a value per key that does not exist yet.

A `Handle` stands for a value per key and offers `map`, `collect`, `states`, `zip` and `product`. A
`PairHandle` stands for two values per key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.authoring.arranging.arguments import explained
from airflow_dynamic_provider.authoring.arranging.ordering import order
from airflow_dynamic_provider.authoring.arranging.segments import arrange
from airflow_dynamic_provider.authoring.joining import product_space, zipped_space
from airflow_dynamic_provider.authoring.mapping import map_over, with_each_output
from airflow_dynamic_provider.authoring.model.scope import current_scope
from airflow_dynamic_provider.authoring.references.collection import Collection
from airflow_dynamic_provider.authoring.references.item import Item, KeyedValues
from airflow_dynamic_provider.authoring.references.refusals import refusal, render_path
from airflow_dynamic_provider.authoring.references.usage import note_reference

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_dynamic_provider.authoring.model.dag_graph import KeySpace
    from airflow_dynamic_provider.execution.collecting import CollectionSpec


class Handle(KeyedValues):
    """A value per key of a dynamic output: what a task with a `DynamicOut` returns, and what `map` returns.

    Handles are made by calling tasks in a Dag file and used there. Pass them on with `map` and `collect`,
    order tasks with ``>>`` and ``<<``, and use them inside a ``map`` over the same key space, where they
    join by key. Every other use is refused.
    """

    @explained(
        "Give a task further arguments in a lambda: handle.map(lambda item: my_task(item, other=3)). Beside "
        "the function, map() takes max_active=."
    )
    def map(self, fn: Callable[..., Any], *, max_active: int | None = None) -> Any:
        """Clone what ``fn`` calls, once per mapping key.

        Call it in the Dag file. ``fn`` is evaluated once, there, with an `Item`; everything it calls becomes
        a task instance per key at run time, labelled with its key. A clone waits for its own key's upstream
        clones only.

        Args:
            fn: A ``@task`` function, a ``@task_group``, or a function or lambda that calls tasks, groups and
                classic operators. Other tasks' outputs and handles of the same key space may be used in it,
                and a ``@task.dynamic`` called in it may be mapped and collected there.
            max_active: How many clones of each task that ``fn`` calls may be active at once in one run; any
                number by default.

        Returns:
            What ``fn`` returns, as handles: one, a tuple, a named tuple with its names, or ``None``.

        Raises:
            MapFunctionError: ``fn`` calls no task, or returns something that is not per key, or
                ``max_active`` is not a number of clones.

        Example:
            >>> counts = files.map(count_lines)
            >>> reports = files.map(lambda path: report(path, counts, title="lines"), max_active=4)
        """
        return with_each_output(map_over(self, fn, max_active), _handle_of)

    @explained(
        "Give keyed=, min_success_ratio= and lazy= by name: "
        "handle.collect(keyed=True, min_success_ratio=0.9)."
    )
    def collect(
        self, *, keyed: bool = False, min_success_ratio: float = 1.0, lazy: bool = False
    ) -> Collection:
        """Give a later task the values of all keys.

        Call it in the Dag file and pass the result to a task. Skipped clones are left out, and ``None`` is a
        value. Called inside a ``map``, on a handle that was made there, it gives the values below that key.

        Args:
            keyed: ``True`` for a dict mapping key -> value, of dicts where keys are nested or multiplied; a
                list in the order of the keys by default.
            min_success_ratio: The share of keys, from 0 to 1, that must succeed; skipped keys do not count.
                With 1.0, the default, the task runs when no clone failed. Below, it runs when all clones are
                done, without the values of the failed ones, and fails naming them if too few succeeded.
            lazy: ``True`` for values that the task reads 250 at a time while it goes through them, if it
                need not have all of them in memory. It receives a sequence or a mapping that is used as a
                list or a dict and cannot be changed; with nested keys, a dict of such mappings. What
                ``json.dumps`` or Airflow shall store is ``list(values)`` or ``dict(values)``. ``False``, the
                default, for a list or a dict of all values, however many there are.

        Returns:
            A reference to the list or dict, or to what stands for it.

        Raises:
            HandleUsageError: The ratio is not from 0 to 1, or ``keyed`` or ``lazy`` is not a bool.

        Example:
            >>> summarize(counts.collect())
            >>> report(counts.collect(keyed=True, min_success_ratio=0.9))
            >>> add_up(counts.collect(lazy=True))
        """
        from airflow_dynamic_provider.execution.collecting import CollectionSpec

        is_number = isinstance(min_success_ratio, (int, float)) and not isinstance(min_success_ratio, bool)
        if not is_number or not 0 <= min_success_ratio <= 1:
            raise refusal(
                self.source,
                f"its collection has min_success_ratio={min_success_ratio!r}, which is no share",
                "Give a number from 0 to 1.",
            )
        for name, value in (("keyed", keyed), ("lazy", lazy)):
            if not isinstance(value, bool):
                raise refusal(
                    self.source,
                    f"its collection has {name}={value!r}, which is neither true nor false",
                    "Give True or False.",
                )
        return self._collection(
            CollectionSpec(
                self.source, self.path, keyed=keyed, min_success_ratio=min_success_ratio, lazy=lazy
            )
        )

    @explained("It takes no arguments.")
    def states(self) -> Collection:
        """Give a later task the final state of every key's clone.

        Call it in the Dag file and pass the result to a task. That task runs when all clones are done,
        whatever became of them.

        Returns:
            A reference to a dict mapping key -> ``"success"``, ``"failed"``, ``"skipped"`` or
            ``"upstream_failed"``, of dicts where keys are nested; an outer key whose inner keys were not
            produced has its own state there.

        Example:
            >>> report(counts.states())
        """
        from airflow_dynamic_provider.execution.collecting import CollectionSpec

        return self._collection(CollectionSpec(self.source, keyed=True, of_states=True))

    @explained('It takes one other handle, and how="inner", "outer" or "strict".')
    def zip(self, other: Handle, how: str = "inner") -> PairHandle:  # type: ignore[override]
        """Join this handle with another by key.

        Call it in the Dag file, and ``map`` the result with a function of two arguments, or ``collect`` it as
        pairs. A key of which a value's clone failed or was skipped is upstream_failed or skipped.

        Args:
            other: The other handle. Both were made in the same map, or both outside.
            how: ``"inner"`` for the keys that both have; ``"outer"`` for all keys, with ``None`` for what one
                side lacks; ``"strict"`` for the keys of both, and an error when the keys differ, inside a map
                those below any of its keys.

        Returns:
            The joined handle: the keys in the order of this one, then those that only the other has.

        Raises:
            HandleUsageError: The handles cannot be joined.

        Example:
            >>> sizes.zip(counts).map(compare)
        """
        return PairHandle(zipped_space(self, other, how), self, other)

    @explained("It takes one other handle.")
    def product(self, other: Handle) -> PairHandle:
        """Pair every key with every key of another handle.

        Call it in the Dag file, and ``map`` the result with a function of two arguments, or ``collect`` it as
        pairs; keyed, a collection is a dict of dicts.

        Args:
            other: The other handle. Both were made in the same map, or both outside.

        Returns:
            The joined handle: for each key of this one, in order, those of the other.

        Raises:
            HandleUsageError: The handles cannot be joined.

        Example:
            >>> models.product(datasets).map(evaluate)
        """
        return PairHandle(product_space(self, other), self, other)

    def _collection(self, spec: CollectionSpec) -> Collection:
        note_reference(self.space.graph, self.source, is_collected=True)
        return Collection(self.space, spec)

    def __getitem__(self, part: Any) -> Item:
        self._check_scope("was indexed")
        return self.items[0][part]

    def set_upstream(self, other: Any, edge_modifier: Any = None) -> None:
        """Run ``other`` before every clone: ``handle << other``."""
        self._order(other, upstream=True, edge_modifier=edge_modifier)

    def set_downstream(self, other: Any, edge_modifier: Any = None) -> None:
        """Run ``other`` after every clone: ``handle >> other``. Of the same key space, it runs key by key.

        Any other task runs once, and decides as a collector does: skipped keys, or no keys, do not skip it.
        """
        self._order(other, upstream=False, edge_modifier=edge_modifier)

    def update_relative(self, other: Any, upstream: bool = True, edge_modifier: Any = None) -> None:
        """Order the clones against ``other``. Airflow calls this for ``other >> handle``."""
        self._order(other, upstream=upstream, edge_modifier=edge_modifier)

    def _order(self, other: Any, *, upstream: bool, edge_modifier: Any) -> None:
        order(self, other, upstream=upstream, edge_modifier=edge_modifier)
        # The map around arranges all of its tasks when its function has returned.
        if current_scope() is None:
            arrange(self.space.graph)

    @property
    def operator(self) -> Any:
        """The task that gives the values. Airflow asks for it where an edge has a label."""
        return self.space.graph.task(self.source.task_id)

    @property
    def roots(self) -> list[Any]:
        """No task: `update_relative` has set the edges already."""
        return []

    @property
    def leaves(self) -> list[Any]:
        """No task: `update_relative` has set the edges already."""
        return []

    def __repr__(self) -> str:
        return f"<handle of {self.source}{render_path(self.path)}>"


class PairHandle(Handle):
    """Two handles joined by key. Made by `Handle.zip` and `Handle.product`.

    A mapped function takes two arguments; a collection gives ``[left, right]`` per key.
    """

    def __init__(self, space: KeySpace, left: Handle, right: Handle) -> None:
        from airflow_dynamic_provider.execution.sources import PairSource

        super().__init__(space, PairSource(space.spec, left.source, right.source))  # type: ignore[arg-type]
        self._sides = (left, right)

    @property
    def items(self) -> tuple[Item, ...]:
        """The two values for one key, as a mapped function receives them."""
        return tuple(
            Item(self.space, side.source, side.path, via=(link,)) for link, side in enumerate(self._sides)
        )


def _handle_of(output: Any) -> Any:
    """Return the handle of what a map found to be a value of each key; all else as it is."""
    return Handle(output.space, output.source, output.path) if isinstance(output, Item) else output
