"""Gives a running task the values of nodes, and checks that each is what its name says."""

from __future__ import annotations

import hashlib
import json
import shlex
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.keys import render_key
from airflow_dynamic_provider.definitions.states import SUCCESS
from airflow_dynamic_provider.errors import StaleNodeError, UnstorableOutputError
from airflow_dynamic_provider.execution.layout import RETURN_VALUE
from airflow_dynamic_provider.version_compat import COMMAND
from airflow_dynamic_provider.workflows.plan import templates
from airflow_dynamic_provider.workflows.plan.plan import SEPARATOR
from airflow_dynamic_provider.workflows.progress import stored
from airflow_dynamic_provider.workflows.progress.stored import StoredNode
from airflow_dynamic_provider.workflows.waiting.leaving import failure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_dynamic_provider.execution.spaces import KeyPath
    from airflow_dynamic_provider.workflows.plan.plan import Plan, PlannedCall
    from airflow_dynamic_provider.workflows.plan.references import Reference
    from airflow_dynamic_provider.workflows.progress.reader import WorkflowReader
    from airflow_dynamic_provider.workflows.progress.stored import ListedNode


#: The stamp of the value of a node that failed, where the call that it is of tolerates that.
NO_VALUE = ""


@dataclass
class Values:
    """The values of the nodes of one graph.

    Args:
        reader: Reads the workflow's XComs.
        key_path: The key of whose graph they are; empty outside a map.
        known: What nodes have left, as far as it was read already.

    Attributes:
        used: Node -> stamp of each value that was used; for a call, of what its output is made of.
    """

    reader: WorkflowReader
    key_path: KeyPath
    known: dict[str, StoredNode] = field(default_factory=dict)
    used: dict[str, str] = field(default_factory=dict)
    _places: dict[str, tuple[str, int]] = field(default_factory=dict)
    _has_all_places: bool = False

    def arguments(self, listed: ListedNode) -> Mapping[str, Any]:
        """Return the arguments of a node. One API call for each node that it uses the value of.

        Raises:
            StaleNodeError: A value is missing or is not of the node that is planned.
        """
        self._places |= listed.places
        address = listed.plan_address

        def plan() -> Plan:
            return self._plan(address.planner, address.task_id, address.map_index)

        return {name: self.resolve(template, plan) for name, template in listed.node.arguments.items()}

    def resolve(self, template: Any, plan: Callable[[], Plan]) -> Any:
        """Return what a template stands for.

        Args:
            template: A node's arguments, or the output of a plan or a call.
            plan: Gives the plan that it is of.
        """
        return templates.resolve(template, lambda reference: self._value(reference, plan))

    def _value(self, reference: Reference, plan: Callable[[], Plan]) -> Any:
        return reference.select(self._whole(reference.name, plan))

    def _whole(self, name: str, plan: Callable[[], Plan]) -> Any:
        if name not in self._places and name not in self.known and name in plan().calls_by_name:
            return self._value_of_call(plan().calls_by_name[name], plan)
        left = self.node(name)
        lane_name, index = self._place(name)
        lane = self.reader.spec.lanes[lane_name]
        if not lane.plans:
            return left.value
        later = self._plan(name, lane.task_id, index)
        if (call := later.calls_by_name.get(name)) is not None:
            return self._value_of_call(call, lambda: later)
        return self.resolve(later.output, lambda: later)

    def _value_of_call(self, call: PlannedCall, plan: Callable[[], Plan]) -> Any:
        self.used |= stamp_of_call(call)
        if call.min_success_ratio is None:
            return self.resolve(call.output, plan)
        # The failed ones, and those marked as success, leave None in their places.
        states = self.reader.states()
        members = plan().nodes_of(call.name)
        failed = {
            name for name in members if states.get(self._at(name)) != SUCCESS or self._find(name) is None
        }
        self.used |= dict.fromkeys(failed, NO_VALUE)
        return [None if name in failed else self._whole(name, plan) for name in members]

    def _plan(self, planner: str, task_id: str, map_index: int) -> Plan:
        plan = self.reader.plan(task_id, map_index)
        if plan is None:
            raise stale(self.reader, planner, "its plan is gone", self.key_path)
        return plan

    def node(self, name: str) -> StoredNode:
        """Return what a node left. One API call, the first time.

        Raises:
            AirflowFailException: There is nothing, because the node was marked as success.
            StaleNodeError: There is nothing, or it was left by another node.
        """
        left = self._find(name)
        if left is None:
            raise self._without_value(name)
        self.used[name] = left.stamp
        return left

    def _find(self, name: str) -> StoredNode | None:
        if name not in self.known:
            task_id, index = self._at(name)
            packed = self.reader.pull(task_id, stored.NODE_XCOM, index)
            if packed is None:
                return None
            left = StoredNode.unpack(packed)
            if left.name != name or left.key_path != self.key_path:
                raise stale(self.reader, name, "it has left no value", self.key_path)
            self.known[name] = left
        return self.known[name]

    def _without_value(self, name: str) -> Exception:
        at = self._at(name)
        if self.reader.states().get(at) != SUCCESS or not holds_nothing(self.reader, *at):
            return stale(self.reader, name, "it has left no value", self.key_path)
        marked = stale(self.reader, name, "it was marked as success and left no value", self.key_path)
        return failure(str(marked))

    def _at(self, name: str) -> tuple[str, int]:
        lane, index = self._place(name)
        return self.reader.spec.lanes[lane].task_id, index

    def _place(self, name: str) -> tuple[str, int]:
        if name not in self._places and not self._has_all_places:
            self._has_all_places = True
            for each, place in self.reader.places(self.key_path).items():
                self._places[each] = (place.lane, place.index)
        if name not in self._places:
            raise stale(self.reader, name, "it has no task instance", self.key_path)
        return self._places[name]


