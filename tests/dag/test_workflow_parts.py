"""The parts of what a workflow returns, by name and expanded over; and workflows whose output is dynamic."""

from __future__ import annotations

from typing import NamedTuple, TypedDict

import pytest
from airflow.sdk import DAG, TaskGroup, task

from airflow_dynamic_provider import (
    DynamicOut,
    DynamicOutput,
    MetadataValue,
    dynamic_task,
    dynamic_workflow,
)
from airflow_dynamic_provider.errors import (
    DeclarationError,
    HandleUsageError,
    WorkflowCallError,
    WorkflowError,
)
from airflow_dynamic_provider.execution.layout import METADATA_XCOM, StoredMetadata
from tests.dag.tasks import keep
from tests.dag.workflow_tasks import add, square
from tests.workflow_runs import run_workflows


class Report(TypedDict):
    sizes: list[int]
    total: int


class Pair(NamedTuple):
    sizes: list[int]
    total: int


@task
def numbers(count=3):
    return list(range(1, count + 1))


@dynamic_workflow
def counted(values) -> dict[str, int]:
    return {"first": square(values[1]), "count": len(values)}


@dynamic_workflow
def reported(values) -> Report:
    return {"sizes": [square(value) for value in values], "total": square(4)}


@dynamic_workflow
def paired(values) -> Pair:
    return Pair([square(value) for value in values], square(4))


@dynamic_workflow
def tupled(values) -> tuple[list[int], int]:
    return [square(value) for value in values], square(4)


@dynamic_workflow
def unknown(values):
    return {"first": square(values[0])}


def dag_of(build):
    with DAG("parts", schedule=None) as made:
        build()
    return made


def run_of(build):
    return run_workflows(dag_of(build), is_scheduled=True)


def test_the_items_of_a_dict_are_found_by_name():
    run = run_of(lambda: keep([counted(numbers())["first"], counted(numbers())["count"]]))
    assert run.xcom("keep") == [4, 3]
    # What nobody uses is not stored twice.
    assert run.xcoms("counted.result", "count") == {}
    assert run.xcom("counted__1.result", "count") == 3


@pytest.mark.parametrize("workflow", [reported, paired], ids=["TypedDict", "NamedTuple"])
def test_a_part_that_is_a_list_is_expanded_over(workflow):
    def build():
        output = workflow(numbers())
        square.override(task_id="again").expand(number=output["sizes"])
        keep([output["sizes"], output["total"]])

    run = run_of(build)
    assert run.xcoms("again") == {0: 1, 1: 16, 2: 81}
    assert run.xcom("keep") == [[1, 4, 9], 16]


def test_the_items_of_a_tuple_are_expanded_over_by_whatever_airflow_makes_of_them():
    def build():
        sizes, total = tupled(numbers())
        add.partial(other=total).expand(one=sizes.map(lambda size: size + 1))

    assert run_of(build).xcoms("add") == {0: 18, 1: 21, 2: 26}


def test_only_what_is_expanded_over_is_returned_by_a_task_of_its_own():
    def build():
        sizes, total = tupled(numbers())
        keep([sizes, total])
        with TaskGroup("elsewhere"):
            first, _ = tupled.override(task_id="other")(numbers())
        square.expand(number=first)
        square.override(task_id="again").expand(number=first)

    made = dag_of(build)
    task_id = "elsewhere.other.result_output_0"
    assert [each for each in made.task_ids if "result_" in each] == [task_id]
    assert made.get_task(task_id).upstream_task_ids == {"elsewhere.other.result"}
    assert made.get_task(task_id).downstream_task_ids == {"square", "again"}


@task
def result_a_c():
    return 1


@dynamic_workflow
def alike(values) -> dict[str, list[int]]:
    return {"a b": [square(value) for value in values], "a_b": [values[0]], "a c": [result_a_c()]}


