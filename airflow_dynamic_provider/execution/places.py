"""Looks up the stored data of a key: its path, its positions in other key spaces, its value and metadata.

A `Place` is a position in a key space. Each lookup is one API call, which is made when its result is first
needed.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.keys import render_key
from airflow_dynamic_provider.errors import StaleKeyError
from airflow_dynamic_provider.execution import layout
from airflow_dynamic_provider.execution.pages import read_item
from airflow_dynamic_provider.execution.spaces import (
    LEFT,
    RIGHT,
    JoinedSpace,
    KeyPath,
    NestedSpace,
    ProducedSpace,
    Route,
    Space,
    name_of,
)

if TYPE_CHECKING:
    from airflow_dynamic_provider.definitions.metadata import MetadataValue

Context = MutableMapping[str, Any]

_Stored = layout.StoredItem | layout.StoredEntry

_PLACES_KEY = "dynamic_places"
_ENTRIES_KEY = "dynamic_entries"


class Place:
    """A position in a key space, in one run.

    Args:
        context: Airflow's task context.
        space: The key space.
        position: The position in it.
        key_path: The key that must be at this position; ``None`` accepts any key.
    """

    def __init__(self, context: Context, space: Space, position: int, key_path: KeyPath | None) -> None:
        self._context = context
        self.space = space
        self.position = position
        self._expected = key_path

    @property
    def key_path(self) -> KeyPath:
        """The key path."""
        return self._stored.key_path if self._expected is None else self._expected

    @property
    def attempt(self) -> int:
        """The attempt at producing the keys."""
        return self._stored.attempt if isinstance(self._stored, layout.StoredItem) else self._page.attempt

    @property
    def value(self) -> Any:
        """The value of the dynamic output."""
        return self._item.value

    @property
    def page(self) -> tuple[int, int] | None:
        """The page of the value, if a batch produced it. See `layout.StoredEntry`."""
        return self._stored.page if isinstance(self._stored, layout.StoredEntry) else None

    @property
    def metadata(self) -> Mapping[str, MetadataValue]:
        """The metadata of the dynamic output, or of both outputs in a joined key space."""
        if not isinstance(self.space, JoinedSpace):
            return self._stored.metadata
        sides = [self.follow((side,)) for side in (LEFT, RIGHT)]
        return {label: value for side in sides if side for label, value in side.metadata.items()}

    def follow(self, route: Route) -> Place | None:
        """Return the place at the end of a route, or ``None`` if an outer zip lacks the key on that side."""
        place = self
        for link in route:
            assert isinstance(place._stored, layout.StoredEntry)
            position = place._stored.links[link]
            if position is None:
                return None
            space = place.space
            place = place_at(
                self._context, space.links[link], position, space.path_of_link(link, place.key_path)
            )
        return place

    @cached_property
    def _stored(self) -> _Stored:
        if isinstance(self.space, ProducedSpace):
            item = read_item(self._context, self.space.producer_id, self.space.output, self.position)
            return self._check(item)
        offset = self.position % layout.ENTRIES_PER_PAGE
        entries = self._page.entries
        return self._check(entries[offset] if offset < len(entries) else None)

    @cached_property
    def _page(self) -> layout.StoredEntries:
        page = read_entries(self._context, self.space, self.position // layout.ENTRIES_PER_PAGE)
        if page is None:
            raise self._stale("there is no key now")
        return page

    @cached_property
    def _item(self) -> layout.StoredItem:
        stored = self._stored
        if isinstance(stored, layout.StoredItem):
            return stored
        assert isinstance(self.space, NestedSpace)
        assert stored.item is not None
        outer = stored.links[0]
        assert outer is not None
        item = read_item(self._context, self.space.producer_id, self.space.output, stored.item, outer)
        if item is None or item.key_path != stored.key_path:
            raise no_longer_produced(self.space, stored.key_path)
        return item

    def _check(self, stored: _Stored | None) -> _Stored:
        if stored is None:
            raise self._stale("there is no key now")
        if self._expected not in (None, stored.key_path):
            raise self._stale(f"the key is now {render_key(stored.key_path)!r}")
        return stored

    def _stale(self, found: str) -> StaleKeyError:
        expected = self._expected
        return StaleKeyError(
            f"{name_of(self.space)} has changed: at position {self.position} {found}",
            mapping_key=None if expected is None else render_key(expected),
            remedy=f"Clear {self.space.keys_task_id!r} together with its downstream tasks.",
        )


def no_longer_produced(space: NestedSpace, key_path: KeyPath) -> StaleKeyError:
    """Return the error for a key that is listed, but whose value is not there."""
    return StaleKeyError(
        f"was produced again and no longer has this key, but {space.keys_task_id!r} still lists it",
        task_id=space.producer_id,
        output_name=space.output,
        mapping_key=render_key(key_path),
        remedy=f"Clear {space.keys_task_id!r} together with its downstream tasks.",
    )


def know_items(
    context: Context, space: ProducedSpace, start: int, items: Sequence[layout.StoredItem]
) -> None:
    """Keep dynamic outputs that were read, in order from a position, for `place_at`."""
    for position, item in enumerate(items, start):
        place_at(context, space, position).__dict__["_stored"] = item


def place_at(context: Context, space: Space, position: int, key_path: KeyPath | None = None) -> Place:
    """Return a place. Later calls return the same object, so that each lookup is made only once.

    Args:
        context: Airflow's task context.
        space: The key space.
        position: The position in it.
        key_path: The key that must be at this position; ``None`` accepts any key.
    """
    places: dict[tuple[Space, int], Place] = context.setdefault(_PLACES_KEY, {})
    if (space, position) not in places:
        places[space, position] = Place(context, space, position, key_path)
    return places[space, position]


def read_entries(context: Context, space: Space, page: int) -> layout.StoredEntries | None:
    """Return a page of the list of keys of a nested or joined space, ``None`` if there is none.

    One API call for each page.
    """
    pages: dict[tuple[Space, int], layout.StoredEntries | None] = context.setdefault(_ENTRIES_KEY, {})
    if (space, page) not in pages:
        stored = xcom.pull(context, space.keys_task_id, layout.entries_xcom(page))
        pages[space, page] = None if stored is None else layout.StoredEntries.unpack(stored)
    return pages[space, page]
