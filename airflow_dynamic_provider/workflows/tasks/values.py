"""Reads the values of nodes for a running task, and checks that each value belongs to its node."""

from __future__ import annotations

import hashlib
import json
import shlex
import uuid
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.keys import render_key
from airflow_dynamic_provider.definitions.records import Record, field
from airflow_dynamic_provider.definitions.states import SUCCESS
from airflow_dynamic_provider.errors import LayoutError, StaleNodeError, UnstorableOutputError
from airflow_dynamic_provider.execution.layout import RETURN_VALUE, holds_typed
from airflow_dynamic_provider.version_compat import COMMAND
from airflow_dynamic_provider.workflows.plan import templates
from airflow_dynamic_provider.workflows.plan.plan import SEPARATOR
from airflow_dynamic_provider.workflows.progress import stored
from airflow_dynamic_provider.workflows.progress.stored import StoredNode
from airflow_dynamic_provider.workflows.waiting.leaving import failure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_dynamic_provider.execution.spaces import KeyPath
    from airflow_dynamic_provider.workflows.declared.kinds import Kinds
    from airflow_dynamic_provider.workflows.plan.plan import Plan, PlannedCall
    from airflow_dynamic_provider.workflows.plan.references import Reference
    from airflow_dynamic_provider.workflows.progress.reader import WorkflowReader
    from airflow_dynamic_provider.workflows.progress.stored import ListedNode


#: The stamp for a failed node in a call that tolerates failures.
NO_VALUE = ""


class Values(Record, frozen=False):
    """The values of the nodes of one graph.

    Args:
        reader: Reads the workflow's XComs.
        kinds: The kinds of the workflow, which know the types of values.
        key_path: The key that the graph belongs to; empty outside a map.
        known: Node -> its stored result, for nodes that were read already.

    Attributes:
        used: Node -> the stamp of its value, for each value used; for a call, the stamp of its output
            template.
    """

    reader: WorkflowReader
    kinds: Kinds
    key_path: KeyPath
    known: dict[str, StoredNode] = field(default_factory=dict)
    used: dict[str, str] = field(default_factory=dict)
    _places: dict[str, tuple[str, int]] = field(default_factory=dict)
    _has_all_places: bool = False

    def arguments(self, listed: ListedNode) -> Mapping[str, Any]:
        """Return the arguments of a node. One API call for each node whose value it uses.

        Raises:
            StaleNodeError: A value is missing, or belongs to another node than the planned one.
        """
        self._places |= listed.places
        address = listed.plan_address

        def plan() -> Plan:
            return self._plan(address.planner, address.task_id, address.map_index)

        return {name: self.resolve(template, plan) for name, template in listed.node.arguments.items()}

    def resolve(self, template: Any, plan: Callable[[], Plan]) -> Any:
        """Return the value of a template.

        Args:
            template: A node's arguments, or the output of a plan or a call.
            plan: Returns the plan that contains the template.
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
            return value_of_node(left.value, self.kinds, lane.kind)
        later = self._plan(name, lane.task_id, index)
        if (call := later.calls_by_name.get(name)) is not None:
            return self._value_of_call(call, lambda: later)
        return self.resolve(later.output, lambda: later)

    def _value_of_call(self, call: PlannedCall, plan: Callable[[], Plan]) -> Any:
        self.used |= stamp_of_call(call)
        if call.min_success_ratio is None:
            return self.resolve(call.output, plan)
        # The value is None for a failed node and for one that was marked as success.
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
        """Return the stored result of a node. One API call, the first time.

        Raises:
            AirflowFailException: There is none, because the node was marked as success.
            StaleNodeError: There is none, or it belongs to another node.
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


def value_of_node(stored: Any, kinds: Kinds, name: str) -> Any:
    """Return the value of a node from its stored form.

    Args:
        stored: The stored form.
        kinds: The kinds of the workflow.
        name: The node's kind.

    Raises:
        LayoutError: The declared type has changed since the value was stored.
    """
    if not holds_typed(stored):
        return stored
    # Imported here, because most values are stored as they are.
    from airflow_dynamic_provider.execution.typed_values import value_of

    try:
        return value_of(stored, kinds[name].target.value_type)
    except LayoutError as error:
        raise error.about(task_id=name) from error.__cause__


def holds_nothing(reader: WorkflowReader, task_id: str, map_index: int) -> bool:
    """Whether a node has stored none of the XComs of a node that has run to its end. Two API calls."""
    kept = (stored.NODE_XCOM, RETURN_VALUE)
    return all(reader.pull(task_id, xcom_key, map_index) is None for xcom_key in kept)


def stale(reader: WorkflowReader, name: str, problem: str, key_path: KeyPath, *others: str) -> StaleNodeError:
    """Return the error for a node whose value cannot be used.

    Args:
        reader: Knows the Dag, the run and the workflow.
        name: The node.
        problem: What is wrong with it.
        key_path: The key that the graph belongs to; empty outside a map.
        others: Further nodes that cannot be used.
    """
    besides = f" ({len(others)} more cannot be used either)" if others else ""
    return StaleNodeError(
        f"its node {name!r} cannot be used: {problem}{besides}",
        task_id=reader.spec.name,
        remedy=f"Clear {'them' if others else 'it'} and all that depends on {'them' if others else 'it'}: "
        f"{clear_command(reader, key_path, name, *others)}",
    )


def clear_command(reader: WorkflowReader, key_path: KeyPath, *names: str) -> str:
    """Return the command that clears nodes and all that depends on them, to be pasted into a shell.

    Args:
        reader: Knows the Dag, the run and the workflow.
        key_path: The key that the graph belongs to; empty outside a map.
        names: The nodes; if none are given, all failed nodes.
    """
    of_key = [_option("--key", render_key(key_path))] if key_path else []
    which = [_option("--node", name) for name in names] or [_option("--state", "failed")]
    run = [shlex.quote(reader.dag_id), shlex.quote(reader.run_id), _option("--workflow", reader.spec.name)]
    return " ".join([COMMAND, "clear", *run, *of_key, *which, "--yes"])


def _option(flag: str, value: str) -> str:
    # Without ``=``, a value that begins with a dash would be parsed as an option.
    between = "=" if value.startswith("-") else " "
    return flag + between + shlex.quote(value)


def stamp_of_call(call: PlannedCall) -> dict[str, str]:
    """Return the entry, name -> stamp, that records the use of a call's output.

    The constants in the output are not part of any node, so the stamps of nodes do not show their changes.
    """
    # A node may have the same name as the call, but the name of a node never ends with the separator.
    return {call.name + SEPARATOR: stamp_of([call.output, call.min_success_ratio])}


def stamp_of(value: Any) -> str:
    """Return a digest that shows whether a value is the same after it is computed again.

    Values that Airflow stores in the same form have the same stamp. A value that Airflow cannot serialize
    gets a unique stamp.
    """
    try:
        form = json.dumps(xcom.serialize(value), sort_keys=True)
    except UnstorableOutputError:
        # The deployment's own XCom backend stores it.
        form = uuid.uuid4().hex
    return hashlib.sha256(form.encode("utf-8", "surrogatepass")).hexdigest()[:16]
