"""Cuts a failing case down to a small one that fails in the same way."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.differential.check import differences
from tests.differential.kills import possible_kills
from tests.differential.oracle import AmbiguousError, Expected, can_follow, expect
from tests.differential.programs import (
    All,
    Argument,
    Batches,
    Call,
    Case,
    Clear,
    Map,
    Names,
    Outcomes,
    Path,
    Produce,
    Product,
    Program,
    Space,
    Statement,
    States,
    Table,
    Zip,
    handle_of,
    sides,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.differential.findings import Difference


def shrink(
    case: Any,
    found: list[Difference],
    *,
    seconds: float,
    run: Callable[[Any], list[Difference]] = differences,
    cut: Callable[[Any], Iterator[Any]] | None = None,
) -> tuple[Any, list[Difference]]:
    """Return the smallest case with the same kind of difference that is found within some seconds.

    Args:
        case: The failing case.
        found: Its differences from the oracle.
        seconds: The time limit in seconds.
        run: Runs a case and returns its differences.
        cut: Returns smaller cases, each with one part left out; `smaller` for programs.
    """
    cut = cut or smaller
    deadline = time.monotonic() + seconds
    kinds = {each.kind for each in found}
    tried = {repr(case)}
    candidates = cut(case)
    while time.monotonic() < deadline and (candidate := next(candidates, None)) is not None:
        if repr(candidate) in tried:
            continue
        tried.add(repr(candidate))
        again = run(candidate)
        if kinds & {each.kind for each in again}:
            case, found = candidate, again
            candidates = cut(case)
    return case, found


def smaller(case: Case) -> Iterator[Case]:
    """Return smaller cases, each with one part left out, the largest parts first."""
    for candidate in _cut(case):
        tidied = _tidy(candidate)
        if tidied is not None and tidied != case:
            yield tidied


def _cut(case: Case) -> Iterator[Case]:
    for kill in case.kills:
        yield replace(case, kills=case.kills - {kill})
    for index in range(len(case.steps)):
        yield _without_step(case, index)
    for program in _smaller_programs(case.program):
        yield replace(case, program=program)
    for index, step in enumerate(case.steps):
        for own in step.changes or {}:
            changes = {key: value for key, value in step.changes.items() if key != own}
            yield replace(case, steps=_with(case.steps, index, replace(step, changes=changes or None)))
    for own, behaviour in case.table.items():
        if isinstance(behaviour, tuple):
            for key in behaviour:
                yield replace(case, table={**case.table, own: tuple(k for k in behaviour if k != key)})
        else:
            yield replace(case, table={key: value for key, value in case.table.items() if key != own})


def _without_step(case: Case, index: int) -> Case:
    """Leave out a step. If it was the first, its changes hold from the start."""
    kept = case.steps[:index] + case.steps[index + 1 :]
    if index:
        return replace(case, steps=kept)
    return replace(case, table={**case.table, **(case.steps[0].changes or {})}, steps=kept)


def _with(parts: tuple, index: int, part: object) -> tuple:
    return (*parts[:index], part, *parts[index + 1 :])


# Programs


def _smaller_programs(program: Program) -> Iterator[Program]:
    for index, statement in enumerate(program):
        yield program[:index] + program[index + 1 :]
        if isinstance(statement, Map):
            for body in _smaller_programs(statement.body):
                yield _with(program, index, replace(statement, body=body))
        for simpler in _simpler(statement):
            yield _with(program, index, simpler)


def _simpler(statement: Statement) -> Iterator[Statement]:
    if isinstance(statement, Zip) and statement.how != "inner":
        yield replace(statement, how="inner")
    if isinstance(statement, Map) and statement.batches is not None:
        yield replace(statement, batches=None)
        yield replace(statement, batches=Batches(statement.batches.size))
    if isinstance(statement, (Call, Produce)):
        for index, argument in enumerate(statement.args):
            yield replace(statement, args=statement.args[:index] + statement.args[index + 1 :])
            if isinstance(argument, Outcomes):
                yield replace(statement, args=_with(statement.args, index, States(argument.of)))
            if isinstance(argument, States):
                yield replace(statement, args=_with(statement.args, index, All(argument.of)))
            if isinstance(argument, All):
                for plain in ({"ratio": None}, {"keyed": False}, {"lazy": False}):
                    plainer = replace(argument, **plain)
                    yield replace(statement, args=_with(statement.args, index, plainer))


def _tidy(case: Case) -> Case | None:
    """Leave out references to names that are gone; ``None`` if the rest makes no sense."""
    program, _ = _without_dangling(case.program, (), {})
    names = Names(program)
    steps = tuple(_without_unrelated(step, names) for step in case.steps if step.task in names.tasks())
    case = replace(case, program=program, steps=steps)
    try:
        expected = [expect(program, table) for table in case.tables()] if program else []
    except AmbiguousError:
        return None
    if not expected or not _is_possible(case, expected):
        return None
    known = {(name, path) for each in expected for name, paths in each.outcomes.items() for path in paths}
    return replace(
        case,
        table=_only(known, case.table),
        steps=tuple(_tidy_step(step, known) for step in steps),
        kills=case.kills & possible_kills(case, names, expected[0]),
    )


def _without_unrelated(step: Clear, names: Names) -> Clear:
    """Leave out changes for tasks that the step does not run again."""
    related = {name for name in names.tasks() if step.task in {name, *names.above(name)}}
    changes = {own: behaviour for own, behaviour in (step.changes or {}).items() if own[0] in related}
    return replace(step, changes=changes or None)


def _tidy_step(step: Clear, known: set[tuple[str, Path]]) -> Clear:
    return replace(step, changes=_only(known, step.changes or {}) or None)


def _only(known: set[tuple[str, Path]], table: Table) -> Table:
    """Return the entries of a table for existing task instances and the keys that they produce."""
    tasks = {name for name, _ in known}
    return {
        (name, path): behaviour
        for (name, path), behaviour in table.items()
        if (name in tasks if path is None else {(name, path), (name, path[:-1])} & known)
    }


def _is_possible(case: Case, expected: list[Expected]) -> bool:
    """Return whether the case clears only task instances that have run, and Airflow can do so."""
    return all(
        _can_clear(step, expected[index]) and can_follow(expected[: index + 1], expected[index + 1])
        for index, step in enumerate(case.steps)
    )


def _can_clear(step: Clear, before: Expected) -> bool:
    outcome = before.outcomes[step.task].get(step.path or ())
    return outcome is not None and outcome.has_run


def _without_dangling(
    program: Program, scope: Space, known: dict[str, Space]
) -> tuple[Program, dict[str, Space]]:
    """Leave out references to unknown names, and return the names that are known at the end."""
    kept: list[Statement] = []
    known = dict(known)
    for statement in program:
        if isinstance(statement, Map):
            if statement.over in known:
                body, inner = _without_dangling(statement.body, known[statement.over], known)
                if body:
                    kept.append(replace(statement, body=body))
                    known = inner
        elif isinstance(statement, (Zip, Product)):
            if all(side in known for side in sides(statement)):
                kept.append(statement)
                known[statement.name] = (*scope, statement.name)
        else:
            kept.append(replace(statement, args=tuple(a for a in statement.args if _is_known(a, known))))
            known[statement.name] = scope if isinstance(statement, Call) else (*scope, statement.name)
    return tuple(kept), known


def _is_known(argument: Argument, known: dict[str, Space]) -> bool:
    return handle_of(argument) in known
