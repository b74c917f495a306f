"""What a body returns against what its annotation says: a tuple's parts are used one by one."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from airflow.sdk import DAG, task

from airflow_dynamic_provider import dynamic_workflow
from airflow_dynamic_provider.errors import WorkflowCallError
from tests.dag.workflow_tasks import t1
from tests.workflow_runs import run_workflows


class Summary(NamedTuple):
    total: int
    name: str


class Other(NamedTuple):
    name: str
    total: int


@task
def as_dict():
    return {"total": 1, "name": "a"}


@dynamic_workflow
def dict_for_named_tuple() -> Summary:
    return {"total": 1, "name": t1(1)}


@dynamic_workflow
def text_for_tuple() -> tuple[str, str]:
    return "ab"


@dynamic_workflow
def too_long() -> tuple[str, str]:
    return t1(1), t1(2), t1(3)


@dynamic_workflow
def other_fields() -> Summary:
    return Other(t1(1), 2)


@dynamic_workflow
def promised() -> Summary:
    return as_dict()


@dynamic_workflow
def plain_tuple() -> Summary:
    return 1, t1(2)


@dynamic_workflow
def uses_inner():
    first, second = text_for_tuple()
    return [first, second]


@pytest.mark.parametrize(
    ("workflow", "said"),
    [
        (
            dict_for_named_tuple,
            "'dict_for_named_tuple' is annotated with -> Summary, but returns .* of type dict",
        ),
        (text_for_tuple, r"is annotated with -> tuple\[str, str\], but returns 'ab' of type str"),
        (too_long, r"is annotated with -> tuple\[str, str\], but returns .* of type tuple"),
        (other_fields, "is annotated with -> Summary, but returns .* of type Other"),
        (promised, "is annotated with -> Summary, but returns .* of type dict"),
        (uses_inner, "'text_for_tuple' is annotated"),
    ],
    ids=lambda each: getattr(each, "name", None),
)
def test_what_is_no_such_tuple_is_refused(workflow, said):
    with pytest.raises(WorkflowCallError, match=said):
        workflow.local()


def test_a_plain_tuple_does_for_a_named_one():
    assert plain_tuple.local() == (1, "fast-2")


def test_a_value_that_is_known_only_at_the_end_is_refused_there(airflow_database, execution_api):
    with DAG("annotations", schedule=None) as dag:
        promised()
    run = run_workflows(dag)
    assert run.states("promised.as_dict") == {"as_dict": "success"}
    assert "'promised' is annotated with -> Summary, but returns" in run.error("promised.result")
