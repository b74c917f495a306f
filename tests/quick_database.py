"""Makes the databases of the tests faster: nobody needs them after the power has failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wrapt import when_imported

if TYPE_CHECKING:
    from types import ModuleType


def install() -> None:
    """Let Airflow's SQLite in this process not wait until the disk has what it wrote."""
    when_imported("airflow.settings")(_write_lazily)


def _write_lazily(settings: ModuleType) -> None:
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    @event.listens_for(Engine, "connect")
    def write_lazily(connection: Any, record: Any) -> None:
        if "sqlite" in type(connection).__module__:
            connection.execute("PRAGMA synchronous = OFF").close()
