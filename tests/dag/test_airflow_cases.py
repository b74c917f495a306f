"""What Airflow's own mapping gets wrong, or leaves to the author, works.

The cases were found by trying Airflow 3.3.2 itself. The one about PostgreSQL and a custom XCom backend is
among the live tests; branching inside a mapped function, which Airflow gets wrong too, is refused.
"""

from __future__ import annotations

import pytest
from airflow.sdk import BaseOperator, dag, task, task_group
from airflow.sdk.execution_time import comms
from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_dynamic_provider import DynamicOut, DynamicOutput, errors
from airflow_dynamic_provider.version_compat import AirflowSkipException
from tests.dag.tasks import double, keep, pair
from tests.dag.test_reruns import clears_by_key, may_lose_keys
from tests.dag_runs import start_run

#: What is produced; a test changes it between two runs.
KEYS: list[str] = []


@pytest.fixture(autouse=True)
def _keys():
    KEYS[:] = ["a", "b", "c", "d"]


@task.dynamic(out=DynamicOut(str))
def produce():
    for key in KEYS:
        yield DynamicOutput(f"<{key}>", key)


@task
def skip_b_fail_c(value, mapping_key=None):
    if mapping_key == "b":
        raise AirflowSkipException("not today")
    if mapping_key == "c":
        raise ValueError("broken")
    return value


@task
def nothing(value):
    return None


@task_group
def stages(value):
    return double.override(task_id="second")(double.override(task_id="first")(value))


def test_one_key_in_a_task_group_gives_a_collection_of_one():
    KEYS[:] = ["only"]

    @dag(schedule=None)
    def one():
        handle = produce().map(stages)
        pair(handle.collect(), handle.collect(keyed=True))

    assert start_run(one()).run().xcom("pair") == [["<only>" * 4], {"only": "<only>" * 4}]


@pytest.mark.parametrize("keys", [[], ["a", "b"]])
def test_no_keys_and_no_values_give_a_collection_and_never_none(keys):
    KEYS[:] = keys

    @task_group
    def group(value):
        return nothing(value)

    @dag(schedule=None)
    def empty():
        grouped, alone = produce().map(group), produce().map(nothing)
        pair(grouped.collect(), grouped.collect(keyed=True))
        pair(alone.collect(), alone.collect(keyed=True))

    run = start_run(empty()).run()
    assert run.xcom("pair") == run.xcom("pair__1") == [[None] * len(keys), dict.fromkeys(keys)]


def test_values_and_states_keep_their_keys_past_skipped_and_failed_ones():
    @dag(schedule=None)
    def gaps():
        handle = produce().map(skip_b_fail_c)
        keep(handle.collect(keyed=True, min_success_ratio=0.5))
        keep(handle.states())

    run = start_run(gaps()).run()
    assert run.xcom("keep") == {"a": "<a>", "d": "<d>"}
    assert run.xcom("keep__1") == {"a": "success", "b": "skipped", "c": "failed", "d": "success"}


@may_lose_keys
def test_a_run_with_fewer_reordered_more_and_no_keys_has_no_value_of_an_earlier_one():
    @dag(schedule=None)
    def again():
        keep(produce().map(double).collect(keyed=True))

    run = start_run(again())
    for keys in ("abcd", "da", "abcde", "", "z"):
        KEYS[:] = keys
        run.clear("produce").run()
        assert run.xcom("keep") == {key: f"<{key}><{key}>" for key in keys}
        assert list(run.xcom("keep")) == list(keys)
        assert run.states("double") == dict.fromkeys(keys, "success")


@pytest.mark.parametrize("native", [False, True])
def test_a_key_is_a_label_whatever_it_looks_like(native):
    KEYS[:] = ["123", "None", "x" * 250, "日本語 ünïcode", "{{ ds }}", "{% raw %}"]

    @dag(schedule=None, render_template_as_native_obj=native)
    def labels():
        keep(produce().map(double).collect(keyed=True))

    run = start_run(labels()).run()
    assert run.states("double") == dict.fromkeys(KEYS, "success")
    assert list(run.xcom("keep")) == KEYS


@pytest.mark.parametrize(
    ("keys", "error", "text"),
    [
        (["x" * 251], errors.InvalidMappingKeyError, "received 251: 'xxx"),
        ([""], errors.InvalidMappingKeyError, "must not be empty"),
        (
            ["a", "b", "a"],
            errors.DuplicateMappingKeyError,
            "'produce', output 'result', key 'a': two outputs",
        ),
    ],
)
def test_a_key_that_cannot_name_anything_fails_its_producer(keys, error, text):
    KEYS[:] = keys

    @dag(schedule=None)
    def refused():
        keep(produce().map(double).collect())

    run = start_run(refused()).run()
    assert isinstance(run.errors["produce", -1], error)
    assert text in str(run.errors["produce", -1])
    assert [run.state_of(task_id) for task_id in ("produce", "double", "keep")] == [
        "failed",
        "upstream_failed",
        "upstream_failed",
    ]


def test_every_task_of_a_group_has_the_label_whatever_became_of_it():
    @task(retries=1, retry_delay=0)
    def second_try(value, ti=None):
        if ti.try_number == 1:
            raise ValueError("not yet")
        return value

    @dag(schedule=None)
    def labels():
        produce().map(lambda value: skip_b_fail_c(second_try(double(value))))

    run = start_run(labels()).run()
    for task_id in ("double", "second_try"):
        assert run.states(task_id) == dict.fromkeys("abcd", "success")
    assert run.tries()["second_try", 0] == 2
    assert list(run.states("skip_b_fail_c").values()) == ["success", "skipped", "failed", "success"]
    assert list(run.states("skip_b_fail_c")) == list("abcd")


