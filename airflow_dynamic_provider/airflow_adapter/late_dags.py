"""Dags whose tasks are made when Airflow has read the whole Dag file.

The process that reads a Dag file uses it. A file may define a graph before the tasks in it, and whether a
definition becomes a Dag at all may depend on later definitions.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG

# Private: the module that Airflow is reading, and the Dags that it has found there so far. Airflow offers no
# other way to leave out the Dags of imported modules, or to withdraw one.
from airflow.sdk.definitions._internal.contextmanager import DagContext

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


class CheckedDag(DAG):
    """A Dag that is checked when Airflow validates it, after it has read the file.

    Args:
        check: Raises an error if something is wrong.
        arguments: The arguments of a Dag.
    """

    def __init__(self, check: Callable[[], None], **arguments: Any) -> None:
        super().__init__(auto_register=False, **arguments)
        self._check = check

    def validate(self) -> None:
        """Check and validate the Dag. Airflow calls this before it uses the Dag."""
        self._check()
        super().validate()  # type: ignore[no-untyped-call, unused-ignore]


class LateDag(DAG):
    """A Dag whose tasks are made when Airflow validates it, after it has read the file.

    Args:
        fill: Makes the tasks. It is called once, inside the Dag.
        arguments: The arguments of a Dag.
    """

    def __init__(self, fill: Callable[[], Any], **arguments: Any) -> None:
        super().__init__(auto_register=False, **arguments)
        self._fill: Callable[[], Any] | None = fill

    def validate(self) -> None:
        """Make the tasks, and validate the Dag. Airflow calls this before it uses the Dag."""
        self.fill()
        super().validate()  # type: ignore[no-untyped-call, unused-ignore]

    def fill(self) -> LateDag:
        """Make the tasks, unless they have been made, and return the Dag."""
        fill, self._fill = self._fill, None
        if fill is not None:
            with self:
                fill()
        return self


def file_being_read() -> ModuleType | None:
    """Return the module of the Dag file that Airflow is reading, ``None`` in a program."""
    name = DagContext.current_autoregister_module_name
    return None if name is None else sys.modules.get(name)


def register(dag: DAG, file: ModuleType) -> None:
    """Make Airflow find a Dag in the file that it is reading."""
    DagContext.autoregistered_dags.add((dag, file))


def withdraw(dag: DAG, file: ModuleType) -> None:
    """Make Airflow ignore a registered Dag."""
    DagContext.autoregistered_dags.discard((dag, file))


def is_in_dag() -> bool:
    """Whether the calling code defines a Dag."""
    return DagContext.get_current() is not None
