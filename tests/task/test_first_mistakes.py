"""The commonest first mistakes in a Dag file: each message names what was done and what to write."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from airflow.sdk import DAG, task, task_group

from airflow_dynamic_provider import DynamicOut, DynamicOutput, Out, dynamic_task, errors
from airflow_dynamic_provider.execution.sources import select


@task.dynamic(out=DynamicOut(int))
def files(_=None):
    yield DynamicOutput(1, "a")


@task.dynamic(out=DynamicOut(int))
def others(_=None):
    yield DynamicOutput(1, "a")


@task.dynamic(out={"total": Out(int), "many": DynamicOut(int)})
def mixed():
    yield DynamicOutput(1, "a", "many")


@task
def work(x, other=None):
    return x


@task
def one(x):
    return x


@task
def two(left, right):
    return left


@task
def with_context(x, ds):
    return x


@task_group
def nothing(x, other=None):
    work(x)


def read(path):
    return open(path)


@pytest.fixture(autouse=True)
def _dag():
    with DAG("mistaken", schedule=None):
        yield


MISTAKES = {
    "expand": (lambda: files().expand(x=1), "asked for its attribute 'expand'", "Use .map(fn)"),
    "not called": (lambda: files.map(work), "has no map(), but its handle has", "files(...).map(...)"),
    "of several, a method": (lambda: mixed().map(work), "outputs are 'total', 'many'", "mixed(...).total"),
    "of several, misspelt": (lambda: mixed().mny, "has no output 'mny'", "Did you mean 'many'?"),
    "misspelt": (lambda: files().colect(), "its attribute 'colect'", "Did you mean 'collect'?"),
    "of Airflow's own references": (lambda: files().alias, "its attribute 'alias'", "Use .map(fn)"),
    "partial": (lambda: files().map(work.partial(other=1)), "partial()", "lambda item: my_task(item"),
    "partial group": (lambda: files().map(nothing.partial(other=1)), "partial()", "lambda item: my_task("),
    "keyword": (
        lambda: files().map(work, other=3),
        "argument 'other'",
        "lambda item: my_task(item, other=3)",
    ),
    "splat": (lambda: files().map(lambda c: work(**c)), "unpacked with **", 'item["field"]'),
    "by position": (lambda: files().collect("keyed"), "too many positional", "collect(keyed=True"),
    "states": (lambda: files().states("keyed"), "too many positional", "takes no arguments"),
    "zip": (lambda: files().zip(others(), hwo="outer"), "argument 'hwo'", 'how="inner", "outer"'),
    "product": (lambda: files().product(), "missing a required argument", "one other handle"),
    "open": (lambda: files().map(read), "'read' treated its item as a value", "decorate it with @task"),
    "path": (lambda: files().map(lambda i: one(Path(i))), "treated its item as a value", "with @task"),
    "json": (lambda: files().map(lambda i: one(json.loads(i))), "treated its item as a value", "with @task"),
    "add": (lambda: files().map(lambda i: one("/data/" + i)), "was calculated with: +", "pass the item to"),
    "split": (lambda: files().map(lambda i: one(i.split())), "its attribute 'split'", "in a task"),
    "of a collection": (lambda: files().collect().count, "its attribute 'count'", "to a task"),
    "one of two": (lambda: files().zip(others()).map(one), "with 2 items, but it takes 1", "left, right"),
    "two of one": (lambda: files().map(two), "also needs 'right'", "lambda item: two(item, right=...)"),
    "no parameter": (lambda: files().map(lambda: one(1)), "with 1 items, but it takes 0", "a parameter"),
    "group": (lambda: files().map(nothing).collect(), "'nothing' returns nothing", "return the output"),
    "expand a collection": (lambda: work.expand(x=files().collect()), "passed to expand()", "handle.map("),
    "expand by dicts": (lambda: work.expand_kwargs(files().collect()), "passed to expand()", "handle.map("),
    "other keys": (
        lambda: (lambda handle: files().map(lambda item: two(item, handle)))(others()),
        "has the keys of others.result, but was used inside a map over the keys of files.result",
        "left.product(right).map(fn)",
    ),
    "static truth": (lambda: 1 if mixed().total else 2, "used as a truth value", "decide there"),
    "method": (lambda: one(files().collect), "passed to a task without being called", "Write collect()"),
    "method in a list": (lambda: one([files().states]), "without being called", "Write states()"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_a_dag_file_says_what_to_write(name):
    mistake, said, remedy = MISTAKES[name]
    with pytest.raises((errors.HandleUsageError, errors.MapFunctionError)) as caught:
        mistake()
    assert said in str(caught.value)
    assert remedy in str(caught.value)
    assert caught.value.line.startswith("test_first_mistakes.py, line ")


def test_the_line_is_that_of_the_mistake_and_not_of_the_map():
    with pytest.raises(errors.MapFunctionError) as caught:
        files().map(read)
    assert caught.value.line == f"test_first_mistakes.py, line {read.__code__.co_firstlineno + 1}"


def test_an_authors_own_type_error_stays_as_it_is():
    def fail(item):
        raise TypeError("of the author")

    with pytest.raises(TypeError, match="of the author"):
        files().map(fail)


def test_what_python_asks_of_a_reference_is_answered_as_of_any_object():
    handle = files()
    for reference in (handle, *handle.items, handle.collect(), mixed(), files):
        assert not hasattr(reference, "nothing_of_the_kind")
        assert not hasattr(reference, "__array__")
    assert copy.deepcopy(handle) is handle
    assert handle.map.__doc__.startswith("Clone the tasks")


def test_a_group_without_a_result_is_ordered():
    last = one.override(task_id="last")(1)
    group = files().map(nothing)
    group >> last
    assert group.group_id == "nothing"
    assert last.operator.upstream_task_ids == {"nothing.work"}


def test_what_the_context_fills_need_not_be_given():
    files().map(with_context)
    files().map(lambda *items: one(items[0]))


CONTRADICTIONS = {
    "keys of another class": (DynamicOut(int), Iterator[DynamicOutput[str]]),
    "one value for many": (DynamicOut(int), str),
    "one value of another class": (Out(int), str),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_declaration_that_contradicts_the_annotation(name):
    out, annotation = CONTRADICTIONS[name]

    def produce():
        """Never runs."""

    produce.__annotations__["return"] = annotation
    with pytest.raises(errors.DeclarationError, match="contradicts the return annotation"):
        dynamic_task(out=out)(produce)


@pytest.mark.parametrize(
    ("out", "annotation"),
    [
        (DynamicOut(float), Iterator[DynamicOutput[int]]),
        (DynamicOut(object), Iterator[DynamicOutput[str]]),
        (DynamicOut(int), list[DynamicOutput]),
        (DynamicOut(int), list),
        (Out(int), Iterator[Out]),
        (Out(int), "a text that names nothing"),
    ],
)
def test_a_declaration_that_may_agree_with_the_annotation(out, annotation):
    def produce():
        """Never runs."""

    produce.__annotations__["return"] = annotation
    dynamic_task(out=out)(produce)


@pytest.mark.parametrize(
    ("value", "part", "said"),
    [
        ({"name": 1, "size": 2}, "nmae", "Its fields are ['name', 'size']"),
        ({}, "name", "It has no fields"),
        ([1, 2], 5, "It has 2 parts"),
        ("text", "name", "cannot select ['name'] from a value of type str"),
    ],
)
def test_a_part_that_is_not_there_lists_what_is(value, part, said):
    with pytest.raises(errors.ReadError) as caught:
        select(value, (part,))
    assert said in str(caught.value)
