"""Every clone of every operator class carries its key as label, whatever becomes of it."""

from __future__ import annotations

import pytest
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import dag, task
from airflow.sdk.execution_time import comms

from airflow_dynamic_provider import DynamicOut, DynamicOutput
from airflow_dynamic_provider.version_compat import AirflowSkipException
from tests.dag_runs import run_dag

KEYS = [
    "123",
    "None",
    "[1]",
    "1e5",
    "True",
    "{{ x }}",
    "{% raw %}",
    "café.txt",
    "someone+tag@example.org",
    "https://example.org/a?b=c#d",
    " leading and trailing ",
    "a/b",
    "'quoted\"",
    "日本語",
    "x" * 250,
]


#: Keys that a template, a number or a limit of length could change.
RISKY = ["123", "{{ x }}", "{% raw %}", " leading and trailing ", "x" * 250]


@task.dynamic(out=DynamicOut(int))
def keyed():
    for number, key in enumerate(KEYS):
        yield DynamicOutput(number, mapping_key=key)


@task.dynamic(out=DynamicOut(int))
def risky():
    for number, key in enumerate(RISKY):
        yield DynamicOutput(number, mapping_key=key)


@task
def first(number):
    return number


@task
def second(number):
    return number


@task
def keep(values):
    return values


@pytest.mark.parametrize("native", [False, True])
def test_every_key_is_a_label_and_a_rendered_field_as_it_is(native):
    from airflow.models.renderedtifields import RenderedTaskInstanceFields
    from airflow.settings import Session

    @dag(schedule=None, render_template_as_native_obj=native)
    def labels():
        handle = keyed()
        chained = handle.map(lambda n: second(first(n)))
        handle.map(lambda n: BashOperator(task_id="bash", bash_command="true"))
        keep(chained.collect(keyed=True))

    run = run_dag(labels())
    for task_id in ("first", "second", "bash"):
        labels_found = [ti._rendered_map_index for _, ti in sorted(run.instances(task_id).items())]
        assert labels_found == KEYS
    assert run.xcom("keep") == {key: number for number, key in enumerate(KEYS)}
    fields = Session().query(RenderedTaskInstanceFields).filter_by(run_id=run.run_id, task_id="first")
    rendered = {row.map_index: row.rendered_fields["dynamic_mapping_key"] for row in fields}
    assert rendered == dict(enumerate(KEYS))


@pytest.mark.skipif(
    not hasattr(comms, "SetRenderedMapIndex"),
    reason="this Airflow has no message for the label of a running task (3.2 and later have)",
)
@pytest.mark.parametrize("native", [False, True])
def test_the_label_is_there_while_the_clone_runs(native):
    @task
    def look(number, ti=None):
        from airflow.models.taskinstance import TaskInstance
        from airflow.settings import Session

        Session().expire_all()
        return Session().get(TaskInstance, ti.id)._rendered_map_index

    @dag(schedule=None, render_template_as_native_obj=native)
    def running():
        keep(keyed().map(look).collect())

    assert run_dag(running()).xcom("keep") == KEYS


@pytest.mark.parametrize("native", [False, True])
def test_the_label_stays_after_failure_skip_and_retry(native):
    @task(retries=1, retry_delay=0)
    def fail(number):
        raise ValueError("always")

    @task
    def skip(number):
        raise AirflowSkipException("always")

    @dag(schedule=None, render_template_as_native_obj=native)
    def ended():
        handle = risky()
        handle.map(fail)
        handle.map(skip)
        handle.map(lambda n: BashOperator(task_id="bash", bash_command="exit 1"))
        handle.map(lambda n: BashOperator(task_id="undefined", bash_command="{{ no_such_variable }}"))

    run = run_dag(ended())
    for task_id, state in (
        ("fail", "failed"),
        ("skip", "skipped"),
        ("bash", "failed"),
        ("undefined", "failed"),
    ):
        assert run.states(task_id) == dict.fromkeys(RISKY, state), task_id
    assert {ti.try_number for ti in run.instances("fail").values()} == {2}


def test_a_template_of_the_author_neither_labels_nor_fails_a_producing_task():
    failing = "{{ nothing.like_that }}"

    @task.dynamic(out=DynamicOut(int), map_index_template=failing)
    def produce(value=1):
        yield DynamicOutput(value, mapping_key="a")

    @dag(schedule=None)
    def labels():
        nested = produce().map(lambda number: produce.override(task_id="below")(number))
        keep(nested.collect(keyed=True))

    run = run_dag(labels())
    assert run.state == "success"
    assert run.states("below") == {"a": "success"}
    assert run.xcom("keep") == {"a": {"a": 1}}