def test_parts_whose_names_make_one_task_id_are_returned_by_tasks_of_their_own():
    def build():
        output = alike(numbers())
        for number, name in enumerate(("a b", "a_b", "a c")):
            square.override(task_id=f"each_{number}").expand(number=output[name])

    run = run_of(build)
    assert run.xcoms("each_0") == {0: 1, 1: 16, 2: 81}
    assert run.xcoms("each_1") == {0: 1}
    assert run.xcoms("each_2") == {0: 1}


def test_what_is_before_a_part_is_before_the_whole_workflow():
    def build():
        sizes, _ = tupled([1])
        square.expand(number=sizes)
        numbers() >> sizes

    assert dag_of(build).get_task("tupled.plan").upstream_task_ids == {"numbers"}


def refusal_of(use):
    with pytest.raises(WorkflowCallError) as caught:
        dag_of(use)
    return str(caught.value)


def test_a_part_that_there_is_not_is_refused_in_the_dag_file():
    assert (
        "Task 'reported.result': its output has no part 'totl'; it has 'sizes', 'total'. "
        "Use one of these, or correct the return annotation of the body."
    ) in refusal_of(lambda: reported([1])["totl"])
    assert "its output has no part 'x'; it has 'sizes', 'total'" in refusal_of(lambda: paired([1])["x"])
    assert "it has 'output_0', 'output_1'" in refusal_of(lambda: tupled([1])["sizes"])
    assert (
        "its output has no part 'first' according to the return annotation of the body. Annotate the body "
        "with -> dict[str, ...], a TypedDict or a NamedTuple, or pass the whole output to a task."
    ) in refusal_of(lambda: unknown([1])["first"])
    assert "has no part 'return_value'" in refusal_of(lambda: counted([1])["return_value"])


def test_an_item_that_is_not_returned_is_told_by_the_task_that_returns_the_rest():
    run = run_of(lambda: keep(counted(numbers())["third"]))
    assert run.state == "failed"
    assert (
        "Task 'counted.result': the workflow 'counted' returns no 'third', which a task uses: "
        "it returns ['first', 'count']. Return 'third', or use a returned item."
    ) in run.error("counted.result")


@dynamic_workflow
def lying(values) -> dict[str, int]:
    return [square(value) for value in values]


@dynamic_workflow
def incomplete(values) -> Report:
    return {"sizes": [square(value) for value in values]}


def test_what_is_no_dict_or_lacks_a_field_is_told_with_its_annotation():
    with pytest.raises(WorkflowCallError) as caught:
        lying.local([1])
    assert "the workflow 'lying' is annotated with -> dict[str, int], but returns [" in str(caught.value)
    with pytest.raises(WorkflowCallError) as caught:
        incomplete.local([1])
    assert "is annotated with -> Report, but returns" in str(caught.value)
    assert ", without 'total'. Return Report, or correct the annotation." in str(caught.value)


@task
def raised(values):
    return [value + 1 for value in values]


@dynamic_workflow(out=DynamicOut(int))
def keyed(values):
    return [
        DynamicOutput(square(value), mapping_key=f"key {value}", metadata={"value": value})
        for value in values
    ]


@dynamic_workflow
def uses_keyed(values):
    return keyed(values), keyed(raised(values))


@dynamic_task(out=DynamicOut(list))
def lists():
    yield DynamicOutput([1, 2], mapping_key="a")
    yield DynamicOutput([3], mapping_key="b")


def test_a_dynamic_output_of_a_workflow_is_mapped_and_collected_by_key():
    def build():
        handle = keyed(numbers())
        again = handle.map(lambda item: add.override(task_id="again")(item, 1))
        keep(again.collect(keyed=True))
        keep.override(task_id="keep_all")(handle.collect(keyed=True))

    run = run_of(build)
    assert run.xcom("keep") == {"key 1": 2, "key 2": 5, "key 3": 10}
    assert run.xcom("keep_all") == {"key 1": 1, "key 2": 4, "key 3": 9}
    assert run.states("again") == dict.fromkeys(("key 1", "key 2", "key 3"), "success")
    inherited = StoredMetadata.unpack(run.xcom("again", METADATA_XCOM, 1)).inherited
    assert inherited == {"value": MetadataValue.int(2)}


