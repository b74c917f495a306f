"""Refusals of joins, nesting, trigger rules and branches, and the messages of their tasks when they fail."""

from __future__ import annotations

import re

import pytest
from airflow.providers.standard.operators.latest_only import LatestOnlyOperator
from airflow.providers.standard.operators.python import BranchPythonOperator, ShortCircuitOperator
from airflow.sdk import DAG, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, errors
from airflow_dynamic_provider.version_compat import AirflowFailException
from tests.task_runs import FakeSupervisor, run_task


@task.dynamic(out=DynamicOut(int))
def numbers():
    yield DynamicOutput(1, "a")
    yield DynamicOutput(2, "b")


@task.dynamic(out=DynamicOut(int))
def others():
    yield DynamicOutput(1, "b")
    yield DynamicOutput(2, "c")


@task.dynamic(out=DynamicOut(int))
def parts(number):
    for each in range(number):
        yield DynamicOutput(each, str(each))


@task
def work(*values):
    return list(values)


@pytest.fixture
def dag():
    with DAG("refused", schedule=None) as made:
        yield made


@pytest.mark.parametrize(
    ("join", "said"),
    [
        (
            lambda left, right: left.zip(right, how="left"),
            "cannot be zipped with how='left'. Use one of ",
        ),
        (lambda left, right: left.zip(right, how="product"), "cannot be zipped with how='product'"),
        (lambda left, right: left.zip(["x"]), r"zip\(\) takes another handle, received \['x'\] of type list"),
        (lambda left, right: left.product(None), r"product\(\) takes another handle, received None of type"),
        (
            lambda left, right: left.zip(left.product(right)),
            "has 1 keys in a path and cannot be zipped with .*, which has 2. Zip handles of the same depth",
        ),
    ],
)
def test_what_cannot_be_joined(dag, join, said):
    with pytest.raises(errors.HandleUsageError, match=f"Task 'numbers', output 'result': {said}"):
        join(numbers(), others())


def test_handles_of_two_dags_are_not_joined(dag):
    with DAG("other", schedule=None):
        foreign = others()
    with pytest.raises(errors.HandleUsageError, match=r"zip\(\) takes a handle of the same Dag"):
        numbers().zip(foreign)


@pytest.mark.parametrize("method", ["zip", "product"])
def test_a_handle_from_outside_is_not_joined_inside_a_map(dag, method):
    outside = others()
    with pytest.raises(
        errors.HandleUsageError,
        match=rf"Task 'others', .*: is joined by {method}\(\) inside a map, but was not made in it",
    ):
        numbers().map(lambda number: getattr(parts(number), method)(outside))


def test_an_item_that_is_on_both_sides_of_a_product_is_ambiguous(dag):
    handle = numbers()
    mapped = handle.map(work)
    with pytest.raises(errors.HandleUsageError, match="the handle is on both sides of this product"):
        handle.product(handle).map(lambda one, other: work(mapped))


def test_a_joined_map_takes_two_arguments(dag):
    with pytest.raises(errors.MapFunctionError, match="with 2 items, but it takes 1"):
        numbers().zip(others()).map(lambda one: work(one))


def test_a_handle_of_inner_keys_is_not_passed_to_a_task_of_the_outer_key(dag):
    with pytest.raises(
        errors.HandleUsageError,
        match=r"Task 'parts', output 'result': the handle has many keys for each key here.* or .collect",
    ):
        numbers().map(lambda number: work(parts(number)))


@pytest.mark.parametrize("ratio", [-0.1, 1.1, "0.5", None, True])
def test_a_ratio_is_a_share(dag, ratio):
    with pytest.raises(
        errors.HandleUsageError,
        match=r"its collection has min_success_ratio=.*, which is not a ratio\.",
    ):
        numbers().map(work).collect(min_success_ratio=ratio)


WAYS_TO_COLLECT = {
    "handle": lambda collect: collect(numbers().map(work)),
    "pair": lambda collect: collect(numbers().zip(others())),
    "inside": lambda collect: numbers().map(lambda number: work(collect(parts(number).map(work)))),
}


@pytest.mark.parametrize("option", ["keyed", "lazy"])
@pytest.mark.parametrize("given", [0, 1, "True", None, [True]])
@pytest.mark.parametrize("way", WAYS_TO_COLLECT)
def test_how_to_collect_is_true_or_false(dag, option, given, way):
    said = f"its collection has {option}={given!r}, which is not a bool. Pass True or False."
    with pytest.raises(errors.HandleUsageError, match=re.escape(said)):
        WAYS_TO_COLLECT[way](lambda handle: handle.collect(**{option: given}))


@pytest.mark.parametrize("limit", [0, -1, 1.5, "2", True])
def test_a_limit_is_a_number_of_clones(dag, limit):
    with pytest.raises(
        errors.MapFunctionError, match=r"map\(\) received max_active=.*. Pass a whole number of at least 1"
    ):
        numbers().map(work, max_active=limit)


@pytest.mark.parametrize("limit", [-1, True, False, -0.1, 1.5, float("nan"), "3", [3]])
def test_a_limit_to_failed_keys_is_a_number_or_a_share(dag, limit):
    remedy = "Pass how many keys may fail: a whole number from 0 up, or a share from 0.0 to 1.0 as a float"
    with pytest.raises(errors.MapFunctionError, match=rf"map\(\) received max_failures=.*. {remedy}"):
        numbers().map(work, max_failures=limit)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("always", "starts at once"),
        ("one_success", "starts when one clone has succeeded"),
        ("one_failed", "starts when one clone has failed"),
        ("one_done", "starts when one clone is done"),
        ("all_failed", "starts when all clones have failed"),
        ("all_skipped", "starts when all clones were skipped"),
    ],
)
def test_a_collector_waits_for_all_clones(dag, rule, reason):
    handle = numbers().map(work)
    said = f"Task 'work', .*: its collection was passed to 'early', whose trigger rule '{rule}' {reason}"
    early = work.override(task_id="early", trigger_rule=rule)
    with pytest.raises(errors.HandleUsageError, match=f"{said}.*Leave the rule at its default"):
        early(handle.collect(min_success_ratio=0.5))


