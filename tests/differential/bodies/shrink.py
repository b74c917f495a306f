"""Cuts a failing body down, one part at a time."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from tests.differential.bodies.generate import is_planned_map
from tests.differential.bodies.oracle import RingError, expect
from tests.differential.bodies.programs import Body, Call, Case, Each, Of, Several, Statement, Value

if TYPE_CHECKING:
    from collections.abc import Iterator


def smaller(case: Case) -> Iterator[Case]:
    """Return smaller cases, each with one part left out, the largest parts first."""
    for candidate in _cut(case):
        try:
            states = expect(candidate).states
        except RingError:
            continue
        table = {
            name: what
            for name, what in candidate.table.items()
            if name in states and not is_planned_map(candidate.body, name)
        }
        tidied = replace(candidate, table=table)
        if tidied != case:
            yield tidied


def _cut(case: Case) -> Iterator[Case]:
    for body in _smaller_bodies(case.body):
        yield replace(case, body=body)
    for name in case.table:
        yield replace(case, table={other: what for other, what in case.table.items() if other != name})
    if case.policy != "run_all":
        yield replace(case, policy="run_all")
    if case.is_scheduled:
        yield replace(case, is_scheduled=False)


def _smaller_bodies(body: Body) -> Iterator[Body]:
    for index, statement in enumerate(body.statements):
        rest = body.statements[:index] + body.statements[index + 1 :]
        yield Body(
            tuple(_without(each, statement.name) for each in rest), _constant(body.returns, statement.name)
        )
    for index, statement in enumerate(body.statements):
        for simpler in _simpler(statement):
            yield replace(body, statements=(*body.statements[:index], simpler, *body.statements[index + 1 :]))
    for value in _simpler_values(body.returns):
        yield replace(body, returns=value)


def _simpler(statement: Statement) -> Iterator[Statement]:
    if isinstance(statement, Call):
        for body in _smaller_bodies(statement.body):
            yield replace(statement, body=body)
    if isinstance(statement, Each):
        if statement.over != 1:
            yield replace(statement, over=1)
        if statement.concurrency is not None:
            yield replace(statement, concurrency=None)
        if statement.ratio != 1:
            yield replace(statement, ratio=Fraction(1))
    for index in range(len(statement.after)):
        yield replace(statement, after=statement.after[:index] + statement.after[index + 1 :])
    if statement.args and not isinstance(statement, Call):
        # The body of a call counts its arguments.
        yield replace(statement, args=statement.args[:-1])
    for index, value in enumerate(statement.args):
        for simpler in _simpler_values(value):
            yield replace(statement, args=(*statement.args[:index], simpler, *statement.args[index + 1 :]))


def _simpler_values(value: Value) -> Iterator[Value]:
    if value != "x":
        yield "x"
    if isinstance(value, Several):
        yield from value.values
    if isinstance(value, Of) and value.part is not None:
        yield Of(value.name)


def _without(statement: Statement, name: str) -> Statement:
    """Remove references to a statement that is gone."""
    after = tuple(each for each in statement.after if each != name)
    args = tuple(_constant(each, name) for each in statement.args)
    if isinstance(statement, Each) and statement.over == name:
        return replace(statement, after=after, args=args, over=1)
    return replace(statement, after=after, args=args)


def _constant(value: Value, name: str) -> Value:
    if isinstance(value, Of) and value.name == name:
        return "x"
    if isinstance(value, Several):
        return replace(value, values=tuple(_constant(each, name) for each in value.values))
    return value
