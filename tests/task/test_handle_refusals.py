"""What is refused while the Dag file is parsed: the message names the task, the output and what to do."""

from __future__ import annotations

import logging
import re

import pytest
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, task, task_group

from airflow_dynamic_provider import DynamicOut, DynamicOutput, Out, dynamic_task, dynamic_workflow, errors


@task.dynamic(out=DynamicOut(int))
def numbers():
    yield DynamicOutput(1, "a")


@task.dynamic(out=DynamicOut(int))
def others(value=None):
    yield DynamicOutput(1, "a")


@task.dynamic(out={"total": Out(int), "many": DynamicOut(int)})
def mixed():
    yield DynamicOutput(1, "a", "many")


@task
def work(value):
    return value


@task
def two(left, right):
    return left


@pytest.fixture
def dag():
    with DAG("refusing", schedule=None) as made:
        yield made


USE_INSTEAD = "Use .map(fn) to run something for each key, or .collect() to give a task all values."


@pytest.mark.parametrize(
    ("misuse", "said"),
    [
        (lambda handle: work(handle), "was passed straight to a task"),
        (lambda handle: work(value=[handle]), "was passed straight to a task"),
        (lambda handle: BashOperator(task_id="b", bash_command=handle), "was passed straight to a task"),
        (lambda handle: work.expand(value=handle), "was passed straight to a task"),
        (
            lambda handle: task_group(lambda value: work(value)).expand(value=handle),
            "was passed straight to a task",
        ),
        (lambda handle: list(handle), "was iterated or unpacked"),
        (lambda handle: [*handle], "was iterated or unpacked"),
        (lambda handle: handle[0], "was indexed"),
        (lambda handle: handle["field"], "was indexed"),
        (lambda handle: len(handle), "was asked for its length"),
        (lambda handle: 1 in handle, "was searched with `in`"),
        (lambda handle: bool(handle), "was used as a truth value"),
        (lambda handle: handle and 1, "was used as a truth value"),
        (lambda handle: f"ls {handle}", "was formatted into a string"),
        (lambda handle: handle.concat(handle), "was concatenated by position"),
    ],
)
@pytest.mark.parametrize("kind", ["dynamic output", "mapped"])
def test_a_handle_is_no_value(dag, misuse, said, kind):
    handle = numbers() if kind == "dynamic output" else numbers().map(work.override(task_id="mapped"))
    with pytest.raises(errors.HandleUsageError) as caught:
        misuse(handle)
    name = "numbers" if kind == "dynamic output" else "mapped"
    assert str(caught.value) == (
        f"Task {name!r}, output 'result': the handle {said}, but it stands for a value per key that exists "
        f"only when the Dag runs. {USE_INSTEAD} ({caught.value.line})"
    )
    assert re.fullmatch(r"test_handle_refusals\.py, line \d+", caught.value.line)


@pytest.mark.parametrize(
    ("misuse", "said"),
    [
        (lambda item: list(item), "was iterated or unpacked"),
        (lambda item: len(item), "was asked for its length"),
        (lambda item: work(1) if item else None, "was used as a truth value"),
        (lambda item: BashOperator(task_id="b", bash_command=f"ls {item}"), "was formatted into a string"),
        (lambda item: item.map(work), "was mapped"),
    ],
)
def test_an_item_is_no_value_in_the_dag_file(dag, misuse, said):
    with pytest.raises(
        errors.HandleUsageError, match=f"Task 'numbers', output 'result': an item of it {said}"
    ):
        numbers().map(misuse)


def test_an_item_may_not_leave_its_map(dag):
    leaked = []
    numbers().map(lambda item: leaked.append(item) or work(item))
    with pytest.raises(errors.HandleUsageError, match="an item of it was passed straight to a task"):
        work(leaked[0])


@task_group
def group(value):
    work(value)


@task_group
def counted(value):
    work(1)


@dynamic_workflow
def planned(value):
    return work(value)


LEAKS = {
    "alone": lambda kept: work(kept),
    "in a list": lambda kept: work([kept]),
    "in a dict": lambda kept: work({"x": [kept]}),
    "a part of it": lambda kept: work(kept["part"]),
    "expanded over": lambda kept: work.expand(value=kept),
    "expanded with": lambda kept: two.partial(left=kept).expand(right=[1, 2]),
    "mapped by Airflow": lambda kept: work.expand(value=kept.map(str)),
    "zipped by Airflow": lambda kept: work.expand(value=kept.zip(kept)),
    "a group": lambda kept: group.expand(value=kept),
    "a group without the value": lambda kept: counted.expand(value=kept),
    "an operator": lambda kept: BashOperator(task_id="sink", bash_command=kept),
    "a field set later": lambda kept: setattr(
        BashOperator(task_id="sink", bash_command="ls"), "bash_command", kept
    ),
    "a producer": lambda kept: others(kept),
    "a map over other keys": lambda kept: others().map(lambda item: two(item, kept)),
    "a workflow": lambda kept: planned(kept),
}


