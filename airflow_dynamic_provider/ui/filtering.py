"""Reads which keys a request is about: the filter that pages, downloads and clears share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Query

from airflow_dynamic_provider.database.conditions import LONGEST, read_condition
from airflow_dynamic_provider.database.filters import KeyFilter

if TYPE_CHECKING:
    from airflow_dynamic_provider.ui import models


def _of_query(
    search: Annotated[str, Query(description="A string that the key must contain, in any case")] = "",
    match: Annotated[str, Query(description="A pattern that the whole key must match: *, ?, [a-z]")] = "",
    state: Annotated[list[str] | None, Query(description="Only keys in these states, or `none`")] = None,
    error: Annotated[str, Query(description="Only keys of this group of failures")] = "",
    where: Annotated[str, Query(max_length=LONGEST, description="A condition on metadata: size > 10")] = "",
) -> KeyFilter:
    condition = read_condition(where) if where.strip() else None
    return KeyFilter(search, match, frozenset(state or ()), error, condition)


#: The filter in the query of an address.
Filter = Annotated[KeyFilter, Depends(_of_query)]


def read_filter(wanted: models.KeyFilter) -> KeyFilter:
    """Return the filter in the body of a request.

    Raises:
        FilterError: The condition cannot be read.
    """
    return _of_query(wanted.search, wanted.match, wanted.state, wanted.error, wanted.where)
