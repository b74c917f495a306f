"""Computes the outcomes of a workflow's nodes and which nodes may run: pure, from plans and states."""

from __future__ import annotations

from bisect import bisect_left
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING

from airflow_dynamic_provider.definitions.records import Record
from airflow_dynamic_provider.definitions.states import FAILED, REMOVED, SKIPPED, SUCCESS, UPSTREAM_FAILED
from airflow_dynamic_provider.workflows.plan import templates
from airflow_dynamic_provider.workflows.plan.plan import SEPARATOR, calls_around

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from airflow_dynamic_provider.workflows.declared.definition import FailurePolicy
    from airflow_dynamic_provider.workflows.plan.plan import Plan, PlannedCall, PlannedNode


class Outcome(Enum):
    """The outcome of a node, or of a call with all its nodes."""

    WAITING = "waiting"
    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"


class Verdict(Enum):
    """Whether a node may run."""

    READY = "ready"
    WAIT = "wait"
    BLOCKED = "blocked"


class Decision(Record):
    """Whether a node may run, and the reason if it may not."""

    verdict: Verdict
    reason: str = ""


_OUTCOMES = {
    SUCCESS: Outcome.SUCCESS,
    FAILED: Outcome.FAILED,
    UPSTREAM_FAILED: Outcome.FAILED,
    REMOVED: Outcome.FAILED,
    SKIPPED: Outcome.SKIPPED,
}
_READY = Decision(Verdict.READY)
_WAIT = Decision(Verdict.WAIT)