@pytest.mark.parametrize("leak", LEAKS.values(), ids=LEAKS)
@pytest.mark.parametrize("kind", ["a @task", "an operator"])
def test_a_result_does_not_leave_its_map_but_through_return(dag, leak, kind):
    kept = []

    def mapped(item):
        if kind == "a @task":
            kept.append(work.override(task_id="mapped")(item))
        else:
            kept.append(BashOperator(task_id="mapped", bash_command="ls", env={"F": item}).output)

    numbers().map(mapped)
    with pytest.raises(errors.HandleUsageError) as caught:
        leak(kept[0])
    said = str(caught.value)
    assert said.startswith("Task 'mapped', output 'result': its result was passed to '")
    assert "Return it from the mapped function" in said
    assert ".collect()" in said
    assert caught.value.line.startswith("test_handle_refusals.py, line ")


def test_a_result_of_inner_keys_does_not_reach_the_outer_map(dag):
    def outer(item):
        kept = []
        others(item).map(lambda inner: kept.append(work(inner)))
        work(kept[0])

    with pytest.raises(errors.HandleUsageError, match="'work', output 'result': its result was passed to"):
        numbers().map(outer)


def test_a_result_may_be_ordered_and_used_by_maps_of_its_own_keys(dag):
    kept = []
    handle = numbers()
    handle.map(lambda item: kept.append(work(item)))
    kept[0] >> work.override(task_id="after")(1)
    handle.map(lambda item: two(item, kept[0]))
    assert dag.get_task("after").upstream_task_ids == {"work__unfailed", "numbers"}
    assert dag.get_task("two").upstream_task_ids == {"work"}


@pytest.mark.parametrize(
    ("misuse", "said"),
    [
        (lambda collected: list(collected), "was iterated or unpacked"),
        (lambda collected: collected[0], "was indexed"),
        (lambda collected: len(collected), "was asked for its length"),
        (lambda collected: bool(collected), "was used as a truth value"),
        (lambda collected: f"{collected}", "was formatted into a string"),
        (lambda collected: collected.map(work), "was mapped"),
    ],
)
def test_a_collection_is_no_value_in_the_dag_file(dag, misuse, said):
    with pytest.raises(
        errors.HandleUsageError,
        match=f"Task 'work', output 'result': its collection {said}.*Pass the collection to a task",
    ):
        misuse(numbers().map(work).collect())


MISUSES = {
    "percent": (lambda value: "/data/%s" % value, "calculated with: %|converted to a string"),  # noqa: UP031
    "percent reversed": (lambda value: value % 2, "calculated with: %"),
    "str": (str, "converted to a string"),
    "text add": (lambda value: "/data/" + value, "calculated with: +"),
    "list add": (lambda value: [1] + value, "calculated with: +"),  # noqa: RUF005
    "eq": (lambda value: value == "a.json", "compared with =="),
    "eq reversed": (lambda value: [] == value, "compared with =="),  # noqa: SIM300
    "ne": (lambda value: value != 1, "compared with !="),
    "lt": (lambda value: value < 1, "compared with <"),
    "max": (lambda value: max(value, 2), "compared with"),
    "in": (lambda value: 1 in value, "searched with `in`"),
    "in a tuple": (lambda value: value in ("json", "jsonl"), "compared with =="),
    "in a set": (lambda value: value in {"json", "jsonl"}, "looked up in a set or a dict"),
    "a table": (lambda value: {"json": 1}.get(value, 2), "looked up in a set or a dict"),
    "a key": (lambda value: {("json", value): 1}, "looked up in a set or a dict"),
    "int": (int, "made an int"),
    "round": (round, "rounded"),
    "index": (lambda value: [1, 2][value], "used as an index or a count"),
    "neg": (lambda value: -value, "calculated with: -"),
}


@pytest.mark.parametrize("name", MISUSES)
@pytest.mark.parametrize("kind", ["item", "part", "handle", "collection", "states"])
def test_a_placeholder_is_refused_with_the_words_of_promises(dag, name, kind):
    misuse, said = MISUSES[name]
    handle = numbers()
    uses = {
        "item": lambda: handle.map(lambda item: work(misuse(item))),
        "part": lambda: handle.map(lambda item: work(misuse(item["part"]))),
        "handle": lambda: misuse(handle),
        "collection": lambda: misuse(handle.collect()),
        "states": lambda: misuse(handle.states()),
    }
    with pytest.raises(errors.HandleUsageError) as caught:
        uses[kind]()
    text = str(caught.value)
    assert text.startswith("Task 'numbers', output 'result': ")
    assert any(f"was {words}" in text for words in said.split("|"))
    assert caught.value.remedy in text


def test_what_a_placeholder_can_be_asked(dag):
    def body(item):
        assert repr(item["part"]) == "<item of numbers.result['part']>"
        assert item in [1, item][1:]
        record = logging.LogRecord("dag file", logging.INFO, "", 1, "%s", (item,), None)
        assert record.getMessage() == "<item of numbers.result>"
        return work(item)

    numbers().map(body)


