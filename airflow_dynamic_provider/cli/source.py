"""What the commands read from and act on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Document = dict[str, Any]


class Source(Protocol):
    """Answers commands: Airflow's database, or its API server."""

    def ask(self, question: str, dag_id: str, run_id: str, **arguments: Any) -> Document:
        """Return an answer of `database.answers`.

        Args:
            question: Its name in ``ANSWERS``.
            dag_id: The Dag.
            run_id: The run, or ``latest``.
            arguments: What the function of the answer takes, without what is ``None``.
        """
        ...

    def find_to_clear(self, dag_id: str, run_id: str, selection: Mapping[str, Any]) -> Document:
        """Return the task instances that would run again.

        Args:
            dag_id: The Dag.
            run_id: The run, or ``latest``.
            selection: The fields of `database.selection.Selection`.
        """
        ...

    def clear(
        self, dag_id: str, run_id: str, selection: Mapping[str, Any], *, keep_results: bool
    ) -> Document:
        """Clear them, and return them as they were before."""
        ...

    def export(self, dag_id: str, run_id: str, of: str | None, what: str, form: str) -> Iterable[str]:
        """Return the content of a file, in chunks."""
        ...

    def dag_ids(self, prefix: str) -> list[str]:
        """Return the ids of Dags with a prefix."""
        ...

    def run_ids(self, dag_id: str, prefix: str) -> list[str]:
        """Return the ids of runs of a Dag with a prefix, the newest first."""
        ...


class KeptResults(Protocol):
    """What the commands for kept results read and delete: where they are kept, or through the API server."""

    def list_results(self, selection: Mapping[str, Any], *, with_content: bool = False) -> list[Document]:
        """Return the results that are meant.

        Args:
            selection: The fields of `cache.catalogue.Selection`, with the age in seconds.
            with_content: Whether to return their values and their metadata too.
        """
        ...

    def delete_results(self, selection: Mapping[str, Any]) -> list[Document]:
        """Delete the results that are meant, and return them."""
        ...