class RunGraph:
    """The nodes of one graph, as far as they are planned.

    Attributes:
        nodes: Name -> planned node.
        calls: Name -> planned call.
        planned_by: Node -> the node that planned it; empty for the planning task.

    Args:
        plans: Planning node -> its plan; the empty name for the planning task.
        planners: The kinds whose nodes plan further nodes.
        states: Node -> the state of its task instance, ``None`` if there is none yet.
        failure_policy: What a failed node means for the others.
        has_ended_planning: Whether the planning task has ended, with or without a plan.
    """

    def __init__(
        self,
        plans: Mapping[str, Plan],
        planners: frozenset[str],
        states: Mapping[str, str | None],
        failure_policy: FailurePolicy,
        *,
        has_ended_planning: bool = False,
    ) -> None:
        self.plans = plans
        self.nodes: dict[str, PlannedNode] = {
            node.name: node for plan in plans.values() for node in plan.nodes
        }
        self.planned_by = {node.name: planner for planner, plan in plans.items() for node in plan.nodes}
        self.calls: dict[str, PlannedCall] = {
            call.name: call for plan in plans.values() for call in plan.calls
        }
        self._planners = planners
        self._states = states
        self._failure_policy = failure_policy
        self._has_ended_planning = has_ended_planning
        self._tolerant = {name for name, call in self.calls.items() if call.min_success_ratio is not None}
        self._members = _members(plans)
        self._known: dict[str, Outcome] = {}
        self._planning = sorted(filter(None, plans), key=_depth, reverse=True)
        self._unfinished: dict[str, list[int]] = {}

    def decide(self, name: str) -> Decision:
        """Decide whether a node may run."""
        node = self.nodes.get(name)
        if node is None:
            if self.may_grow:
                return _WAIT
            return Decision(Verdict.BLOCKED, "it is no longer in the plan")
        if self._failure_policy == "fail_fast" and (failed := next(iter(self.failures), None)) is not None:
            return Decision(Verdict.BLOCKED, f"{failed!r} failed, and the workflow fails fast")
        waits = False
        for upstream in node.upstream:
            outcome = self.outcome(upstream)
            if outcome in (Outcome.FAILED, Outcome.SKIPPED):
                became = "has failed" if outcome is Outcome.FAILED else "was skipped"
                return Decision(Verdict.BLOCKED, f"{upstream!r}, which it depends on, {became}")
            waits = waits or outcome is Outcome.WAITING
        return _WAIT if waits or not self._is_within_limit(node) else _READY

    def outcome(self, name: str) -> Outcome:
        """Return the outcome of a node, or of a call with all its nodes."""
        # The deepest planning nodes come first, so that each finds known outcomes and the recursion stays
        # flat.
        planners, self._planning = self._planning, []
        for planner in planners:
            self._known[planner] = self._find_outcome(planner)
        if name not in self._known:
            self._known[name] = self._find_outcome(name)
        return self._known[name]

    @cached_property
    def failures(self) -> list[str]:
        """The nodes and calls that failed, except those that a call tolerates."""
        return [unit for unit in self._units(self.nodes, "") if self.outcome(unit) is Outcome.FAILED]

    @cached_property
    def skips(self) -> list[str]:
        """The nodes and calls that were skipped, except those that a call tolerates."""
        return [unit for unit in self._units(self.nodes, "") if self.outcome(unit) is Outcome.SKIPPED]

    @cached_property
    def culprits(self) -> list[str]:
        """The failures, without planning nodes that succeeded themselves but planned a node that failed."""
        return [
            unit
            for unit in self.failures
            if unit in self._tolerant or self._own_outcome(unit) is Outcome.FAILED
        ]

    @cached_property
    def may_grow(self) -> bool:
        """Whether nodes may be added, because some plan is not known yet."""
        return ("" not in self.plans and not self._has_ended_planning) or any(
            node.kind in self._planners
            and name not in self.plans
            and self._own_outcome(name) is Outcome.WAITING
            for name, node in self.nodes.items()
        )

    def unfinished(self) -> list[str]:
        """Return the nodes that have not ended, and those whose planned nodes have not ended."""
        return [name for name in self.nodes if self.outcome(name) is Outcome.WAITING]

    def depth(self, name: str) -> int:
        """Return the length of the longest chain of nodes that have to end before a node may run."""
        depths: dict[str, int] = {}
        for node in self.nodes.values():
            waiting = [up for up in self._needed(node) if self.outcome(up) is Outcome.WAITING]
            depths[node.name] = max((1 + depths.get(up, 0) for up in waiting), default=0)
            if node.name == name:
                break
        return depths.get(name, 0)

    def edges(self) -> list[tuple[str, str]]:
        """Return pairs (node, node that waits for it); the nodes that a call returns stand for the call."""
        return [(upstream, name) for name in self.nodes for upstream in self._nodes_before(name)]

    def _nodes_before(self, name: str) -> list[str]:
        planner = self.planned_by[name]
        before = self._nodes_behind(self.nodes[name].upstream)
        if planner and not any(each.startswith(f"{planner}{SEPARATOR}") for each in before):
            # The node is one of the first in the plan of another node.
            return [planner, *before]
        return before

    def _nodes_behind(self, names: Iterable[str]) -> list[str]:
        found: dict[str, None] = {}
        todo, seen = list(names), set()
        while todo:
            name = todo.pop(0)
            if name in seen:
                continue
            seen.add(name)
            # A node waits for all nodes of a call that returns no node's value.
            parts = list(self._returned(name)) or self._members.get(name, [])
            if name in self.nodes and not (name in self.plans and parts):
                found[name] = None
            todo += parts
        return list(found)

    def _needed(self, node: PlannedNode) -> Iterator[str]:
        for upstream in node.upstream:
            if upstream in self.nodes:
                yield upstream
            yield from self._members.get(upstream, ())

    def _find_outcome(self, name: str) -> Outcome:
        node = self.nodes.get(name)
        if node is not None:
            own = self._own_outcome(name)
            if own is not Outcome.SUCCESS or node.kind not in self._planners:
                return own
            if name not in self.plans:
                # A node stores its plan before it succeeds, so this node was marked as success.
                return Outcome.SUCCESS
        elif name not in self.calls:
            return Outcome.WAITING
        members = self._members.get(name, [])
        if name in self._tolerant:
            return self._tolerant_outcome(self.calls[name], members)
        return _combine(self.outcome(unit) for unit in self._units([*members, *self._returned(name)], name))

    def _returned(self, name: str) -> Iterator[str]:
        """Yield the names in the output of a call, or of a plan made later."""
        call, plan = self.calls.get(name), self.plans.get(name)
        outputs = [part.output for part in (call, plan) if part is not None]
        # The plan of a `map_task` returns its own call, which has the same name.
        yield from (each.name for each in templates.references(outputs) if each.name != name)

    def _own_outcome(self, name: str) -> Outcome:
        return _OUTCOMES.get(self._states.get(name) or "", Outcome.WAITING)

    def _tolerant_outcome(self, call: PlannedCall, members: list[str]) -> Outcome:
        outcomes = {member: self.outcome(member) for member in members}
        if Outcome.WAITING in outcomes.values():
            return Outcome.WAITING
        blocked = sum(out is Outcome.SKIPPED and self._is_blocked(name) for name, out in outcomes.items())
        failed = sum(outcome is Outcome.FAILED for outcome in outcomes.values())
        succeeded = sum(outcome is Outcome.SUCCESS for outcome in outcomes.values())
        assert call.min_success_ratio is not None
        # Imported here, because few calls tolerate failures.
        from airflow_dynamic_provider.execution.ratios import allowed_failures

        allowed = allowed_failures(call.min_success_ratio, failed + blocked + succeeded)
        if failed > allowed:
            return Outcome.FAILED
        # A call tolerates failures of its nodes, but not missing upstream values.
        is_blocked = failed + blocked > allowed or (blocked > 0 and blocked == len(members))
        return Outcome.SKIPPED if is_blocked else Outcome.SUCCESS

    def _is_blocked(self, name: str) -> bool:
        """Whether a node did not run because of a node that it depends on."""
        return any(self.outcome(upstream) is not Outcome.SUCCESS for upstream in self.nodes[name].upstream)

    def _units(self, names: Iterable[str], within: str) -> list[str]:
        """Return the names, with each tolerant call instead of its nodes."""
        units: dict[str, None] = {}
        for name in names:
            # The node that planned such a call has the same name and stands for it anyway.
            around = (call for call in calls_around(name) if call in self._tolerant and call != within)
            units[next(around, name)] = None
        return list(units)

    def _is_within_limit(self, node: PlannedNode) -> bool:
        limit = node.limit
        if limit is None:
            return True
        if limit.call not in self._unfinished:
            self._unfinished[limit.call] = sorted(
                peer.limit.index
                for name in self._members.get(limit.call, ())
                if (peer := self.nodes[name]).limit is not None and self.outcome(name) is Outcome.WAITING
            )
        return bisect_left(self._unfinished[limit.call], limit.index) < limit.concurrency


def _combine(outcomes: Iterable[Outcome]) -> Outcome:
    found = set(outcomes)
    for outcome in (Outcome.FAILED, Outcome.WAITING, Outcome.SKIPPED):
        if outcome in found:
            return outcome
    return Outcome.SUCCESS


def _members(plans: Mapping[str, Plan]) -> dict[str, list[str]]:
    """Return call or planning node -> its nodes, from the plan that contains it."""
    members: dict[str, list[str]] = {}
    for planner, plan in plans.items():
        for node in plan.nodes:
            for prefix in calls_around(node.name):
                if f"{prefix}{SEPARATOR}".startswith(f"{planner}{SEPARATOR}" if planner else ""):
                    members.setdefault(prefix, []).append(node.name)
    return members


def _depth(name: str) -> int:
    return name.count(SEPARATOR)
