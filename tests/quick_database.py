"""Makes the databases of the tests faster: nobody needs them after the power has failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wrapt import when_imported

if TYPE_CHECKING:
    from types import ModuleType

#: Values in whose place no other value that is equal may be compared.
_PLAIN = (str, int, bool, type(None))

#: The number of comparisons that are kept.
_MOST = 5000


def install() -> None:
    """Let Airflow's SQLite in this process not wait for the disk, and build comparisons once."""
    when_imported("airflow.settings")(_write_lazily)
    when_imported("sqlalchemy.orm.attributes")(_keep_comparisons)


def _write_lazily(settings: ModuleType) -> None:
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    @event.listens_for(Engine, "connect")
    def write_lazily(connection: Any, record: Any) -> None:
        if "sqlite" in type(connection).__module__:
            connection.execute("PRAGMA synchronous = OFF").close()


def _keep_comparisons(attributes: ModuleType) -> None:
    """Build ``TaskInstance.task_id == "a"`` once. It takes longer than SQLite takes to find the row."""
    attribute: Any = attributes.InstrumentedAttribute
    compare = attribute.operate
    #: With the attribute, so that no other attribute can have its id.
    known: dict[Any, tuple[Any, Any]] = {}

    def operate(self: Any, op: Any, *other: Any, **options: Any) -> Any:
        if options or len(other) != 1 or type(other[0]) not in _PLAIN:
            return compare(self, op, *other, **options)
        asked = id(self), op, other[0], type(other[0])
        # Another thread may clear them at any time.
        if (kept := known.get(asked)) is None:
            if len(known) >= _MOST:
                known.clear()
            kept = known[asked] = self, compare(self, op, *other)
        return kept[1]

    attribute.operate = operate