def holds_nothing(reader: WorkflowReader, task_id: str, map_index: int) -> bool:
    """Whether a node has left nothing that one leaves which runs to its end. Two API calls."""
    kept = (stored.NODE_XCOM, RETURN_VALUE)
    return all(reader.pull(task_id, xcom_key, map_index) is None for xcom_key in kept)


def stale(reader: WorkflowReader, name: str, problem: str, key_path: KeyPath, *others: str) -> StaleNodeError:
    """Return the error for a node whose value cannot be used.

    Args:
        reader: Knows the Dag, the run and the workflow.
        name: The node.
        problem: What is wrong with it.
        key_path: The key of whose graph it is; empty outside a map.
        others: Further nodes that cannot be used.
    """
    besides = f", and {len(others)} more nodes" if others else ""
    return StaleNodeError(
        f"its node {name!r} cannot be used: {problem}{besides}",
        task_id=reader.spec.name,
        remedy=f"Clear {'them' if others else 'it'} with what depends on {'them' if others else 'it'}: "
        f"{clear_command(reader, key_path, name, *others)}",
    )


def clear_command(reader: WorkflowReader, key_path: KeyPath, *names: str) -> str:
    """Return the command that clears nodes with all that depends on them, to be pasted into a shell.

    Args:
        reader: Knows the Dag, the run and the workflow.
        key_path: The key of whose graph they are; empty outside a map.
        names: The nodes; without any, all that failed.
    """
    of_key = [_option("--key", render_key(key_path))] if key_path else []
    which = [_option("--node", name) for name in names] or [_option("--state", "failed")]
    run = [shlex.quote(reader.dag_id), shlex.quote(reader.run_id), _option("--workflow", reader.spec.name)]
    return " ".join([COMMAND, "clear", *run, *of_key, *which, "--yes"])


def _option(flag: str, value: str) -> str:
    # Otherwise it would be taken for an option itself.
    between = "=" if value.startswith("-") else " "
    return flag + between + shlex.quote(value)


def stamp_of_call(call: PlannedCall) -> dict[str, str]:
    """Return under which name, and with which stamp, it is noted that a call's output was used.

    The constants in it are part of no node, so a node alone does not tell that they have changed.
    """
    # A node may bear the call's name, and no node's name ends like this.
    return {call.name + SEPARATOR: stamp_of([call.output, call.min_success_ratio])}


def stamp_of(value: Any) -> str:
    """Return a digest by which a value computed again is told from the one before.

    Values that Airflow stores in the same form have the same stamp; where there is no such form that can be
    compared, the stamp is of this one value.
    """
    try:
        form = json.dumps(xcom.serialize(value), sort_keys=True)
    except UnstorableOutputError:
        # A backend of the deployment's own carries it.
        form = uuid.uuid4().hex
    return hashlib.sha256(form.encode("utf-8", "surrogatepass")).hexdigest()[:16]
