"""Computes the expected state of every node of a body, and its result, in plain Python."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.differential.bodies.programs import (
    ITEMS,
    Body,
    Call,
    Case,
    Each,
    Statement,
    Table,
    Value,
    Work,
    is_later,
    references,
    resolve,
    used,
    value_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ENDS = {"fail": "failed", "skip": "skipped"}


class RingError(Exception):
    """Statements wait for each other."""


@dataclass(frozen=True)
class Expected:
    """The expected result of a case.

    Attributes:
        states: Node -> state, if every node runs that can.
        values: Node -> its return value.
        state: The state of the result task.
        value: The return value of the workflow.
    """

    states: dict[str, str]
    values: dict[str, Any]
    state: str
    value: Any


def expect(case: Case) -> Expected:
    """Return the expected result of a case.

    Raises:
        RingError: Statements wait for each other.
    """
    run = _Run(case.table)
    scope = run.body(case.body, "", (), is_blocked=False)
    state = scope.outcome
    if state != "failed":
        state = combine(scope.outcomes[name] for name in references(case.body.returns))
    value = scope.value() if state == "success" else None
    return Expected(run.states, run.values, state, value)


def combine(outcomes: Iterable[str]) -> str:
    """Return the outcome of the whole workflow."""
    found = set(outcomes)
    return next((outcome for outcome in ("failed", "skipped") if outcome in found), "success")


def in_order(body: Body) -> list[Statement]:
    """Return the statements in topological order.

    Raises:
        RingError: Some wait for each other.
    """
    waiting = {statement.name: statement for statement in body.statements}
    ordered: list[Statement] = []
    while waiting:
        free = [each for each in waiting.values() if not {*used(each), *each.after} & waiting.keys()]
        if not free:
            raise RingError
        ordered.append(free[0])
        del waiting[free[0].name]
    return ordered


@dataclass
class _Scope:
    """The results of the statements of one body.

    Attributes:
        empty: Call without nodes -> the calls that it is ordered after.
    """

    source: Body
    given: tuple[Any, ...]
    outcomes: dict[str, str] = field(default_factory=dict)
    made: dict[str, Any] = field(default_factory=dict)
    empty: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def outcome(self) -> str:
        return combine(self.outcomes.values())

    def value(self) -> Any:
        return self.resolve(self.source.returns)

    def resolve(self, value: Value) -> Any:
        return resolve(value, self.given, self.made)

    def may_run(self, statement: Statement) -> bool:
        """Return whether everything that a statement waits for succeeded, looking through empty calls."""
        names = {name for each in (*used(statement), *statement.after) for name in self._behind(each)}
        return all(self.outcomes[name] == "success" for name in names)

    def _behind(self, name: str) -> Iterator[str]:
        if name not in self.empty:
            yield name
        for before in self.empty.get(name, ()):
            yield from self._behind(before)


@dataclass
class _Run:
    table: Table
    states: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)

    def body(self, source: Body, at: str, given: tuple[Any, ...], *, is_blocked: bool) -> _Scope:
        scope = _Scope(source, given)
        for statement in in_order(source):
            name = statement.name
            count = len(self.states)
            may_run = not is_blocked and scope.may_run(statement)
            outcome, value = self._statement(scope, statement, f"{at}{name}", may_run=may_run)
            scope.outcomes[name], scope.made[name] = outcome, value
            if len(self.states) == count:
                scope.empty[name] = statement.after
        return scope

    def _statement(self, scope: _Scope, statement: Statement, name: str, *, may_run: bool) -> tuple[str, Any]:
        if isinstance(statement, Work):
            args = [scope.resolve(each) for each in statement.args] if may_run else []
            return self._node(name, args, may_run=may_run), self.values.get(name)
        if is_later(statement):
            outcome = self._end(name, may_run=may_run)
            if outcome != "success":
                return outcome, None
        if isinstance(statement, Call):
            # Native arguments exist, even if the call may not run.
            given = tuple(scope.resolve(each) for each in statement.args)
            inner = self.body(statement.body, f"{name}/", given, is_blocked=not may_run)
            return inner.outcome, inner.value() if inner.outcome == "success" else None
        return self._each(scope, statement, name, may_run=may_run)

    def _each(self, scope: _Scope, each: Each, name: str, *, may_run: bool) -> tuple[str, Any]:
        items = [f"{name}.{index}" for index in range(each.over)] if isinstance(each.over, int) else []
        if isinstance(each.over, str):
            items = scope.made[each.over]["items"]
            assert len(items) == ITEMS
        bound = [scope.resolve(arg) for arg in each.args] if may_run else []
        nodes = [f"{name}/{index}" for index in range(len(items))]
        ends = [
            self._node(node, [*bound, item], may_run=may_run) for node, item in zip(nodes, items, strict=True)
        ]
        values = [self.values.get(node) for node in nodes]
        if each.ratio == 1:
            return combine(ends), values
        if not may_run and nodes:
            return "skipped", None
        counted = [end for end in ends if end != "skipped"]
        needed = math.ceil(each.ratio * len(counted))
        return "success" if counted.count("success") >= needed else "failed", values

    def _node(self, name: str, args: list[Any], *, may_run: bool) -> str:
        state = self._end(name, may_run=may_run)
        if state == "success":
            self.values[name] = value_of(name, args)
        return state

    def _end(self, name: str, *, may_run: bool) -> str:
        self.states[name] = _ENDS.get(self.table.get(name, ""), "success") if may_run else "skipped"
        return self.states[name]
