"""The sources of one value per key, and how a running clone reads the value of its key."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.xcom import pull, read_states_at, state_at
from airflow_dynamic_provider.definitions.keys import render_key
from airflow_dynamic_provider.definitions.records import Record
from airflow_dynamic_provider.definitions.states import SKIPPED, SUCCESS
from airflow_dynamic_provider.errors import ReadError, StaleKeyError
from airflow_dynamic_provider.execution.clones import CloneRuntime, CloneSpec, read_upstream, start_clone
from airflow_dynamic_provider.execution.layout import PRODUCED_XCOM, holds_typed
from airflow_dynamic_provider.execution.spaces import (
    LEFT,
    RIGHT,
    JoinedSpace,
    NestedSpace,
    ProducedSpace,
    Route,
    Space,
    find_routes,
    may_lack,
)

if TYPE_CHECKING:
    from airflow_dynamic_provider.execution.places import Place

Context = MutableMapping[str, Any]

#: What a collection has of each key.
VALUES, STATES, OUTCOMES = "values", "states", "outcomes"


class ItemSource(Record, eq=False):
    """The source of values that a producing task produced for its keys.

    Attributes:
        space: The keys.
        type: The declared type of the values.
    """

    space: ProducedSpace | NestedSpace
    type: Any = Any

    @property
    def clones(self) -> tuple[CloneSpec, ...]:
        """The cloned tasks. There are none, because the producing task succeeded for every key."""
        return ()

    @property
    def routes(self) -> tuple[tuple[Route, CloneSpec], ...]:
        """The routes from here to the keys of the cloned tasks. There are none."""
        return ()

    @property
    def task_id(self) -> str:
        """The producing task."""
        return self.space.producer_id

    @property
    def output(self) -> str:
        """The dynamic output."""
        return self.space.output

    def value_at(self, context: Context, runtime: CloneRuntime, place: Place) -> Any:
        """Return the value of a key, in a running clone.

        Raises:
            StaleKeyError: The value is no longer there.
        """
        if isinstance(self.space, NestedSpace) and self.space.batches is not None:
            # Imported only here: most clones read no batch.
            from airflow_dynamic_provider.execution.batch_records.reading import read_batched_item

            return self.value_of(read_batched_item(context, self.space, place))
        return self.value_of(place.value)

    def value_of(self, stored: Any) -> Any:
        """Return the value of its stored form."""
        return _value_of(stored, self)

    def __str__(self) -> str:
        return f"{self.task_id}.{self.output}"


class ResultSource(Record, eq=False):
    """The source of values that the clones of a task produced, each for its own key."""

    clone: CloneSpec
    output: str

    @property
    def space(self) -> Space:
        """The keys that the task is cloned for."""
        return self.clone.space

    @property
    def type(self) -> Any:
        """The declared type of the values."""
        return self.clone.type_of(self.output)

    @property
    def clones(self) -> tuple[CloneSpec, ...]:
        """The cloned task."""
        return (self.clone,)

    @property
    def routes(self) -> tuple[tuple[Route, CloneSpec], ...]:
        """The route from here to the key of the cloned task, which is the same key."""
        return (((), self.clone),)

    @property
    def task_id(self) -> str:
        """The cloned task."""
        return self.clone.task_id

    def value_at(self, context: Context, runtime: CloneRuntime, place: Place) -> Any:
        """Return the value of a key, in a running clone.

        Raises:
            AirflowSkipException: The output is optional and was not produced, or the task was skipped for
                this key.
            AirflowFailException: The task was marked as success for this key and left no value.
            StaleKeyError: The task has no result for this key although this clone was started.
        """
        from airflow_dynamic_provider.version_compat import AirflowSkipException

        if self.clone.batches is not None:
            # Imported only here: most clones read no batch.
            from airflow_dynamic_provider.execution.batch_records.reading import read_batched_value

            return self.value_of(read_batched_value(context, self.clone, self.output, place))
        if not runtime.spec.needs_success and (state := self._state(context, place)) != SUCCESS:
            # A result that it may have is from an earlier try.
            return self._resolve_absent(context, runtime, place, state)
        result = read_upstream(context, runtime, self.task_id, self.output, place)
        if result is None:
            return self._resolve_absent(context, runtime, place, self._state(context, place))
        if not result.is_produced:
            raise AirflowSkipException(
                f"{self.task_id!r} produced no {self.output!r} for the key {runtime.mapping_key!r}."
            )
        return self.value_of(result.value)

    def value_of(self, stored: Any) -> Any:
        """Return the value of its stored form."""
        return _value_of(stored, self)

    def _state(self, context: Context, place: Place) -> str | None:
        states = read_states_at(context, [self.task_id], place.position)
        return state_at(states, self.task_id, place.position)

    def _resolve_absent(
        self, context: Context, runtime: CloneRuntime, place: Place, state: str | None
    ) -> None:
        # Imported here, because a clone seldom reads a value that is not there.
        from airflow_dynamic_provider.execution.attempts import outdated_positions
        from airflow_dynamic_provider.execution.marked import holds_nothing
        from airflow_dynamic_provider.version_compat import AirflowFailException, AirflowSkipException

        is_marked = state == SUCCESS and holds_nothing(context, self.clone, place.position)
        is_current = is_marked or not outdated_positions(context, self.clone, [place.position])
        if is_current and not runtime.spec.needs_success and (is_marked or state != SUCCESS):
            # The author lets this task run in this state of the other. As in Airflow, the value is then None.
            return
        if is_current and state == SKIPPED:
            raise AirflowSkipException(f"{self.task_id!r} was skipped for the key {runtime.mapping_key!r}.")
        if is_marked:
            # A retry would find the same.
            raise AirflowFailException(
                str(self._unusable(place, "its clone was marked as success and left no value"))
            )
        raise self._unusable(
            place,
            f"its clone is {state or 'missing'} and has no result"
            + ("" if is_current else ", because it has not run since the keys were produced again"),
        )

    def _unusable(self, place: Place, problem: str) -> StaleKeyError:
        return StaleKeyError(
            problem,
            task_id=self.task_id,
            output_name=self.output,
            mapping_key=render_key(place.key_path),
            remedy=f"Clear {self.task_id!r} for this key, with its downstream tasks.",
        )

    def __str__(self) -> str:
        return f"{self.task_id}.{self.output}"


class PairSource(Record, eq=False):
    """The source of pairs of values of two other sources, joined by key."""

    space: JoinedSpace
    left: Source
    right: Source

    @property
    def clones(self) -> tuple[CloneSpec, ...]:
        """The cloned tasks of both sides."""
        return tuple(clone for _, clone in self.routes)

    @property
    def routes(self) -> tuple[tuple[Route, CloneSpec], ...]:
        """The routes from here to the keys of the cloned tasks."""
        sides = ((LEFT, self.left), (RIGHT, self.right))
        return tuple(((side, *route), clone) for side, source in sides for route, clone in source.routes)

    @property
    def task_id(self) -> str:
        """The task that joins the keys."""
        return self.space.keys_task_id

    @property
    def output(self) -> str:
        """The names of both sides."""
        return f"({self.left}, {self.right})"

    def value_at(self, context: Context, runtime: CloneRuntime, place: Place) -> list[Any]:
        """Return the pair of a key, in a running clone. A side that an outer zip lacks is ``None``."""
        pair = []
        for link, side in ((LEFT, self.left), (RIGHT, self.right)):
            found = place.follow((link,))
            pair.append(None if found is None else side.value_at(context, runtime, found))
        return pair

    def value_of(self, stored: Any) -> Any:
        """Return the pair of its stored form; ``None`` if an outer zip around it lacks the pair."""
        if stored is None:
            return None
        return [side.value_of(each) for side, each in zip((self.left, self.right), stored, strict=True)]

    def __str__(self) -> str:
        return f"({self.left}, {self.right})"


Source = ItemSource | ResultSource | PairSource


class CollectionSpec(Record, eq=False):
    """The settings of a collection.

    Attributes:
        source: The source of the values.
        path: The indexes and fields by which a part of each value is selected.
        keyed: Whether the collection is a dict instead of a list.
        min_success_ratio: The share of keys that must have succeeded. Skipped keys do not count.
        kind: What it has of each key: `VALUES`, `STATES` or `OUTCOMES`.
        lazy: Whether the values are read when the task needs them, instead of before it runs.
        skip_if_all_skipped: Whether the task is skipped if there are keys, and all of them were skipped.
    """

    source: Source
    path: tuple[Any, ...] = ()
    keyed: bool = False
    min_success_ratio: float = 1.0
    kind: str = VALUES
    lazy: bool = False
    skip_if_all_skipped: bool = False

    @property
    def is_of_all_keys(self) -> bool:
        """Whether it has something of each key, also of those that did not succeed."""
        return self.kind != VALUES

    @property
    def task_ids(self) -> set[str]:
        """The cloned tasks whose states matter."""
        return state_task_ids(self.source)


def resolve(
    context: Context, spec: CloneSpec, base: Space, via: Route, source: Source, path: tuple[Any, ...]
) -> Any:
    """Return a source's value for the key of the running clone.

    Args:
        context: Airflow's task context.
        spec: The running clone.
        base: A space that the clone's keys are made of.
        via: The route from that space to the source's space.
        source: The source.
        path: The indexes and fields to select from the value. They do not apply if an outer zip lacks it.

    Raises:
        ReadError: The value has no such part.
    """
    runtime = start_clone(context, spec)
    routes = [(*route, *via) for route in find_routes(spec.space, base).found]
    place = next(runtime.places(base, via), None)
    if place is None and any(may_lack(spec.space, route) for route in routes):
        return None
    if place is None:
        raise StaleKeyError(
            f"has no key in common with {source}",
            task_id=spec.task_id,
            mapping_key=runtime.mapping_key,
            remedy="Use it inside a map over its own keys.",
        )
    value = source.value_at(context, runtime, place)
    try:
        return select(value, path)
    except ReadError as error:
        raise error.about(task_id=spec.task_id, mapping_key=runtime.mapping_key) from error.__cause__


def state_task_ids(source: Source) -> set[str]:
    """Return the cloned tasks whose states matter to a source: those of its values and of its keys."""
    origins = {origin.task_id for origin in source.space.origins}
    return origins | {clone.task_id for clone in source.clones}


def skip_unless_produced(context: Context, task_id: str, output: str) -> None:
    """Skip the running task if an optional output was not produced. One API call.

    Raises:
        AirflowSkipException: The output was not produced.
    """
    from airflow_dynamic_provider.version_compat import AirflowSkipException

    if output not in (pull(context, task_id, PRODUCED_XCOM) or ()):
        raise AirflowSkipException(f"{task_id!r} did not produce its optional output {output!r}.")


def _value_of(stored: Any, source: ItemSource | ResultSource) -> Any:
    if not holds_typed(stored):
        return stored
    # Imported here, because most values are stored as they are.
    from airflow_dynamic_provider.execution.typed_values import value_of

    try:
        return value_of(stored, source.type)
    except ReadError as error:
        about = error.about(task_id=source.task_id, output_name=source.output)
        raise about from error.__cause__


def _what_there_is(value: Any) -> str | None:
    from airflow_dynamic_provider.definitions.excerpts import excerpt

    if isinstance(value, Mapping):
        return f"Its fields are {excerpt(list(value))}." if value else "It has no fields."
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return f"It has {len(value)} parts, counted from 0."
    return None


def select(value: Any, path: tuple[Any, ...]) -> Any:
    """Return ``value[a][b]...`` for the path ``(a, b, ...)``.

    Raises:
        ReadError: The value has no such part.
    """
    for part in path:
        try:
            value = value[part]
        except (LookupError, TypeError) as error:
            raise ReadError(
                f"cannot select [{part!r}] from a value of type {type(value).__name__}: {error!r}",
                remedy=_what_there_is(value),
            ) from error
    return value
