"""Reads the keys below one key, and the states of their clones. It reads nothing of the other keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.keys import render_key
from airflow_dynamic_provider.errors import LayoutError, StaleKeyError
from airflow_dynamic_provider.execution import layout
from airflow_dynamic_provider.execution.columns.reader import Reader
from airflow_dynamic_provider.execution.places import read_entries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, MutableMapping

    from airflow_dynamic_provider.execution.clones import CloneSpec
    from airflow_dynamic_provider.execution.sources import Source
    from airflow_dynamic_provider.execution.spaces import KeyPath, Space


class ReaderBelow(Reader, frozen=False):
    """Reads the keys of one run below one key, with the states of their clones.

    The task that lists the keys of a space also stores the positions of the keys below each key of the
    enclosing map. These positions say only where to look: each key path that is found there must begin with
    the key. Otherwise, or if nothing is stored, the reader refuses.

    Args:
        context: Airflow's task context.
        space: A space around those that are read.
        own: Position -> key path of the key in that space. It is empty if an outer zip lacks the key. Then
            there is nothing below it.

    Raises:
        StaleKeyError: Its methods raise it if keys were listed or produced again since they were listed here.
        LayoutError: They raise it if an earlier release listed the keys.
    """

    reads_all: ClassVar[bool] = False

    def __init__(self, context: MutableMapping[str, Any], space: Space, own: Mapping[int, KeyPath]) -> None:
        super().__init__(context, {})
        self._below: dict[Space, Mapping[int, KeyPath]] = {space: own}
        self._lengths: dict[Space, int] = {}
        self._pages: dict[tuple[Space, int], layout.StoredBlocks] = {}
        self._space_of: dict[str, Space] = {}
        self._known: set[str] = set()

    def add(self, source: Source) -> None:
        """Note a source that is going to be read. No API call."""
        self._space_of |= {origin.task_id: origin.space for origin in source.space.origins}
        self._space_of |= {clone.task_id: clone.space for clone in source.clones}

    def know(self, clones: Iterable[CloneSpec]) -> None:
        """Note tasks whose states may be needed. No API call."""
        # A batched task has a state for each batch, which its column reads.
        self._space_of |= {clone.task_id: clone.space for clone in clones if clone.batches is None}

    def keys(self, space: Space) -> Mapping[int, KeyPath]:  # type: ignore[override]
        """Return position -> key path for the keys below the key, in their order.

        One API call for the positions, and one for each page of keys, if they are on the same pages.
        """
        if space not in self._below:
            if space.enclosing is None:
                raise LayoutError("lists no keys below others", task_id=space.keys_task_id)
            around = self.keys(space.enclosing)
            if not around:
                # A list that should exist must exist.
                self._blocks(space, 0)
            found = {
                position: path
                for outer_position, outer in around.items()
                for position, path in self._keys_below(space, outer_position, outer)
            }
            self._below[space] = dict(sorted(found.items()))
        return self._below[space]

    def paths(self, space: Space) -> Iterable[tuple[int, KeyPath]]:
        """Return the position of each key below the key, with its key path, in their order."""
        return self.keys(space).items()

    def state(self, task_id: str, position: int) -> str | None:
        """Return the state of a task's clone below the key, or ``None`` if it has no state."""
        if task_id not in self._known:
            self._read_states(self._space_of[task_id])
        return super().state(task_id, position)

    def _read_states(self, space: Space) -> None:
        task_ids = sorted(
            task_id
            for task_id, its_space in self._space_of.items()
            if its_space is space and task_id not in self._known
        )
        positions = list(self.keys(space))
        # The number of clones is not known for the key itself, and one clone needs none.
        length = self._lengths.get(space, len(positions))
        self.states |= xcom.read_states_of_few(self.context, task_ids, positions, length)
        self._known.update(task_ids)

    def _keys_below(self, space: Space, position: int, path: KeyPath) -> list[tuple[int, KeyPath]]:
        """Return the positions and the key paths of the keys below a key of the enclosing space."""
        page, offset = divmod(position, layout.BLOCKS_PER_PAGE)
        blocks = self._blocks(space, page)
        if offset >= len(blocks) or blocks[offset].key_path != path:
            raise _stale(space, path)
        found = [(each, self._key_at(space, each)) for each in blocks[offset].positions]
        if any(inner is None or inner[: len(path)] != path for _, inner in found):
            raise _stale(space, path)
        return found  # type: ignore[return-value]

    def _blocks(self, space: Space, page: int) -> tuple[layout.StoredBlock, ...]:
        if (space, page) not in self._pages:
            stored = xcom.pull(self.context, space.keys_task_id, layout.blocks_xcom(page))
            if stored is None:
                raise LayoutError("stores no positions of keys below others", task_id=space.keys_task_id)
            self._pages[space, page] = layout.StoredBlocks.unpack(stored)
            self._lengths[space] = self._pages[space, page].length
        return self._pages[space, page].blocks

    def _key_at(self, space: Space, position: int) -> KeyPath | None:
        number, offset = divmod(position, layout.ENTRIES_PER_PAGE)
        page = read_entries(self.context, space, number)
        return None if page is None or offset >= len(page.entries) else page.entries[offset].key_path


def _stale(space: Space, path: KeyPath) -> StaleKeyError:
    return StaleKeyError(
        "has listed its keys below other positions than this key has now",
        task_id=space.keys_task_id,
        mapping_key=render_key(path),
    )
