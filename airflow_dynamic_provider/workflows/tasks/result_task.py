"""The task that returns a workflow's output to downstream tasks."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.airflow_adapter.objects import is_annotated
from airflow_dynamic_provider.definitions.excerpts import excerpt
from airflow_dynamic_provider.definitions.keys import name_keys
from airflow_dynamic_provider.definitions.states import FAILED, SKIPPED, SUCCESS, UPSTREAM_FAILED
from airflow_dynamic_provider.errors import PlanMismatchError, UnstorableOutputError, WorkflowCallError
from airflow_dynamic_provider.execution.helpers import no_retry_after_refusal
from airflow_dynamic_provider.execution.layout import RETURN_VALUE
from airflow_dynamic_provider.workflows.plan import templates
from airflow_dynamic_provider.workflows.plan.dag_files import running
from airflow_dynamic_provider.workflows.plan.plan import SEPARATOR
from airflow_dynamic_provider.workflows.plan.shapes import check_items
from airflow_dynamic_provider.workflows.progress import stored
from airflow_dynamic_provider.workflows.progress.reader import WorkflowReader
from airflow_dynamic_provider.workflows.progress.run_graph import Outcome
from airflow_dynamic_provider.workflows.progress.stored import StoredNode
from airflow_dynamic_provider.workflows.tasks.values import (
    NO_VALUE,
    Values,
    clear_command,
    holds_nothing,
    stale,
    stamp_of_call,
)
from airflow_dynamic_provider.workflows.waiting.leaving import failure, skip

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from airflow_dynamic_provider.execution.spaces import KeyPath
    from airflow_dynamic_provider.workflows.declared.kinds import Kinds
    from airflow_dynamic_provider.workflows.declared.spec import WorkflowSpec
    from airflow_dynamic_provider.workflows.plan.plan import KeptOutput, Plan, PlannedNode
    from airflow_dynamic_provider.workflows.progress.run_graph import RunGraph

log = logging.getLogger(__name__)

#: The number of nodes to read in one API call.
AT_ONCE = 250


def return_output(context: Any, operator: Any) -> Any:
    """Return the output of a workflow, in the process of its last task.

    Raises:
        AirflowFailException: A node failed, or a value is not current.
        AirflowSkipException: The planning task, or a node whose output is returned, was skipped.
    """
    assert operator.spec is not None
    with no_retry_after_refusal(), running(operator.task_id, operator.dag_file):
        result = _Result(context, operator.spec, operator.kinds)
        value = result.read()
        check_items(operator.spec.name, operator.returns, value)
        parts = _parts_of(operator, operator.spec, value)
        if result.kept is not None:
            # Imported here, because few workflows keep their outputs.
            from airflow_dynamic_provider.workflows.tasks.kept import keep_output

            keep_output(context, operator.spec, result.kept, value, is_complete=result.is_complete)
        forms = {name: _form(operator, name, part) for name, part in parts.items()}
        form = _form(operator, RETURN_VALUE, value)
    for name, part in forms.items():
        xcom.push(context, name, part)
    return form


def _form(operator: Any, output: str, value: Any) -> Any:
    """Return the stored form of the output of a workflow, or of a part of it.

    Raises:
        UnstorableOutputError: It would not come back as it is.
    """
    if operator.workflow.out is None and not is_annotated(operator.workflow.function):
        return value
    # Imported here, because many bodies have no annotations, and most return values of JSON's types.
    from airflow_dynamic_provider.definitions.declarations import is_plain

    declared = operator.type_of(output)
    if is_plain(declared):
        return value
    from airflow_dynamic_provider.execution.typed_values import stored_parts

    try:
        return stored_parts(value, declared)
    except UnstorableOutputError as error:
        name = None if output == RETURN_VALUE else output
        raise error.about(task_id=operator.task_id, output_name=name) from error.__cause__


def _parts_of(operator: Any, spec: WorkflowSpec, value: Any) -> dict[str, Any]:
    if operator.parts:
        return dict(zip(operator.parts, value, strict=True))
    if missing := [name for name in operator.fields if name not in value]:
        raise WorkflowCallError(
            f"the workflow {spec.name!r} returns no {missing[0]!r}, which a task uses: "
            f"it returns {excerpt(list(value))}",
            task_id=operator.task_id,
            remedy=f"Return {missing[0]!r}, or use a returned item.",
        )
    return {name: value[name] for name in operator.fields}


class _Result:
    """The output of one graph."""

    def __init__(self, context: Any, spec: WorkflowSpec, kinds: Kinds) -> None:
        self.context = context
        self.kinds = kinds
        self.spec = spec
        self.reader = WorkflowReader(context["ti"].dag_id, context["ti"].run_id, spec)
        self.key_path: KeyPath = ()
        self.root_index = xcom.UNMAPPED
        self.kept: KeptOutput | None = None
        self.is_complete = True
        self._left: dict[str, StoredNode] | None = None
        if spec.is_mapped:
            # Imported here, because most workflows are in no map.
            from airflow_dynamic_provider.execution.clones import RUNTIME_KEY

            clone = context[RUNTIME_KEY]
            self.key_path, self.root_index = clone.key_path, clone.place.position

    def read(self) -> Any:
        plan = self.reader.plan(self.spec.plan_task_id, self.root_index)
        states = self.reader.states()
        self._check_planned(plan, xcom.state_at(states, self.spec.plan_task_id, self.root_index))
        assert plan is not None
        self._check_lists(states)
        graph = self.reader.graph(self.key_path, self.root_index, states)
        self._check_listed(graph)
        plans = graph.plans.values()
        if any(each.kept or any(call.kept for call in each.calls) for each in plans):
            self._keep_called(graph, states)
        self._check_ended(graph)
        self._check_started(graph, states)
        self._check_current(graph, states)
        self._skip_without_values(graph, plan)
        value, self.is_complete = self._resolve(graph, states, plan.output, plan)
        self.kept = plan.kept
        return value

    def _resolve(self, graph: RunGraph, states: xcom.States, template: Any, plan: Plan) -> tuple[Any, bool]:
        """Return the value of a template of a plan, and whether no node failed whose value is ``None``."""
        values = Values(self.reader, self.kinds, self.key_path, known=self._read_nodes(graph, states))
        value = values.resolve(template, lambda: plan)
        return value, NO_VALUE not in values.used.values()

    def _keep_called(self, graph: RunGraph, states: xcom.States) -> None:
        """Keep the outputs of cached workflows that bodies called, also if other nodes failed."""
        # Imported here, because few workflows keep their outputs.
        from airflow_dynamic_provider.workflows.tasks.kept import keep_called, new_outputs

        places = self.reader.places(self.key_path)
        if not new_outputs(graph) or not graph.nodes.keys() <= places.keys():
            return
        problems, marked = self._outdated(graph, states)
        if not problems and not marked:
            keep_called(
                self.context,
                self.spec,
                graph,
                lambda template, plan: self._resolve(graph, states, template, plan),
            )

    def _check_planned(self, plan: Plan | None, state: str | None) -> None:
        if state == SKIPPED:
            raise skip(f"The workflow has no output: {self.spec.plan_task_id!r} was skipped.")
        if state == SUCCESS and plan is None:
            raise PlanMismatchError(
                "was marked as success and left no plan",
                task_id=self.spec.plan_task_id,
                remedy="Clear it together with its downstream tasks, so that it plans.",
            )
        if plan is None or state != SUCCESS:
            raise failure(f"There is no plan: the state of {self.spec.plan_task_id!r} is {state}.")

    def _check_lists(self, states: xcom.States) -> None:
        for task_id in self.spec.list_task_ids:
            state = states.get((task_id, xcom.UNMAPPED))
            if state in (FAILED, UPSTREAM_FAILED):
                culprit = task_id if state == FAILED else self.spec.listing_task_id
                raise failure(
                    f"Not all nodes could be listed: {culprit!r} failed, and its log says why. "
                    f"Clear {culprit!r} with its downstream tasks."
                )

    def _check_listed(self, graph: RunGraph) -> None:
        """Refuse unlisted nodes: in a map, the planning task may run again without the tasks after it."""
        places = self.reader.places(self.key_path)
        if unlisted := [
            name for name, planner in graph.planned_by.items() if not planner and name not in places
        ]:
            raise self._replanned(f"the nodes {_named(unlisted)} are planned but not listed")

    def _replanned(self, problem: str) -> PlanMismatchError:
        return PlanMismatchError(
            f"it has planned again, but the tasks after it did not run again: {problem}",
            task_id=self.spec.plan_task_id,
            remedy=f"Clear {self.spec.plan_task_id!r} with its downstream tasks, so that all nodes run "
            "again.",
        )

    def _check_started(self, graph: RunGraph, states: xcom.States) -> None:
        """Refuse nodes without a task instance: their task had no nodes before and was skipped as a whole."""
        places = self.reader.places(self.key_path)
        missing = [
            name
            for name in graph.nodes
            if name in places and (self.reader.lane(places[name]).task_id, places[name].index) not in states
        ]
        if missing:
            raise stale(self.reader, missing[0], "it has not run", self.key_path, *missing[1:])

    def _check_ended(self, graph: RunGraph) -> None:
        places = self.reader.places(self.key_path)
        if culprits := [name for name in graph.culprits if name in places or name in graph.calls]:
            only = culprits if len(culprits) == 1 and culprits[0] in graph.nodes else []
            command = clear_command(self.reader, self.key_path, *only)
            raise failure(
                f"{len(culprits)} of {len(graph.nodes)} nodes failed: {_named(culprits)}. "
                f"To run {'it' if len(culprits) == 1 else 'them'} again with all that depends on "
                f"{'it' if len(culprits) == 1 else 'them'}: {command}"
            )
        lost = [name for name in graph.nodes if name not in places]
        if unfinished := [*lost, *graph.unfinished()]:
            raise stale(self.reader, unfinished[0], "it has not run", self.key_path, *unfinished[1:])

    def _read_nodes(self, graph: RunGraph, states: xcom.States) -> dict[str, StoredNode]:
        """Return node -> its stored result, for the nodes that succeeded."""
        if self._left is None:
            self._left = dict(self._read_all(graph, states))
        return dict(self._left)

    def _read_all(self, graph: RunGraph, states: xcom.States) -> Iterator[tuple[str, StoredNode]]:
        places = self.reader.places(self.key_path)
        for lane in self.spec.lanes.values():
            length = 1 + max((index for task_id, index in states if task_id == lane.task_id), default=-1)
            for left in self._read_lane(lane.task_id, length):
                place = places.get(left.name)
                if place is None or left.key_path != self.key_path:
                    continue
                at = (lane.task_id, left.map_index)
                # A node that waits in the triggerer keeps its old XComs when it runs again, even if it then
                # fails.
                is_there = self.reader.lane(place) == lane and place.index == left.map_index
                if is_there and states.get(at) == SUCCESS:
                    yield left.name, left

    def _read_lane(self, task_id: str, length: int) -> Iterator[StoredNode]:
        # The number of calls depends on the map indexes: pages are shorter where nodes left nothing.
        for start in range(0, length, AT_ONCE):
            rows = xcom.pull_slice(self.context, task_id, stored.NODE_XCOM, start, start + AT_ONCE)
            yield from (StoredNode.unpack(row) for row in rows if row is not None)

    def _check_current(self, graph: RunGraph, states: xcom.States) -> None:
        problems, marked = self._outdated(graph, states)
        for name, problem in problems.items():
            others = [other for other in problems if other != name]
            raise stale(self.reader, name, problem, self.key_path, *others)
        if marked:
            log.warning("Nodes that were marked as success and left no value: %s", _named(marked))

    def _outdated(self, graph: RunGraph, states: xcom.States) -> tuple[dict[str, str], list[str]]:
        """Return node -> why its result is not current, and the nodes that were marked as success."""
        places, left = self.reader.places(self.key_path), self._read_nodes(graph, states)
        stamps = {name: each.stamp for name, each in left.items()}
        for call in graph.calls.values():
            stamps |= stamp_of_call(call)
        problems: dict[str, str] = {}
        marked = []
        for name, node in graph.nodes.items():
            at = (self.reader.lane(places[name]).task_id, places[name].index)
            if states.get(at) != SUCCESS:
                continue
            if name not in left and holds_nothing(self.reader, *at):
                # Reading its value, if anything needs it, raises the error.
                marked.append(name)
                continue
            if name in left and left[name].fingerprint != node.fingerprint and not graph.planned_by[name]:
                raise self._replanned(f"{name!r} was run as it was planned before")
            if (problem := _problem(node, left.get(name), stamps)) is not None:
                problems[name] = problem
        return problems, marked

    def _skip_without_values(self, graph: RunGraph, plan: Plan) -> None:
        for reference in templates.references(plan.output):
            if graph.outcome(reference.name) is Outcome.SKIPPED:
                raise skip(f"The workflow has no output: its node {reference.name!r} was skipped.")


def _problem(node: PlannedNode, left: StoredNode | None, stamps: Mapping[str, str]) -> str | None:
    """Return why the stored result of a node is not current, ``None`` if it is."""
    if left is None:
        return "it has left no value"
    if left.fingerprint != node.fingerprint:
        return "it was run as it was planned before"
    changed = [used for used, stamp in left.used.items() if stamps.get(used, NO_VALUE) != stamp]
    if not changed:
        return None
    return f"it was computed from an earlier value of {changed[0].removesuffix(SEPARATOR)!r}"


def _named(names: Sequence[str]) -> str:
    return name_keys([(name,) for name in names])