def test_a_collection_is_not_expanded(dag):
    with pytest.raises(errors.HandleUsageError, match=r"was passed to expand\(\)"):
        work.override(task_id="w").expand(value=numbers().map(work).collect())


@pytest.mark.parametrize("method", ["map", "collect"])
def test_a_static_output_is_neither_mapped_nor_collected(dag, method):
    total = mixed().total
    with pytest.raises(errors.HandleUsageError, match="Task 'mixed', output 'total': is one value") as caught:
        total.map(work) if method == "map" else total.collect()
    assert caught.value.remedy


def test_a_static_output_goes_straight_to_a_task(dag):
    work(mixed().total)
    assert dag.get_task("work").upstream_task_ids == {"mixed"}


def test_a_handle_of_another_key_space_is_not_used_in_a_map(dag):
    other = others()
    with pytest.raises(
        errors.HandleUsageError,
        match="Task 'others', output 'result': the handle has the keys of others",
    ):
        numbers().map(lambda item: two(item, other))


@pytest.mark.parametrize(
    ("fn", "said"),
    [
        ("work", r"map\(\) takes a function that calls tasks, received 'work' of type str"),
        (lambda item: item, "calls no task and returned its item, so nothing runs for a key"),
        (lambda item: None, "returned None of type NoneType, which is not the output of a task"),
        (lambda item: 5, "returned 5 of type int, which is not the output of a task"),
        (lambda item: [work(item)], "returned .* of type list, which is not the output of a task"),
        (lambda item: (work(item), 5), "returned 5 of type int"),
        (lambda item: work(1) and "done", "returned 'done' of type str"),
        (lambda item: work.expand(value=[1, 2]), "the mapped function expands 'work'"),
    ],
)
def test_what_a_mapped_function_may_not_do(dag, fn, said):
    with pytest.raises(errors.MapFunctionError, match=f"Task 'numbers', output 'result': .*{said}") as caught:
        numbers().map(fn)
    assert caught.value.remedy


def test_a_collection_is_not_returned(dag):
    collected = numbers().map(work)
    with pytest.raises(errors.MapFunctionError, match="which is not of this key space"):
        collected.map(lambda item: work(item) and collected.collect())


def test_an_output_of_a_task_outside_is_not_returned(dag):
    outside = work.override(task_id="outside")(1)
    with pytest.raises(errors.MapFunctionError, match="which is not of this key space"):
        numbers().map(lambda item: work(item) and outside)


def test_a_handle_is_not_mapped_inside_a_map_in_which_it_was_not_made(dag):
    other = others()
    with pytest.raises(
        errors.MapFunctionError,
        match=r"Task 'others', output 'result': is mapped inside a map over 'numbers', .* use product\(\)",
    ):
        numbers().map(lambda item: other.map(work))


@pytest.mark.parametrize("method", ["expand", "expand_kwargs", "partial"])
def test_a_dynamic_task_is_not_expanded_by_position(dag, method):
    with pytest.raises(
        errors.DeclarationError, match=rf"Task 'numbers': cannot be expanded with Airflow's {method}\(\)"
    ):
        getattr(numbers, method)()


def test_a_dynamic_task_is_not_called_in_a_group_that_airflow_expands(dag):
    @task_group
    def group(value):
        others(value)

    with pytest.raises(errors.DeclarationError, match="called inside a task group that Airflow expands"):
        group.expand(value=[1, 2])


def test_a_declared_type_is_no_text():
    with pytest.raises(errors.DeclarationError, match="the declared type 'str' is a string"):
        DynamicOut("str")


@pytest.mark.parametrize(
    ("out", "said"),
    [
        (str, "out= must be an Out, a DynamicOut or a dict of them, received <class 'str'>"),
        ({}, r"out= must be .*, received \{\}"),
        ({"a": str}, "output 'a': must be declared by an Out or a DynamicOut, received <class 'str'>"),
        ({"not a name": Out()}, "'not a name' is not a valid output name"),
        ({"_hidden": Out()}, "'_hidden' is not a valid output name"),
        ({"class": Out()}, "'class' is not a valid output name"),
        (None, "declares no output: there is no out= and the return annotation is None"),
    ],
)
def test_declarations(out, said):
    with pytest.raises(errors.DeclarationError, match=f"(?i)task 'produce'.*{said}"):

        @dynamic_task(out=out)
        def produce():
            yield


@pytest.mark.parametrize("name", ["multiple_outputs", "do_xcom_push"])
def test_arguments_that_would_change_what_is_stored(name):
    with pytest.raises(errors.DeclarationError, match=f"does not take {name}="):

        @dynamic_task(out=DynamicOut(), **{name: True})
        def produce():
            yield


def test_the_decorator_without_a_function():
    with pytest.raises(errors.DeclarationError, match="decorates a function, received"):
        task.dynamic(DynamicOut(str))