def test_a_rule_about_states_is_the_authors_word_on_states(dag):
    handle = numbers().map(work)
    cleanup = work.override(task_id="cleanup", trigger_rule="all_failed")
    cleanup(handle.states())
    assert dag.get_task("cleanup").upstream_task_ids == {"work"}
    with pytest.raises(errors.HandleUsageError, match="whose trigger rule 'one_failed' starts"):
        work.override(task_id="early", trigger_rule="one_failed")(handle.states())


@task.branch
def choose(value):
    return "work"


@task.short_circuit
def stop(value):
    return False


@pytest.mark.parametrize(
    ("chooser", "kind"),
    [
        (choose, "_BranchPythonDecoratedOperator"),
        (stop, "_ShortCircuitDecoratedOperator"),
        (lambda item: BranchPythonOperator(task_id="choose", python_callable=print), "BranchPythonOperator"),
        (lambda item: ShortCircuitOperator(task_id="stop", python_callable=print), "ShortCircuitOperator"),
        (lambda item: LatestOnlyOperator(task_id="latest"), "LatestOnlyOperator"),
    ],
)
def test_a_task_that_chooses_others_is_refused_inside_a_map(dag, chooser, kind):
    with pytest.raises(
        errors.MapFunctionError,
        match=f"Task 'numbers', .*: the mapped function calls '.*', a {kind}, which chooses "
        "the tasks that run after it; inside a map Airflow loses the choice.*Raise AirflowSkipException",
    ):
        numbers().map(lambda item: chooser(item) and work(item))


# At run time


def test_a_strict_zip_names_the_keys_that_one_side_lacks(dag):
    numbers().zip(others(), how="strict").map(work)
    supervisor = FakeSupervisor()
    for task_id in ("numbers", "others"):
        run_task(dag, task_id, supervisor=supervisor)
    run = run_task(dag, "numbers_zip_others__keys", supervisor=supervisor)
    # Of a kind that is not retried, because a retry would meet the same.
    assert type(run.error) is AirflowFailException
    assert type(run.error.__cause__) is errors.KeyMismatchError
    assert run.message == (
        "Task 'numbers_zip_others__keys': a strict zip needs the same keys on both sides, but only "
        "numbers.result has 'a' and only others.result has 'c'. Produce the same keys, or zip with "
        'how="inner" or how="outer".'
    )


def test_a_ratio_that_is_not_reached_names_the_failed_keys(dag):
    work.override(task_id="collect")(numbers().map(work).collect(min_success_ratio=0.6))
    supervisor = FakeSupervisor()
    run_task(dag, "numbers", supervisor=supervisor)
    run_task(dag, "work", 0, supervisor)
    supervisor.states["work", 1] = "failed"
    run = run_task(dag, "collect", supervisor=supervisor)
    assert type(run.error) is errors.TooFewSuccessesError
    assert run.message == (
        "Task 'work', output 'result', key 'b': 1 of 2 keys failed: 'b'; min_success_ratio=0.6 allows 0. "
        "Clear the failed clones with their downstream tasks."
    )


def test_more_pairs_than_airflow_maps_are_refused_with_the_option(dag, monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__MAX_MAP_LENGTH", "3")
    numbers().product(others()).map(work)
    supervisor = FakeSupervisor()
    for task_id in ("numbers", "others"):
        run_task(dag, task_id, supervisor=supervisor)
    run = run_task(dag, "numbers_product_others__keys", supervisor=supervisor)
    assert type(run.error) is AirflowFailException
    assert type(run.error.__cause__) is errors.TooManyOutputsError
    assert run.message.startswith(
        "Task 'numbers_product_others__keys', output 'result': produced 4 keys, but Airflow maps at most 3: "
        "[core] max_map_length = 3. Raise [core] max_map_length"
    )


def test_there_are_no_inner_keys_to_list_without_the_outer_ones(dag):
    numbers().map(lambda number: parts(number).map(work))
    assert run_task(
        dag, "parts__keys", supervisor=FakeSupervisor(states={("numbers", -1): "skipped"})
    ).state == ("skipped")
    run = run_task(dag, "parts__keys", supervisor=FakeSupervisor(states={("numbers", -1): "failed"}))
    # Of a kind that is not retried, because a retry would meet the same.
    assert type(run.error) is AirflowFailException
    assert run.message == "'numbers' is failed, so there are no keys to list."


def test_an_inner_key_that_was_produced_again_is_not_read_by_position(dag):
    numbers().map(lambda number: parts(number).map(work))
    supervisor = FakeSupervisor()
    run_task(dag, "numbers", supervisor=supervisor)
    for position in range(2):
        run_task(dag, "parts", position, supervisor)
    run_task(dag, "parts__keys", supervisor=supervisor)
    supervisor.xcoms["parts", 1, "dynamic_output.result.page.0"]["keys"][0] = "other"
    run = run_task(dag, "work", 1, supervisor)
    assert type(run.error) is errors.StaleKeyError
    assert run.message == (
        "Task 'parts', output 'result', key 'b/0': was produced again and no longer has this key, "
        "but 'parts__keys' still lists it. Clear 'parts__keys' together with its downstream tasks."
    )
