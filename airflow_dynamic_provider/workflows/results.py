"""The task that gives a workflow's outputs to the tasks after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from airflow_dynamic_provider.definitions.keys import name_keys
from airflow_dynamic_provider.errors import DynamicOutputsError
from airflow_dynamic_provider.execution import xcom
from airflow_dynamic_provider.execution.clones import RUNTIME_KEY
from airflow_dynamic_provider.execution.states import SKIPPED, SUCCESS
from airflow_dynamic_provider.workflows import stored, templates
from airflow_dynamic_provider.workflows.reading import WorkflowReader
from airflow_dynamic_provider.workflows.run_graph import Outcome
from airflow_dynamic_provider.workflows.stored import StoredNode
from airflow_dynamic_provider.workflows.values import Values, clear_command, stale

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_dynamic_provider.workflows.plan import Plan
    from airflow_dynamic_provider.workflows.reading import KeyPath
    from airflow_dynamic_provider.workflows.run_graph import RunGraph
    from airflow_dynamic_provider.workflows.spec import WorkflowSpec

# How many nodes are read in one API call.
_AT_ONCE = 250


class ResultOperator(BaseOperator):
    """Returns what the body returned, with the nodes' values in the places of the promises.

    It runs when all nodes have ended, and checks that each was run as it is planned now and from what the
    nodes before it have returned last.

    Args:
        parts: The XComs of a tuple's items, in their order.
    """

    custom_operator_name = "result"

    def __init__(self, *, parts: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(trigger_rule="all_done", **kwargs)
        self.parts = parts
        # Written when the group is complete.
        self.spec: WorkflowSpec | None = None

    def execute(self, context: Any) -> Any:
        """Return the outputs. Airflow calls this in the task's process.

        Raises:
            AirflowFailException: A node failed, or a value is not current.
            AirflowSkipException: The planning task was skipped, or a node whose output is returned.
        """
        from airflow_dynamic_provider.version_compat import AirflowFailException

        assert self.spec is not None
        try:
            value = _Result(context, self.spec).read()
        except DynamicOutputsError as error:
            # Its retries would meet the same.
            raise AirflowFailException(str(error)) from error
        for name, part in zip(self.parts, value if self.parts else (), strict=True):
            xcom.push(context, name, part)
        return value


class _Result:
    """The outputs of one graph."""

    def __init__(self, context: Any, spec: WorkflowSpec) -> None:
        self.context = context
        self.spec = spec
        self.reader = WorkflowReader(context["ti"].dag_id, context["ti"].run_id, spec)
        clone = context.get(RUNTIME_KEY)
        self.key_path: KeyPath = () if clone is None else clone.key_path
        self.root_index = xcom.UNMAPPED if clone is None else clone.place.position

    def read(self) -> Any:
        plan = self.reader.plan(self.spec.plan_task_id, self.root_index)
        states = xcom.read_states(self.context, [self.spec.plan_task_id, *self.spec.node_task_ids])
        self._check_planned(plan, xcom.state_at(states, self.spec.plan_task_id, self.root_index))
        assert plan is not None
        graph = self.reader.graph(self.key_path, self.root_index, states)
        self._check_ended(graph)
        values = Values(self.reader, self.key_path, known=dict(self._read_nodes(graph, states)))
        self._check_current(graph, states, values.known)
        self._skip_without_values(graph, plan)
        return values.resolve(plan.output, lambda: plan)

    def _check_planned(self, plan: Plan | None, state: str | None) -> None:
        if state == SKIPPED:
            raise _skip(f"{self.spec.plan_task_id!r} was skipped")
        if state != SUCCESS or plan is None:
            raise _fail(f"There is no plan: {self.spec.plan_task_id!r} is {state}.")

    def _check_ended(self, graph: RunGraph) -> None:
        if graph.failures:
            commands = clear_command(self.reader, graph.failures[0])
            raise _fail(
                f"{len(graph.failures)} of {len(graph.nodes)} nodes failed: {_named(graph.failures)}. "
                f"To run one again with what depends on it: {commands}"
            )
        if unfinished := graph.unfinished():
            raise stale(self.reader, unfinished[0], "it has not run")

    def _read_nodes(self, graph: RunGraph, states: xcom.States) -> Iterator[tuple[str, StoredNode]]:
        places = self.reader.places(self.key_path)
        for lane in self.spec.lanes.values():
            for left in self._read_lane(lane.task_id):
                place = places.get(left.name)
                if place is None or left.key_path != self.key_path:
                    continue
                if self.reader.lane(place) == lane and place.index == left.map_index:
                    yield left.name, left

    def _read_lane(self, task_id: str) -> Iterator[StoredNode]:
        start = 0
        while rows := xcom.pull_slice(self.context, task_id, stored.NODE_XCOM, start, start + _AT_ONCE):
            yield from map(StoredNode.unpack, rows)
            start += len(rows)
            if len(rows) < _AT_ONCE:
                return

    def _check_current(self, graph: RunGraph, states: xcom.States, left: dict[str, StoredNode]) -> None:
        places = self.reader.places(self.key_path)
        for name, node in graph.nodes.items():
            if states.get((self.reader.lane(places[name]).task_id, places[name].index)) != SUCCESS:
                continue
            if name not in left:
                raise stale(self.reader, name, "it has left no value")
            if left[name].fingerprint != node.fingerprint:
                raise stale(self.reader, name, "it was run as it was planned before")
            for used, stamp in left[name].used.items():
                if used in left and left[used].stamp != stamp:
                    raise stale(self.reader, used, f"{name!r} was computed from an earlier value of it")

    def _skip_without_values(self, graph: RunGraph, plan: Plan) -> None:
        for reference in templates.references(plan.output):
            if graph.outcome(reference.name) is Outcome.SKIPPED:
                raise _skip(f"its node {reference.name!r} was skipped")


def _named(names: Sequence[str]) -> str:
    return name_keys([(name,) for name in names])


def _fail(message: str) -> Exception:
    from airflow_dynamic_provider.version_compat import AirflowFailException

    return AirflowFailException(message)


def _skip(reason: str) -> Exception:
    from airflow_dynamic_provider.version_compat import AirflowSkipException

    return AirflowSkipException(f"There are no outputs: {reason}.")
