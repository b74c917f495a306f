"""Reads the lists of keys and the states of clones of one run, once for each task instance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.records import Record, field
from airflow_dynamic_provider.definitions.states import SEVERITY, SKIPPED, SUCCESS, UPSTREAM_FAILED
from airflow_dynamic_provider.errors import CollectError
from airflow_dynamic_provider.execution import layout
from airflow_dynamic_provider.execution.places import place_at

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, MutableMapping

    from airflow_dynamic_provider.execution.clones import CloneSpec
    from airflow_dynamic_provider.execution.spaces import KeyPath, Origin, Space


class Reader(Record, frozen=False):
    """Reads the lists of keys of one run for a task, each list once, and has the states of clones.

    Attributes:
        context: Airflow's task context.
        states: (task, map index) -> state, for all tasks whose states matter.
        reads_all: Whether it reads all keys of a space. `ReaderBelow` does not.
    """

    context: MutableMapping[str, Any]
    states: xcom.States
    reads_all: ClassVar[bool] = True
    _keys: dict[Space, list[KeyPath]] = field(default_factory=dict)
    _marked: dict[str, frozenset[KeyPath]] = field(default_factory=dict)
    _skipped: set[Space] = field(default_factory=set)
    _asked: set[str] = field(default_factory=set)

    def keys(self, space: Space) -> list[KeyPath]:
        """Return the key paths of a space in their order. The first call for a space makes two API calls.

        Raises:
            LayoutError: The list of keys differs from the list that the task stored.
            AirflowSkipException: The task that lists the keys was skipped.
            AirflowFailException: The task was marked as success and listed no keys.
            CollectError: The task has listed no keys.
        """
        if space not in self._keys:
            if self.states.get((space.keys_task_id, xcom.UNMAPPED)) == SKIPPED:
                # A task that the scheduler skips keeps the list of an earlier run.
                raise self._no_keys(space)
            stored = xcom.pull(self.context, space.keys_task_id, space.keys_xcom)
            if stored is None:
                raise self._no_keys(space)
            keys = layout.unpack_keys(stored)
            digest = xcom.pull(self.context, space.keys_task_id, layout.digest_xcom(space.keys_xcom))
            layout.check_digest(keys, digest, space.keys_task_id)
            self._keys[space] = keys
        return self._keys[space]

    def key_at(self, space: Space, position: int) -> KeyPath:
        """Return the key path at a position. It reads only a page of the list if `keys` has not read it.

        Raises:
            StaleKeyError: There is no key at the position.
        """
        if not self.reads_all or space in self._keys:
            return self.keys(space)[position]
        return place_at(self.context, space, position).key_path

    def paths(self, space: Space) -> Iterable[tuple[int, KeyPath]]:
        """Return the position of each key that is read, with its key path, in their order."""
        return enumerate(self.keys(space))

    def is_skipped(self, space: Space) -> bool:
        """Return whether `keys` found that the task that lists the keys was skipped. No API call."""
        return space in self._skipped

    def state(self, task_id: str, position: int) -> str | None:
        """Return the state of a task's clone, or ``None`` if it has no state."""
        return xcom.state_at(self.states, task_id, position)

    def know(self, clones: Iterable[CloneSpec]) -> None:
        """Have the states of more tasks known. One API call for some 40 to 100 tasks, the first time."""
        known = self._asked | {task_id for task_id, _ in self.states}
        missing = {clone.task_id for clone in clones} - known
        if missing:
            self.states |= xcom.read_states(self.context, sorted(missing))
            self._asked |= missing

    def outer_keys_without(
        self,
        origin: Origin,
        state_of: Callable[[int], str | None],
        prefix: KeyPath = (),
        present: Collection[KeyPath] = (),
    ) -> Iterator[tuple[KeyPath, str]]:
        """Yield the outer keys whose clone did not produce the keys below, each with the state of the clone.

        The state is success if the clone was marked as success. One API call, unless all successful clones
        are present.

        Args:
            origin: The cloned task.
            state_of: Returns the state of its clone at a position. See `making.state_of_producer`.
            prefix: Only outer keys that begin with this key path.
            present: Outer keys below which there are keys.
        """
        for position, path in self.paths(origin.space):
            if path[: len(prefix)] != prefix:
                continue
            state = state_of(position)
            if state != SUCCESS:
                # A missing clone has no state. It counts as a clone that could not run.
                yield path, state if state in SEVERITY else UPSTREAM_FAILED
            elif path not in present and path in self._marked_outer_keys(origin):
                yield path, SUCCESS

    def _marked_outer_keys(self, origin: Origin) -> frozenset[KeyPath]:
        if origin.keys_task_id not in self._marked:
            stored = xcom.pull(self.context, origin.keys_task_id, layout.MARKED_XCOM)
            self._marked[origin.keys_task_id] = layout.unpack_marked(stored)
        return self._marked[origin.keys_task_id]

    def _no_keys(self, space: Space) -> Exception:
        from airflow_dynamic_provider.version_compat import AirflowFailException, AirflowSkipException

        states = xcom.read_states(self.context, [space.keys_task_id])
        state = states.get((space.keys_task_id, xcom.UNMAPPED))
        if state == SUCCESS:
            from airflow_dynamic_provider.execution.marked import no_keys_of_marked

            # A task that runs to its end stores a list. A retry of this reader would not find one either.
            return AirflowFailException(str(no_keys_of_marked(space.keys_task_id)))
        if state == SKIPPED:
            self._skipped.add(space)
        if state in (SKIPPED, None):
            return AirflowSkipException(f"Nothing to collect: {space.keys_task_id!r} was skipped or cleared.")
        return CollectError(
            f"is {state} and has listed no keys",
            task_id=space.keys_task_id,
            remedy="Clear it together with its downstream tasks.",
        )
