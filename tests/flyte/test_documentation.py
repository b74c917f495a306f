"""Each line of the table of differences in "Coming from Flyte" has a test."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parent.parent / "docs" / "coming-from-flyte.md"

#: The beginning of a line -> the file and the test.
HELD_BY = {
    "a promise in an f-string": (
        "plain_python",
        "a_promise_that_is_used_as_a_value_is_refused_before_any_task_has_run",
    ),
    "a wrong attribute of a promise": (
        "plain_python",
        "a_promise_that_is_used_as_a_value_is_refused_before_any_task_has_run",
    ),
    "a constant of a wrong type in a body": (
        "plain_python",
        "a_constant_of_a_wrong_type_is_refused_before_any_task_has_run",
    ),
    "`>>` in a local call": (
        "plain_python",
        "an_order_without_data_holds_as_plain_python_too",
    ),
    "`try` around a call, locally": (
        "plain_python",
        "a_try_around_a_call_catches_nothing",
    ),
    "fixed inputs of a launch plan, locally": (
        "plain_python",
        "fixed_inputs_of_a_launch_plan_cannot_be_given",
    ),
    "retries and timeouts, locally": (
        "plain_python",
        "a_recoverable_error_is_tried_again_and_no_other",
    ),
    "`with_overrides(...)` with a value that only the body knows": (
        "plain_python",
        "overrides_that_only_the_body_knows_are_logged",
    ),
    "a `dict` or `list` without item types": (
        "plain_python",
        "untyped_containers_are_refused_where_a_value_would_change",
    ),
    "values that only pickle can store": (
        "plain_python",
        "objects_are_pickled_if_the_deployment_allows_it",
    ),
    "`Cache` without a version": (
        "plain_python",
        "the_version_of_a_cache_without_one_is_the_source_of_the_function",
    ),
    "a file as an input of a cached task": (
        "runs",
        "a_cached_task_runs_once_and_a_deck_is_metadata",
    ),
    "the cache of a `@dynamic` that another body calls": (
        "runs",
        "a_cached_dynamic_that_another_body_calls_is_kept_when_the_whole_has_ended",
    ),
    "a required input without a value": (
        "plain_python",
        "the_configuration_of_a_run_has_all_inputs_and_may_have_an_integer_for_a_float",
    ),
    "an integer in the configuration of a run where a float is declared": (
        "plain_python",
        "the_configuration_of_a_run_has_all_inputs_and_may_have_an_integer_for_a_float",
    ),
}


def test_each_difference_has_a_test():
    table = PAGE.read_text("utf-8").partition("## What differs")[2].partition("## ")[0]
    lines = re.findall(r"^\| (.+?) \| .+ \| .+ \|$", table, re.MULTILINE)
    assert lines == list(HELD_BY)
    for file, test in HELD_BY.values():
        assert f"def test_{test}(" in (HERE / f"test_{file}.py").read_text("utf-8"), test
