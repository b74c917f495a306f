"""What passes between nodes: containers, classes, parts of promises, operators' arguments, odd texts."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import pytest
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import BaseOperator, task

from airflow_dynamic_provider import (
    DynamicOut,
    DynamicOutput,
    Out,
    Output,
    dynamic_workflow,
    map_task,
    template,
)
from tests.dag.workflow_tasks import add, square, total
from tests.workflow_runs import Example, run_examples


class Shout(BaseOperator):
    template_fields = ("text", "others")

    def __init__(self, *, text, others=(), **kwargs):
        super().__init__(**kwargs)
        self.text = text
        self.others = others

    def execute(self, context):
        return [f"{self.text}!", list(self.others)]


class Halves(NamedTuple):
    left: list[int]
    right: list[int]


@dataclasses.dataclass
class Trial:
    rate: float
    score: object = None


class Report(NamedTuple):
    best: Trial
    others: list[Trial]


@task
def halves(numbers: list) -> Halves:
    middle = len(numbers) // 2
    return Halves(numbers[:middle], numbers[middle:])


@task
def score_of(report: Report) -> float:
    return report.best.score + sum(each.score for each in report.others)


@task
def describe(value):
    return {"type": type(value).__name__, "items": [value, {"deep": [value, value]}]}


@task
def mutate(items: list) -> int:
    items.append(1)
    return len(items)


@task
def listed(*numbers):
    return list(numbers)


@task
def positional(one, /, *more, other=None):
    return [one, list(more), other]


@task
def odd_text():
    return "{{ ds }}"


@task.dynamic(out=DynamicOut(int))
def numbers(count):
    for number in range(count):
        yield DynamicOutput(number, mapping_key=f"n{number}", metadata={"half": number / 2})


@task.dynamic(out={"all": DynamicOut(int), "how_many": Out(int)})
def counted(count):
    for number in range(count):
        yield DynamicOutput(number, mapping_key=str(number), output_name="all")
    yield Output(count, "how_many", metadata={"counted": True})


@dynamic_workflow
def named_parts(given: list):
    parts = halves(given)
    left, right = parts
    return [total(parts.left), total(right), total(left), parts.right]


@dynamic_workflow
def reports(rates: list):
    trials = [Trial(rate, square.override(task_id=f"rate-{rate}")(rate)) for rate in rates]
    report = Report(best=trials[0], others=trials[1:])
    return {"score": score_of(report), "best": [report.best.score, report.others[0].rate]}


@dynamic_workflow
def selections(value):
    told = describe(value)
    return {"type": told["type"], "deep": (told["items"][1]["deep"], [told["items"][-1]])}


@dynamic_workflow
def copies():
    shared = listed(3, 1)
    return [mutate(shared), mutate(shared), shared]


@dynamic_workflow
def signatures(value):
    return [positional(1, 2, add(value), other=value), positional(None)]


@dynamic_workflow
def dynamic_tasks(count):
    found, how_many = counted(count)
    return [total(numbers(count)), found, how_many, map_task(square)(found)]


@dynamic_workflow
def operators(word):
    text = odd_text()
    shout = Shout(task_id="native", text=word)
    promised = Shout(task_id="promised", text=text, others=["{{ 1 + 1 }}", text])
    echo = BashOperator(task_id="echo", bash_command=f"echo {word} | tr a-z A-Z")
    echo >> Shout(task_id="last", text=template("{{ 1 + 1 }}"))
    return [shout.output, promised.output, echo.output, text]


EXAMPLES = {
    "named": Example(named_parts, ([1, 2, 3, 4],), [3, 7, 3, [3, 4]]),
    "reports": Example(reports, ([1, 2, 3],), {"score": 14, "best": [1, 2]}),
    "selections": Example(
        selections, (None,), {"type": "NoneType", "deep": ([None, None], [{"deep": [None, None]}])}
    ),
    "copies": Example(copies, (), [3, 3, [3, 1]]),
    "signatures": Example(signatures, (1,), [[1, [2, 2], 1], [None, [], None]]),
    "dynamic": Example(dynamic_tasks, (3,), [3, [0, 1, 2], 3, [0, 1, 4]]),
}


@pytest.fixture(scope="module")
def run(airflow_database, execution_api):
    return run_examples({**EXAMPLES, "operators": Example(operators, ("abc",), None)})


def test_the_run_succeeds_with_every_node(run):
    assert run.state == "success"
    for name in (*EXAMPLES, "operators"):
        assert set(run.node_states(name).values()) == {"success"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_result_is_that_of_plain_python(run, name):
    example = EXAMPLES[name]
    assert run.result(name) == example.expected
    assert example.workflow.local(*example.arguments) == example.expected


def test_templates_are_rendered_that_the_author_marks_and_no_other_texts(run):
    native, promised, echo, text = run.result("operators")
    assert native == ["abc!", []]
    assert promised == ["{{ ds }}!", ["{{ 1 + 1 }}", "{{ ds }}"]]
    assert echo == "ABC"
    assert text == "{{ ds }}"
    assert run.node_xcom("operators", "last") == ["2!", []]


def test_dynamic_outputs_of_a_node_keep_their_metadata(run):
    node = run.nodes("dynamic")["counted"]
    assert run.xcom(node.task_id, "output_metadata", node.map_index)
