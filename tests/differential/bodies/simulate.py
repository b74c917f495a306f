"""Runs a body without Airflow, using the plans and decisions that the package makes in a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.version_compat import AirflowSkipException
from airflow_dynamic_provider.workflows.declared.kinds import MapTarget, WorkflowTarget
from airflow_dynamic_provider.workflows.plan import templates
from airflow_dynamic_provider.workflows.plan.plan import split_arguments
from airflow_dynamic_provider.workflows.planning.planning import plan_later
from airflow_dynamic_provider.workflows.progress.run_graph import Outcome, RunGraph, Verdict
from tests.differential.bodies.build import interpret, use_case
from tests.differential.bodies.oracle import Expected

if TYPE_CHECKING:
    import random

    from airflow_dynamic_provider.workflows.plan.plan import Plan, PlannedNode
    from airflow_dynamic_provider.workflows.plan.references import Reference
    from tests.differential.bodies.programs import Case


def simulate(case: Case, rng: random.Random) -> Expected:
    """Return the result of a case whose nodes start one at a time in a random order."""
    use_case(case)
    return _Simulation(case, rng).run()


@dataclass
class _Simulation:
    case: Case
    rng: random.Random
    plans: dict[str, Plan] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)

    def run(self) -> Expected:
        self.kinds = interpret.find_kinds()
        later = (MapTarget, WorkflowTarget)
        self.planners = frozenset(kind.name for kind in self.kinds if isinstance(kind.target, later))
        self.plans[""] = interpret.plan({"at": "", "given": []})
        while self._take_one():
            pass
        graph = self._graph()
        assert not graph.unfinished(), f"nothing can run, and there are {graph.unfinished()}"
        output = self.plans[""].output
        outcomes = {graph.outcome(reference.name) for reference in templates.references(output)}
        state = "failed" if graph.failures else "skipped" if Outcome.SKIPPED in outcomes else "success"
        value = templates.resolve(output, self._lookup) if state == "success" else None
        return Expected(self.states, self.values, state, value)

    def _graph(self) -> RunGraph:
        return RunGraph(self.plans, self.planners, self.states, self.case.policy)

    def _take_one(self) -> bool:
        graph = self._graph()
        waiting = [name for name in graph.nodes if name not in self.states]
        self.rng.shuffle(waiting)
        for name in waiting:
            verdict = graph.decide(name).verdict
            if verdict is not Verdict.WAIT:
                self.states[name] = self._run(graph.nodes[name]) if verdict is Verdict.READY else "skipped"
                return True
        return False

    def _run(self, node: PlannedNode) -> str:
        arguments = {name: templates.resolve(each, self._lookup) for name, each in node.arguments.items()}
        target = self.kinds[node.kind].target
        try:
            if node.kind in self.planners:
                self.plans[node.name] = plan_later(target, arguments, node.name, self.kinds)
            else:
                args, kwargs = split_arguments(arguments)
                self.values[node.name] = target.decorator.function(*args, **kwargs)
        except AirflowSkipException:
            return "skipped"
        except RuntimeError:
            return "failed"
        return "success"

    def _lookup(self, reference: Reference) -> Any:
        name = reference.name
        if name in self.values:
            return reference.select(self.values[name])
        calls = {call.name: call for plan in self.plans.values() for call in plan.calls}
        if name in calls and calls[name].min_success_ratio is not None:
            whole = [self.values.get(each) for each in self._nodes_of(name)]
        elif name in calls:
            whole = templates.resolve(calls[name].output, self._lookup)
        else:
            whole = templates.resolve(self.plans[name].output, self._lookup)
        return reference.select(whole)

    def _nodes_of(self, call: str) -> list[str]:
        return [
            node.name
            for plan in self.plans.values()
            for node in plan.nodes
            if node.name.rpartition("/")[0] == call
        ]
