"""Answers commands from Airflow's database."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.models import create_session
from airflow_dynamic_provider.database.answers import ANSWERS, clear_selected, find_to_clear
from airflow_dynamic_provider.database.export import export
from airflow_dynamic_provider.database.key_naming import chosen_spaces
from airflow_dynamic_provider.database.names import find_dag_ids, find_run_ids
from airflow_dynamic_provider.database.runs import OpenRun, open_named_run
from airflow_dynamic_provider.database.selection import Selection
from airflow_dynamic_provider.errors import DynamicOutputsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sqlalchemy.orm import Session

    from airflow_dynamic_provider.cli.source import Document


@contextmanager
def opened_database() -> Iterator[DatabaseSource]:
    """Open a session of the database. What a command has changed is committed at its end.

    Raises:
        SystemExit: Something that the command names does not exist. The error says why.
    """
    with create_session() as session:
        try:
            yield DatabaseSource(session)
        except DynamicOutputsError as error:
            raise SystemExit(str(error)) from error


class DatabaseSource:
    """Airflow's database, as a `Source`.

    Args:
        session: The database session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def ask(self, question: str, dag_id: str, run_id: str, **arguments: Any) -> Document:
        """Return an answer."""
        given = {name: value for name, value in arguments.items() if value is not None}
        # A command may watch a run, and a transaction may see the database as it was when it began.
        self._session.rollback()
        return ANSWERS[question](self._run(dag_id, run_id), **given)

    def find_to_clear(self, dag_id: str, run_id: str, selection: Mapping[str, Any]) -> Document:
        """Return the task instances that would run again."""
        return find_to_clear(self._run(dag_id, run_id), Selection(**selection))

    def clear(
        self, dag_id: str, run_id: str, selection: Mapping[str, Any], *, keep_results: bool
    ) -> Document:
        """Clear them, and return them as they were before."""
        return clear_selected(self._run(dag_id, run_id), Selection(**selection), keep_results=keep_results)

    def export(self, dag_id: str, run_id: str, of: str | None, what: Any, form: Any) -> Iterable[str]:
        """Return the content of a file, in chunks."""
        run = self._run(dag_id, run_id)
        return export(run, chosen_spaces(run, of), what, form)

    def dag_ids(self, prefix: str) -> list[str]:
        """Return the ids of Dags with a prefix."""
        return find_dag_ids(self._session, prefix)

    def run_ids(self, dag_id: str, prefix: str) -> list[str]:
        """Return the ids of runs of a Dag with a prefix."""
        return find_run_ids(self._session, dag_id, prefix)

    def _run(self, dag_id: str, run_id: str) -> OpenRun:
        return open_named_run(self._session, dag_id, run_id)