def test_zero_keys_of_a_workflow_are_no_keys():
    run = run_of(lambda: keep(keyed(numbers(0)).map(lambda item: square(item)).collect(keyed=True)))
    assert (run.state, run.xcom("keep")) == ("success", {})


def test_in_a_body_a_dynamic_output_is_a_dict_by_key():
    run = run_of(lambda: keep(uses_keyed(numbers())))
    now, later = run.xcom("keep")
    assert now == {"key 1": 1, "key 2": 4, "key 3": 9}
    assert later == {"key 2": 4, "key 3": 9, "key 4": 16}
    assert keyed.local([2]) == {"key 2": 4}
    assert uses_keyed.local([1]) == ({"key 1": 1}, {"key 2": 4})


def test_in_a_map_the_keys_of_a_workflow_are_below_the_keys_of_the_map():
    def build():
        nested = lists().map(lambda item: keyed(item).map(lambda each: add(each, 1)))
        keep(nested.collect(keyed=True))

    assert run_of(build).xcom("keep") == {"a": {"key 1": 2, "key 2": 5}, "b": {"key 3": 10}}


def test_what_is_before_the_handle_is_before_the_whole_workflow():
    def build():
        handle = keyed([1])
        numbers() >> handle
        keep(handle.collect())

    assert dag_of(build).get_task("keyed.plan").upstream_task_ids == {"numbers"}


@dynamic_workflow(out=DynamicOut(int))
def returns(value):
    return value


@dynamic_workflow(out=DynamicOut(int))
def twice(values):
    return [DynamicOutput(square(value), mapping_key="same") for value in values]


@dynamic_workflow
def undeclared(values):
    return [DynamicOutput(square(value), mapping_key=str(value)) for value in values]


@pytest.mark.parametrize(
    ("workflow", "value", "told"),
    [
        (
            returns,
            3,
            "the workflow 'returns' declares a dynamic output, but returns 3 of type int. Return a list with "
            "unique keys: [DynamicOutput(task(item), mapping_key=item) for item in items].",
        ),
        (returns, [4], "returns 4 of type int in its list"),
        (twice, [1, 2], "returns the key 'same' twice"),
        (
            undeclared,
            [1],
            "the workflow 'undeclared' returns a DynamicOutput, but declares no dynamic output. Declare it: "
            "@dynamic_workflow(out=DynamicOut(...)).",
        ),
    ],
    ids=["no list", "no event", "a key twice", "not declared"],
)
def test_what_is_no_list_of_dynamic_outputs_is_refused_when_the_body_returns_it(workflow, value, told):
    with pytest.raises(WorkflowCallError) as caught:
        workflow.local(value)
    assert told in str(caught.value)


def test_only_a_dynamic_out_declares_the_output_of_a_workflow():
    def body() -> list[DynamicOutput[str]]:
        return []

    with pytest.raises(WorkflowError) as caught:
        dynamic_workflow(out={"files": DynamicOut(str)})(body)
    assert "out= of a workflow must be a DynamicOut, received {'files'" in str(caught.value)
    with pytest.raises(DeclarationError):
        dynamic_workflow(out=DynamicOut(int))(body)


@dynamic_workflow(out=DynamicOut(str))
def wrong(values):
    return [DynamicOutput(square(value), mapping_key=f"key {value}") for value in values]


def test_a_value_of_another_type_is_told_with_task_output_and_key():
    run = run_of(lambda: keep(wrong(numbers()).collect()))
    assert run.state == "failed"
    assert "Task 'wrong.outputs', output 'result', key 'key 1'" in run.error("wrong.outputs")


def test_the_handle_of_a_workflow_refuses_what_any_handle_refuses():
    with pytest.raises(HandleUsageError):
        dag_of(lambda: list(keyed([1])))
