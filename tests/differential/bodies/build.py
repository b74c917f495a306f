"""Builds a Dag from a body with the package's public names only."""

from __future__ import annotations

import functools
from typing import Any

from airflow.sdk import DAG, task

from airflow_dynamic_provider import dynamic_workflow, map_task
from airflow_dynamic_provider.version_compat import AirflowSkipException
from tests.differential.bodies.programs import Body, Call, Case, Each, Work, is_later, resolve, value_of

#: The current case. Only one runs at a time.
_CASES: list[Case] = []

#: The task group of the workflow.
WORKFLOW = "body"


def use_case(case: Case) -> None:
    """Make the workflow and its tasks follow a case from now on."""
    _CASES[:] = [case]


@task
def work(name: str, args: Any, item: Any = None) -> Any:
    _end(name)
    return value_of(name, args if item is None else [*args, item])


@dynamic_workflow
def interpret(at: str, given: list[Any], is_late: bool = False) -> Any:
    """Run the body at a path. One workflow runs all bodies, so that it calls itself."""
    if is_late:
        _end(at)
    body = _body_at(at)
    made: dict[str, Any] = {}
    for statement in body.statements:
        made[statement.name] = _call(statement, f"{at}/" if at else "", given, made)
    for index, statement in enumerate(body.statements):
        for before in statement.after:
            _order(made[before], made[statement.name], form=index % 4)
    return resolve(body.returns, given, made)


def _call(statement: Work | Call | Each, at: str, given: list[Any], made: dict[str, Any]) -> Any:
    name = f"{at}{statement.name}"
    args = [resolve(each, given, made) for each in statement.args]
    if isinstance(statement, Work):
        return work.override(task_id=statement.name)(name, args)
    if isinstance(statement, Call):
        return interpret.override(task_id=statement.name)(name, args, is_later(statement))
    over = statement.over
    items = [f"{name}.{index}" for index in range(over)] if isinstance(over, int) else made[over]["items"]
    count = len(items) if isinstance(over, int) else 2
    mapped = map_task(
        functools.partial(work.override(task_id=statement.name), args=args),
        concurrency=statement.concurrency,
        min_success_ratio=float(statement.ratio),
    )
    return mapped(name=[f"{name}/{index}" for index in range(count)], item=items)


def _order(before: Any, after: Any, *, form: int) -> None:
    if form == 0:
        before >> after
    elif form == 1:
        after << before
    elif form == 2:
        [before] >> after
    else:
        before >> [after]


def _body_at(at: str) -> Body:
    body = _CASES[0].body
    for name in at.split("/") if at else ():
        (call,) = [each for each in body.statements if each.name == name]
        assert isinstance(call, Call)
        body = call.body
    return body


def _end(name: str) -> None:
    behaviour = _CASES[0].table.get(name)
    if behaviour == "fail":
        raise RuntimeError("as the table says")
    if behaviour == "skip":
        raise AirflowSkipException("as the table says")


def build(case: Case) -> DAG:
    """Return a Dag with the workflow of a case."""
    with DAG("bodies", schedule=None) as dag:
        interpret.override(task_id=WORKFLOW, failure_policy=case.policy)("", [])
    return dag
