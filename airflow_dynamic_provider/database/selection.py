"""What a command selects to run again: keys of dynamic outputs, nodes of a workflow, or steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_dynamic_provider.database.key_clearing import find_keys
from airflow_dynamic_provider.database.key_naming import find_keys_to_clear, find_matching
from airflow_dynamic_provider.database.node_clearing import NodeSelection, find_nodes
from airflow_dynamic_provider.database.step_naming import find_steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_dynamic_provider.database.clearing import ToClear
    from airflow_dynamic_provider.database.runs import OpenRun


@dataclass(frozen=True)
class Selection:
    """What to run again, in the words of the command. The command has checked that they go together.

    Attributes:
        of: The key space; ``None`` for the one that has the keys, or for all.
        keys: Keys as a person writes them. With a workflow, the key of the graph.
        match: A pattern that whole keys must match.
        only_failed: Whether to start from what failed.
        steps: Tasks of keys, as Dagster names steps.
        workflow: A workflow instead of keys.
        nodes: Nodes of the workflow; none for all that failed.
    """

    of: str | None = None
    keys: Sequence[str] = ()
    match: str | None = None
    only_failed: bool = False
    steps: Sequence[str] = ()
    workflow: str | None = None
    nodes: Sequence[str] = ()

    def find(self, run: OpenRun) -> ToClear:
        """Return the task instances that would run again.

        Raises:
            UnknownNameError: There is nothing of a name.
            AmbiguousNameError: A name has several meanings.
        """
        if self.steps:
            return find_steps(run, self.steps)
        if self.workflow is not None:
            return find_nodes(run, NodeSelection(self.workflow, self.nodes, next(iter(self.keys), None)))
        if self.match:
            return find_keys(run, *find_matching(run, self.match, self.of, only_failed=self.only_failed))
        return find_keys(run, *find_keys_to_clear(run, self.keys, self.of, only_failed=self.only_failed))
