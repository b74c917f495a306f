"""Each line of the table "What differs" of the page about Dagster."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from airflow_dynamic_provider.dags_from import dagster
from airflow_dynamic_provider.dags_from.dagster import DynamicOut, DynamicOutput, RetryRequested, job, op
from airflow_dynamic_provider.errors import InvalidMappingKeyError, UnstorableOutputError
from tests.workflow_runs import quickly

PAGE = Path(__file__).parents[2] / "docs" / "coming-from-dagster.md"

#: A word of each line -> the test that holds it.
LINES = {
    "resources are set up": "test_batches.py::test_a_batch_sets_its_resources_up_once_and_tears_them_down",
    "several runs at once": "test_refusals.py::test_what_a_schedule_may_not_ask_for",
    "for each tick": "test_dag_files.py::test_a_schedule_is_asked_for_each_run_that_it_starts",
    "RetryRequested": "test_differences.py::test_a_retry_that_airflow_does_not_know_of_is_refused",
    "Backoff.LINEAR": "test_refusals.py::test_what_an_op_declares_is_checked",
    "metadata for a key": "test_differences.py::test_metadata_of_a_key_that_is_not_produced_is_refused",
    "below a mapped graph": "test_refusals.py::test_a_job_that_cannot_be_right_is_refused",
    "return nothing": "test_refusals.py::test_a_job_that_cannot_be_right_is_refused",
    "cannot return outputs": "test_differences.py::test_a_job_may_return_outputs",
    "of any length": "test_differences.py::test_a_key_that_is_too_long_is_refused",
    "may return mapped values": "test_refusals.py::test_what_is_not_supported_is_refused_when_it_is_called",
    "input_manager_key": "test_refusals.py::test_an_input_manager_needs_a_stored_output",
    "JSON file": "test_refusals.py::test_a_config_that_does_not_fit_is_refused_before_the_run",
}

# As if it were imported from a module that the op's module does not define.
LIBRARY: dict = {"RetryRequested": RetryRequested}
exec("def request():\n    raise RetryRequested()", LIBRARY)
AS_METHOD = type("Library", (), {"ask": staticmethod(LIBRARY["request"])})


@op
def one():
    return 1


@op
def asks_elsewhere():
    AS_METHOD.ask()


@op(out=DynamicOut(int))
def tells_of_another_key(context):
    context.add_output_metadata({"a": 1}, mapping_key="other")
    yield DynamicOutput(1, "own")


def test_each_line_of_the_page_has_a_test():
    table = PAGE.read_text(encoding="utf-8").split("## What differs")[1]
    lines = [line for line in table.splitlines() if line.startswith("| ") and "in Dagster | here" not in line]
    assert len(lines) == len(LINES)
    for words, test in LINES.items():
        assert sum(words in line for line in lines) == 1, words
        file, _, name = test.partition("::")
        assert re.search(rf"^def {name}\(", (Path(__file__).parent / file).read_text(), re.MULTILINE), test


def test_every_name_of_the_page_can_be_imported():
    named = set(re.findall(r"`@?([A-Za-z_]+)(?:\(|`|=)", PAGE.read_text(encoding="utf-8")))
    known = {name for name in named if name in dagster.__all__}
    assert {"op", "In", "graph_asset", "ScheduleDefinition", "in_process_executor", "RunConfig"} <= known


def test_a_retry_that_airflow_does_not_know_of_is_refused():
    @job
    def asking():
        asks_elsewhere()

    message = (
        r"^Task 'asks_elsewhere': a retry was requested, and the task has only 0 retries\. Give the op a R"
    )
    with quickly(), pytest.raises(dagster.DagsterInvalidConfigError, match=message):
        asking.execute_in_process()
    assert asking.dag.get_task("asks_elsewhere").retries == 0


def test_metadata_of_a_key_that_is_not_produced_is_refused():
    @job
    def telling():
        tells_of_another_key()

    message = r"added metadata to an output 'result' with the mapping key 'other', and did not give it\. Give"
    with quickly(), pytest.raises(dagster.DagsterInvariantViolationError, match=message):
        telling.execute_in_process()


def test_a_job_may_return_outputs():
    @job
    def returning():
        return one()

    with quickly():
        assert returning.execute_in_process().output_value() == 1


def test_a_key_that_is_too_long_is_refused():
    assert DynamicOutput(1, "a" * 250).mapping_key == "a" * 250
    with pytest.raises(InvalidMappingKeyError, match="has at most 250 characters, received 251"):
        DynamicOutput(1, "a" * 251)


@op
def gives_a_function():
    return lambda: 1


def test_a_value_that_has_no_form_is_refused_where_it_is_given():
    @job
    def giving():
        gives_a_function()

    message = (
        r"cannot carry a value of type function: .* or declare Out\(io_manager_key=\.\.\.\) for the output"
    )
    with quickly(), pytest.raises(UnstorableOutputError, match=message):
        giving.execute_in_process()