@pytest.mark.skipif(
    not hasattr(comms, "SetRenderedMapIndex"),
    reason="this Airflow has no message for the label of a running task (3.2 and later have)",
)
def test_the_label_is_there_while_a_clone_runs_and_in_its_retry():
    seen = []

    @task(retries=1, retry_delay=0)
    def look(value, ti=None):
        from airflow.models.taskinstance import TaskInstance
        from airflow.utils.session import create_session
        from sqlalchemy import select

        with create_session() as session:
            query = select(TaskInstance.state, TaskInstance._rendered_map_index)
            seen.append(tuple(session.execute(query.where(TaskInstance.id == ti.id)).one()))
        if ti.try_number == 1:
            raise ValueError("not yet")

    @dag(schedule=None)
    def running():
        produce().map(look)

    start_run(running()).run()
    assert sorted(seen) == sorted([("running", key) for key in KEYS] * 2)


def test_a_producer_that_fails_after_some_keys_leaves_nothing_of_its_first_try():
    @task.dynamic(out=DynamicOut(str), retries=1, retry_delay=0)
    def half(ti=None):
        for key in KEYS:
            if key == "c" and ti.try_number == 1:
                KEYS[:] = ["c", "a"]
                raise ValueError("half way")
            yield DynamicOutput(key, key)

    @dag(schedule=None)
    def retried():
        keep(half().map(double).collect(keyed=True))

    run = start_run(retried()).run()
    assert run.tries()["half", -1] == 2
    assert run.xcom("keep") == {"c": "cc", "a": "aa"}
    assert run.states("double") == {"c": "success", "a": "success"}


class EchoTrigger(BaseTrigger):
    """Comes back at once with what it was given."""

    def __init__(self, text):
        super().__init__()
        self.text = text

    def serialize(self):
        return f"{__name__}.{type(self).__name__}", {"text": self.text}

    async def run(self):
        yield TriggerEvent(self.text)


class DeferredOperator(BaseOperator):
    """Waits in the triggerer for its own text."""

    template_fields = ("text",)

    def __init__(self, text, **kwargs):
        super().__init__(**kwargs)
        self.text = text

    def execute(self, context):
        self.defer(trigger=EchoTrigger(self.text), method_name="resume")

    def resume(self, context, event):
        return [event, self.text, context["mapping_key"]]


def test_a_clone_keeps_its_key_while_it_is_deferred():
    @dag(schedule=None)
    def deferred():
        handle = produce().map(lambda value: DeferredOperator(task_id="wait", text=value))
        keep(handle.collect(keyed=True))

    run = start_run(deferred()).run()
    assert run.xcom("keep") == {key: [f"<{key}>", f"<{key}>", key] for key in KEYS}
    assert run.states("wait") == dict.fromkeys(KEYS, "success")


def test_more_keys_than_airflow_maps_is_an_error_that_names_the_option(monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__MAX_MAP_LENGTH", "3")

    @dag(schedule=None)
    def many():
        keep(produce().map(double).collect())

    run = start_run(many()).run()
    assert run.state_of("produce") == "failed"
    assert "produced 4 keys, but Airflow maps at most 3: [core] max_map_length" in str(
        run.errors["produce", -1]
    )


def test_a_clone_reads_as_much_of_ten_keys_as_of_two():
    @dag(schedule=None)
    def cost():
        keep(produce().map(lambda value: double(double(value))).collect())

    seen = []
    for count in (2, 10):
        KEYS[:] = [f"key {number}" for number in range(count)]
        calls = start_run(cost()).run().calls
        clone = ("double__1", 1)
        seen.append((calls.messages[clone], calls.received[clone], calls.messages["keep", -1]))
    (few, few_bytes, few_collected), (of_clone, many_bytes, of_collector) = seen
    assert (few, few_collected) == (of_clone, of_collector)
    # A clone reads the page of its key, which has at most 64 keys, each with its short value here.
    assert many_bytes - few_bytes <= 8 * len('"key 9", "key 9", ')
    assert {name: number for name, number in of_clone.items() if "Get" in name} == {"GetXCom": 2}
    assert {name: number for name, number in of_collector.items() if "Get" in name} == {
        "GetTaskStates": 1,
        "GetXCom": 2,
        "GetXComSequenceSlice": 1,
    }


def test_a_skipped_task_skips_the_rest_of_its_key_alone():
    @task
    def only_vowels(value, mapping_key=None):
        if mapping_key not in "aeiou":
            raise AirflowSkipException("a consonant")
        return value

    @dag(schedule=None)
    def filtered():
        keep(produce().map(lambda value: double(only_vowels(value))).collect(keyed=True))

    run = start_run(filtered()).run()
    assert run.states("only_vowels") == {key: "success" if key == "a" else "skipped" for key in KEYS}
    assert [run.state_of("double", index) for index in range(4)] == ["success", *["skipped"] * 3]
    assert run.xcom("keep") == {"a": "<a><a>"}


@clears_by_key
def test_one_key_is_cleared_with_what_depends_on_it_and_nothing_else():
    @dag(schedule=None)
    def branches():
        keep(produce().map(stages).collect())

    run = start_run(branches()).run()
    before = run.tries()
    after = run.clear("stages.first", 2).run().tries()
    assert {ti for ti in after if after[ti] != before[ti]} == {
        ("stages.first", 2),
        ("stages.second", 2),
        ("keep", -1),
    }
    assert run.xcom("keep") == [f"<{key}>" * 4 for key in KEYS]
