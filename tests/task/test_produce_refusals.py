"""Refusals of a producing task before it stores anything. Messages name task, output, key and remedy."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from airflow.sdk import dag, task

from airflow_dynamic_provider import (
    DynamicOut,
    DynamicOutput,
    DynamicOutputsError,
    Out,
    Output,
    add_output_metadata,
    errors,
)
from tests.task_runs import run_task


class Opaque:
    """A value that XCom cannot carry."""


def produce(function, out=None, *, mapped=False):
    """Run a producing task, and return its result."""
    made = task.dynamic(out=out or DynamicOut(str))(function)

    @task
    def work(value):
        return value

    @dag(schedule=None)
    def producing():
        handle = made()
        if mapped:
            handle.map(work)

    return run_task(producing(), function.__name__)


def keys_stored(run):
    """The lists of keys that were stored, without which nobody reads any output."""
    lists = ("return_value", "dynamic_output.names.keys")
    return [xcom_key for _, _, xcom_key in run.supervisor.xcoms if xcom_key in lists]


def refused(function, error, text, out=None, *, mapped=False):
    run = produce(function, out, mapped=mapped)
    assert run.state == "failed"
    assert type(run.error) is error
    assert isinstance(run.error, DynamicOutputsError)
    assert text in run.message
    assert run.error.task_id == function.__name__
    assert f"Task {function.__name__!r}" in run.message
    assert keys_stored(run) == [], "nobody may read any of the outputs"
    return run


def test_a_plain_value():
    def files():
        yield DynamicOutput("x", "a")
        yield "plain"

    refused(
        files,
        errors.UnexpectedOutputError,
        "output 'result': received 'plain' of type str, which is not an output. "
        "Wrap it: DynamicOutput(value, mapping_key=...).",
    )


def test_a_plain_value_in_a_list():
    def files():
        return ["plain"]

    refused(files, errors.UnexpectedOutputError, "received 'plain' of type str")


def line_of(function, text):
    lines, first = inspect.getsourcelines(function)
    at = next(at for at, line in enumerate(lines) if text in line)
    return f"({Path(__file__).name}, line {first + at})"


def test_what_is_returned_is_told_with_the_line_of_the_return():
    def files():
        def inner():
            return None

        inner()
        return ["plain"]

    def either(first=True):
        if first:
            return ["plain"]
        return []

    def late():
        yield DynamicOutput("x", "a")
        return "lost"

    def wrong_key():
        outputs = []
        outputs.append(DynamicOutput("x", ""))
        return outputs

    async def awaited():
        return ["plain"]

    for function, text in (
        (files, "return ["),
        # It is no longer known which of them it was.
        (either, "def either"),
        (late, "return"),
        (wrong_key, "DynamicOutput("),
        (awaited, "return"),
    ):
        assert produce(function).message.endswith(line_of(function, text)), function.__name__


@pytest.mark.parametrize("returned", [None, "text", 5, {"a": 1}])
def test_something_that_holds_no_outputs(returned):
    def files():
        return returned

    refused(
        files,
        errors.UnexpectedOutputError,
        f"returned {returned!r}, which holds no outputs. Yield the outputs",
    )


def test_a_generator_that_returns_something():
    def files():
        yield DynamicOutput("x", "a")
        return "lost"

    refused(files, errors.UnexpectedOutputError, "returned 'lost', which holds no outputs")


def test_an_output_where_a_dynamic_one_is_due():
    def files():
        yield Output("x")

    refused(files, errors.UnexpectedOutputError, "is declared as a DynamicOut, received Output(value='x'")


def test_a_dynamic_output_where_one_value_is_due():
    def files():
        yield DynamicOutput(1, "a", "total")

    refused(
        files,
        errors.UnexpectedOutputError,
        "is declared as an Out, received DynamicOutput(value=1",
        {"total": Out(int)},
    )


def test_an_undeclared_output():
    def files():
        yield DynamicOutput("x", "a", "other")

    run = refused(
        files,
        errors.UnexpectedOutputError,
        "is not declared; the declared outputs are 'result'. Add it to out=",
    )
    assert run.error.output_name == "other"


def test_a_missing_required_output():
    def files():
        yield DynamicOutput("x", "a", "many")

    run = refused(
        files,
        errors.MissingOutputError,
        "is required and was not produced. Yield Output(value, 'total')",
        {"many": DynamicOut(str), "total": Out(int)},
    )
    assert run.error.output_name == "total"


def test_a_static_output_twice():
    def files():
        yield Output(1, "total")
        yield Output(2, "total")

    refused(
        files, errors.UnexpectedOutputError, "was produced twice; the second value is 2", {"total": Out(int)}
    )


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("", "a mapping key must not be empty, received ''"),
        ("x" * 251, "a mapping key has at most 250 characters, received 251"),
        (7, "a mapping key must be a str, received 7 (int)"),
        (None, "a mapping key must be a str, received None (NoneType)"),
        ("a\nb", r"a mapping key must not contain control characters, received 'a\nb' with '\n'"),
        ("\ud800", "a mapping key must not contain control characters"),
    ],
)
def test_a_bad_key(key, text):
    def files():
        yield DynamicOutput("x", "good")
        yield DynamicOutput("x", mapping_key=key)

    run = refused(files, errors.InvalidMappingKeyError, text)
    assert run.error.output_name == "result"


def test_a_duplicate_key():
    def files():
        yield DynamicOutput("x", "a")
        yield DynamicOutput("y", "a")

    run = refused(
        files,
        errors.DuplicateMappingKeyError,
        "key 'a': two outputs have this key, at positions 0 and 1; the value of the second is 'y'",
    )
    assert "Keys are never merged" in run.message


def test_keys_are_unique_within_one_output_only():
    def files():
        yield DynamicOutput("x", "a", "left")
        yield DynamicOutput("y", "a", "right")

    assert produce(files, {"left": DynamicOut(), "right": DynamicOut()}).state == "success"


def test_a_value_of_another_type():
    def files():
        yield DynamicOutput(5, "a")

    run = refused(
        files, errors.OutputTypeError, "key 'a': expected a value of type str, received 5 of type int"
    )
    assert run.error.mapping_key == "a"
    assert "never coerced" in run.message


@pytest.mark.parametrize(
    "value", [Opaque(), float("nan"), "a\0b", {"deep": [Opaque()]}, b"\xff", {"__classname__": "x"}]
)
def test_a_value_that_xcom_cannot_carry(value):
    def files():
        yield DynamicOutput("x", "a")
        yield DynamicOutput(value, "b")

    run = refused(
        files, errors.UnstorableOutputError, "key 'b': XCom cannot carry a value of type", DynamicOut()
    )
    assert run.error.__cause__ is not None
    assert "path or address" in run.message


def test_more_keys_than_airflow_maps():
    def files():
        for number in range(1025):
            yield DynamicOutput("x", str(number))

    refused(
        files,
        errors.TooManyOutputsError,
        "produced 1025 keys, but Airflow maps at most 1024: [core] max_map_length = 1024. "
        "Raise [core] max_map_length (AIRFLOW__CORE__MAX_MAP_LENGTH) to 1025",
        mapped=True,
    )


def test_more_keys_than_airflow_maps_are_fine_where_nothing_is_mapped():
    def files():
        for number in range(1025):
            yield DynamicOutput("x", str(number))

    assert produce(files).state == "success"


@pytest.mark.parametrize(
    ("metadata", "text"),
    [
        ({"x": object()}, "metadata 'x': no metadata kind fits <object object"),
        ({"": 1}, "a metadata label must be a non-empty str, received ''"),
        ({1: 1}, "a metadata label must be a non-empty str, received 1"),
        (["x"], "metadata must be a dict, received ['x'] (list)"),
    ],
)
def test_metadata_that_cannot_be_stored(metadata, text):
    def files():
        yield DynamicOutput("x", "a", metadata=metadata)

    run = refused(files, errors.InvalidMetadataError, text)
    assert (run.error.output_name, run.error.mapping_key) == ("result", "a")


def test_metadata_for_a_key_that_is_never_produced():
    def files():
        add_output_metadata({"x": 1}, mapping_key="b")
        yield DynamicOutput("x", "a")

    run = produce(files)
    assert run.state == "failed"
    assert "Task 'files', output 'result', key 'b': received metadata, but was not produced" in run.message


def test_metadata_for_an_output_that_is_not_declared():
    def files():
        add_output_metadata({"x": 1}, output_name="other")
        yield DynamicOutput("x", "a")

    refused(files, errors.UnexpectedOutputError, "output 'other': is not declared")


def test_metadata_that_does_not_say_which_of_several_outputs():
    def files():
        add_output_metadata({"x": 1})
        yield Output(1, "one")

    refused(
        files,
        errors.UnexpectedOutputError,
        "has several outputs (one, two), so metadata must name one",
        {"one": Out(int), "two": DynamicOut()},
    )


def test_metadata_for_a_key_of_a_static_output():
    def files():
        add_output_metadata({"x": 1}, output_name="one", mapping_key="a")
        yield Output(1, "one")

    refused(files, errors.UnexpectedOutputError, "is one value, so it has no mapping keys", {"one": Out(int)})


def test_metadata_for_a_key_in_an_ordinary_task():
    @task
    def ordinary():
        add_output_metadata({"x": 1}, mapping_key="a")

    @dag(schedule=None)
    def plain():
        ordinary()

    run = run_task(plain(), "ordinary")
    assert "Task 'ordinary', key 'a': takes metadata for single mapping keys only" in run.message


def test_an_error_of_the_authors_own_code_is_left_alone():
    def files():
        yield DynamicOutput("x", "a")
        raise KeyError("mine")

    run = produce(files)
    assert isinstance(run.error, KeyError)
    assert keys_stored(run) == []


def test_values_are_stored_unchanged():
    value = {"looks like NUL": "\\u0000", "list": [1, 2.5, None, True, "x"], "nested": {"a": {}}}

    def files():
        yield DynamicOutput(value, "a")

    run = produce(files, DynamicOut(dict))
    assert run.supervisor.xcoms["files", -1, "dynamic_output.result.page.0"]["values"] == [value]
    assert run.state == "success"


def test_what_is_yielded_is_refused_at_the_authors_line():
    def files():
        yield DynamicOutput("x", "a")
        yield DynamicOutput(5, "b")

    first = files.__code__.co_firstlineno
    run = refused(files, errors.OutputTypeError, f"(test_produce_refusals.py, line {first + 2})")
    assert run.error.line == f"test_produce_refusals.py, line {first + 2}"


def test_what_cannot_be_made_is_refused_at_the_authors_line():
    def key():
        return DynamicOutput("x", "")

    def files():
        yield key()

    line = key.__code__.co_firstlineno + 1
    refused(files, errors.InvalidMappingKeyError, f"(test_produce_refusals.py, line {line})")


def test_what_an_async_generator_yields_is_refused_at_the_authors_line():
    async def files():
        yield "plain"

    line = files.__code__.co_firstlineno + 1
    refused(files, errors.UnexpectedOutputError, f"(test_produce_refusals.py, line {line})")


def test_outputs_without_a_name_where_there_are_several():
    def files():
        return (DynamicOutput("x", "a"), Output(1, "total"))

    declared = {"names": DynamicOut(str), "total": Out(int)}
    refused(
        files,
        errors.UnexpectedOutputError,
        "This is the default name. Name an output: output_name='names'",
        declared,
    )
