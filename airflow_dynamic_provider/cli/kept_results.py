"""Reads and deletes kept results where they are kept: below ``[dynamic_outputs] cache_path``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.cache.catalogue import (
    Selection,
    delete_results,
    describe_result,
    find_results,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_dynamic_provider.cli.source import Document


class StoredResults:
    """The place of the results, as `KeptResults`."""

    def list_results(self, selection: Mapping[str, Any], *, with_content: bool = False) -> list[Document]:
        """Return the results that are meant."""
        found = find_results(Selection.of(**selection))
        return [describe_result(kept, with_content=with_content) for kept in found]

    def delete_results(self, selection: Mapping[str, Any]) -> list[Document]:
        """Delete the results that are meant, and return them."""
        found = list(find_results(Selection.of(**selection)))
        delete_results(found)
        return list(map(describe_result, found))
