"""Which keys a person selects: by their names, their states, their errors and their metadata.

Pages, downloads and clears use the same filter, so they act on the same keys.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_dynamic_provider.database.failure_groups import group_keys
from airflow_dynamic_provider.database.key_labels import in_order_of, read_labels
from airflow_dynamic_provider.database.matrix import Query

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from typing import Any

    from airflow_dynamic_provider.database.conditions import Condition
    from airflow_dynamic_provider.database.matrix import Matrix


@dataclass(frozen=True)
class KeyFilter:
    """What the keys have in common. All of it must be true of a key.

    Attributes:
        search: A string that the key must contain, in any case.
        match: A pattern that the whole key must match, as in a shell.
        states: The states; empty for all. ``none`` stands for no state yet.
        error: The name of a group of failures that the key must be in; empty for any key.
        where: A condition on its metadata.
    """

    search: str = ""
    match: str = ""
    states: Collection[str] = ()
    error: str = ""
    where: Condition | None = None

    @property
    def is_everything(self) -> bool:
        """Whether it selects all keys."""
        return not (self.search or self.match or self.states or self.error or self.where)

    def __str__(self) -> str:
        """Return the filter in words, on one line: ``search "csv", state failed``."""
        parts = {
            "search": self.search and _quoted(self.search),
            "pattern": self.match and _quoted(self.match),
            "state": " or ".join(sorted(self.states)),
            "error": self.error,
            "condition": self.where and _quoted(self.where.text),
        }
        return ", ".join(f"{name} {text}" for name, text in parts.items() if text)


def query_of(matrix: Matrix, wanted: KeyFilter, **how: Any) -> Query:
    """Return the query for the keys that a filter selects.

    Args:
        matrix: The matrix.
        wanted: The filter.
        how: The other parts of the query: the order, the page.

    Raises:
        FilterError: There are too many keys to read the metadata of each.
    """
    query = Query(search=wanted.search, match=wanted.match, states=wanted.states, **how)
    if wanted.error:
        query = query.among(frozenset(_of_group(matrix, wanted.error)))
    if wanted.where is not None:
        labels = read_labels(matrix, matrix.choose(query), wanted.where.labels)
        query = query.among(frozenset(at for at, each in labels.items() if wanted.where.holds(each)))
    return query


def sorted_by(matrix: Matrix, query: Query, label: str) -> Query:
    """Return a query with the keys in the order of the values of a metadatum.

    Raises:
        FilterError: There are too many keys to read the metadata of each.
    """
    labels = read_labels(matrix, matrix.choose(query), [label])
    return query.in_order(in_order_of(labels, label, is_descending=query.is_descending))


def chosen_by(matrix: Matrix, wanted: KeyFilter) -> Sequence[int]:
    """Return the positions of the keys that a filter selects, in the order of the keys."""
    return matrix.choose(query_of(matrix, wanted))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _of_group(matrix: Matrix, name: str) -> Sequence[int]:
    return next((group.positions for group in group_keys(matrix).groups if group.group == name), ())
