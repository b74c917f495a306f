"""Generates random bodies, each from its seed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from fractions import Fraction

from tests.differential.bodies.oracle import RingError, expect
from tests.differential.bodies.programs import (
    ITEMS,
    Body,
    Call,
    Case,
    Each,
    Given,
    Of,
    Several,
    Statement,
    Table,
    Value,
    Work,
    is_later,
)
from tests.differential.generate import any_ratio

MAX_DEPTH = 2


def generate(seed: int, *, size: int = 10) -> Case:
    """Return the case of a seed, with at most ``size`` nodes."""
    rng = random.Random(seed)
    while True:
        policy = rng.choice(("run_all", "run_all", "fail_fast"))
        case = Case(_Writer(rng).body(0, ()), {}, policy, is_scheduled=rng.random() < 0.5)
        try:
            if not 3 <= len(expect(case).states) <= size:
                continue
        except RingError:
            continue
        return replace(case, table=_table(rng, case))


def _table(rng: random.Random, case: Case) -> Table:
    table: Table = {}
    for _ in range(rng.choice((0, 0, 1, 1, 2, 3))):
        states = expect(replace(case, table=table)).states
        ran = [name for name, state in states.items() if state == "success"]
        if ran:
            table[rng.choice(ran)] = rng.choice(("fail", "fail", "skip"))
    return {name: what for name, what in table.items() if not is_planned_map(case.body, name)}


def is_planned_map(body: Body, name: str) -> bool:
    """Return whether a node only plans a `map_task` and does nothing else."""
    first, _, rest = name.partition("/")
    for statement in body.statements:
        if statement.name == first:
            if isinstance(statement, Call) and rest:
                return is_planned_map(statement.body, rest)
            return isinstance(statement, Each) and is_later(statement) and not rest
    return False


@dataclass
class _Writer:
    rng: random.Random
    count: int = 0
    # Names that the body may refer to: tasks whose value has parts, and others.
    tasks: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    def body(self, depth: int, given: tuple[Value, ...]) -> Body:
        outer = self.tasks, self.others
        self.tasks, self.others = [], []
        most = (5, 3, 2)[depth]
        statements: list[Statement] = []
        for _ in range(self.rng.randint(0 if depth else 2, most)):
            statements.append(self._statement(depth, given))
        statements = self._with_orders(statements)
        returns = self._several(given, self.rng.randint(1, 3))
        self.tasks, self.others = outer
        return Body(tuple(statements), returns)

    def _statement(self, depth: int, given: tuple[Value, ...]) -> Statement:
        kinds = ["work"] * 5 + ["each"] * 2 + (["call"] * 3 if depth < MAX_DEPTH else [])
        kind = self.rng.choice(kinds)
        args = tuple(self._value(given) for _ in range(self.rng.choice((0, 1, 1, 2))))
        if kind == "work":
            statement: Statement = Work(self._name("w"), args)
            self.tasks.append(statement.name)
            return statement
        if kind == "call":
            inner = self.body(depth + 1, args)
            statement = Call(self._name("c"), inner, args)
        else:
            over = self.rng.choice(self.tasks) if self.tasks and self.rng.random() < 0.5 else None
            statement = Each(
                self._name("m"),
                self.rng.choice((0, 1, 2, 3)) if over is None else over,
                args[:1],
                concurrency=self.rng.choice((None, None, 1, 2)),
                ratio=any_ratio(self.rng) if self.rng.random() < 0.6 else Fraction(1),
            )
        self.others.append(statement.name)
        return statement

    def _with_orders(self, statements: list[Statement]) -> list[Statement]:
        """Order some calls, also against the order in which they are made. The caller leaves out rings."""
        for _ in range(self.rng.choice((0, 0, 1, 2)) if len(statements) > 1 else 0):
            before, after = self.rng.sample(range(len(statements)), 2)
            if self.rng.random() < 0.6:
                before, after = sorted((before, after))
            names = dict.fromkeys((*statements[after].after, statements[before].name))
            statements[after] = replace(statements[after], after=tuple(names))
        return statements

    def _name(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count}"

    def _value(self, given: tuple[Value, ...]) -> Value:
        choice = self.rng.random()
        if choice < 0.1:
            return self._several(given, self.rng.randint(0, 2))
        if choice < 0.3 and given:
            return Given(self.rng.randrange(len(given)))
        if choice < 0.75 and self.tasks:
            part = self.rng.choice((None, None, "text", *range(ITEMS)))
            return Of(self.rng.choice(self.tasks), part)
        if choice < 0.9 and self.others:
            return Of(self.rng.choice(self.others))
        return self.rng.choice(("x", "{{ 1 }}", "$ref"))

    def _several(self, given: tuple[Value, ...], count: int) -> Several:
        values = tuple(self._value(given) for _ in range(count))
        return Several(values, self.rng.choice(("list", "dict", "tuple")))
