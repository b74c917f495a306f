"""The keys of a key space in one run, in the order of their clones' map indexes."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING

from airflow_dynamic_provider.airflow_adapter.xcom import UNMAPPED
from airflow_dynamic_provider.database.failures import read_failures
from airflow_dynamic_provider.database.instances import Instance, read_instances
from airflow_dynamic_provider.definitions.keys import render_key
from airflow_dynamic_provider.definitions.states import FAILURES, SKIPPED, SUCCESS
from airflow_dynamic_provider.execution.layout import check_digest, digest_xcom, unpack_keys

if TYPE_CHECKING:
    from airflow_dynamic_provider.database.runs import RunSource
    from airflow_dynamic_provider.database.structure import SpaceInfo
    from airflow_dynamic_provider.execution.failures import KeyFailure
    from airflow_dynamic_provider.execution.spaces import KeyPath


@dataclass(frozen=True)
class KeyList:
    """The keys of a space in one run.

    Attributes:
        listing: The task instance that lists them.
        paths: Key paths by position, which is the map index of their clones; ``None`` while there are none.
        failure: The error of the task that lists them, if it failed and stored it.
    """

    listing: Instance
    paths: tuple[KeyPath, ...] | None
    failure: KeyFailure | None = None

    @cached_property
    def positions(self) -> dict[KeyPath, int]:
        """Key path -> position."""
        return {path: position for position, path in enumerate(self.paths or ())}

    @property
    def is_listed_again(self) -> bool:
        """Whether the keys were listed more than once, so that clones may have run for other keys."""
        return self.listing.try_number > 1

    @property
    def message(self) -> str | None:
        """Why there are no keys; ``None`` if there are keys."""
        if self.paths is not None:
            return None
        task, state = repr(self.listing.task_id), self.listing.state
        if state in FAILURES:
            why = "" if self.failure is None else f": {self.failure}"
            return f"There are no keys because {task} is {state}{why or '.'}"
        if state == SKIPPED:
            return f"There are no keys because {task} was skipped."
        if state == SUCCESS:
            return f"There are no keys: {task} was marked as success, or Airflow has deleted them."
        return f"The keys are not known yet: {task} has not ended."


def is_found(path: KeyPath, search: str) -> bool:
    """Return whether a key contains the search string, in any case."""
    return search.casefold() in render_key(path).casefold()


def is_match(path: KeyPath, pattern: str) -> bool:
    """Return whether a whole key matches a pattern, as in a shell: ``*``, ``?``, ``[a-z]``."""
    return fnmatchcase(render_key(path), pattern)


def read_keys(source: RunSource, info: SpaceInfo) -> KeyList:
    """Read the keys of a space. This takes three queries, or one more if the task that lists them failed.

    Raises:
        LayoutError: The stored data is not a list of keys, or not the list that its task stored.
        ReadError: The stored data cannot be loaded.
    """
    task_id = info.space.keys_task_id
    at = (task_id, UNMAPPED)
    listing = read_instances(source, [task_id], [UNMAPPED]).get(at, Instance(*at))
    stored = source.pull(task_id, info.space.keys_xcom, UNMAPPED)
    if stored is None:
        return KeyList(listing, None, read_failures(source, [listing]).get(at))
    paths = unpack_keys(stored)
    digest = source.pull(task_id, digest_xcom(info.space.keys_xcom), UNMAPPED)
    check_digest(paths, digest, task_id)
    return KeyList(listing, tuple(paths))
