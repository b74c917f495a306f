"""``handle.outcomes()``: what became of each key."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from airflow.sdk import DAG, task

from airflow_dynamic_provider import Batch, DynamicOut, DynamicOutput, Out, Outcome, dynamic_task
from airflow_dynamic_provider.local import run_local
from airflow_dynamic_provider.version_compat import AirflowFailException, AirflowSkipException
from tests.dag_runs import start_run

pytestmark = pytest.mark.dag

#: Key -> what `work` does for it: return a value, raise an error, or first raise an error and then this.
ACTS: dict[str, object] = {}


@pytest.fixture(autouse=True)
def _acts():
    ACTS.clear()
    ACTS.update(
        good="value",
        none=None,
        late=[ValueError("too early"), "value"],
        bad=AirflowFailException("broken for good"),
        worn=[ValueError("first"), KeyError("second")],
        away=AirflowSkipException("not here"),
    )


@dynamic_task(out=DynamicOut(str))
def produce():
    for key in ACTS:
        yield DynamicOutput(key, key)


@task(retries=1, retry_delay=0)
def work(key):
    act = ACTS[key]
    if isinstance(act, list):
        act = act.pop(0)
    if isinstance(act, Exception):
        raise act
    return {"of": key, "is": act}


@task
def after(value):
    return value


@task
def report(outcomes):
    if isinstance(outcomes, Outcome):
        return asdict(outcomes)
    return {key: report.function(each) for key, each in outcomes.items()}


def told(outcomes):
    """Return the outcomes without their durations, of which only those that started have one."""
    for each in outcomes.values():
        duration = each.pop("duration")
        assert (duration is None) == (not each["tries"]), each
        assert duration is None or 0 < duration < 60
    return outcomes


def outcome(state, value=None, error_class=None, error_message=None, tries=1):
    return dict(locals())


@pytest.mark.parametrize("batch", [None, 4])
def test_what_became_of_each_key(batch):
    with DAG(f"outcomes_{batch}") as dag:
        worked = produce().map(work, batch=batch)
        later = worked.map(after, batch=batch)
        report.override(task_id="of_work")(worked.outcomes())
        report.override(task_id="of_part")(worked.map(lambda item: after(item["is"]), batch=batch).outcomes())
        report.override(task_id="of_later")(later.outcomes())
    run = start_run(dag).run()
    assert told(run.xcom("of_work")) == {
        "good": outcome("success", {"of": "good", "is": "value"}),
        "none": outcome("success", {"of": "none", "is": None}),
        "late": outcome("success", {"of": "late", "is": "value"}, tries=2),
        "bad": outcome("failed", None, "AirflowFailException", "broken for good"),
        "worn": outcome("failed", None, "KeyError", "'second'", tries=2),
        "away": outcome("skipped"),
    }
    because = "because 'work' failed: AirflowFailException: broken for good"
    assert told(run.xcom("of_later")) == {
        "good": outcome("success", {"of": "good", "is": "value"}),
        "none": outcome("success", {"of": "none", "is": None}),
        "late": outcome("success", {"of": "late", "is": "value"}),
        "bad": outcome("upstream_failed", None, "AirflowFailException", because, tries=0),
        "worn": outcome(
            "upstream_failed", None, "KeyError", "because 'work' failed: KeyError: 'second'", tries=0
        ),
        "away": outcome("skipped", tries=0),
    }
    assert told(run.xcom("of_part"))["good"] == outcome("success", "value")


def no_cluster():
    raise ConnectionError("no cluster answers")


def test_keys_of_a_batch_that_fails_before_any_of_them_runs_have_its_error():
    with DAG("no_cluster") as dag:
        worked = produce().map(after, batch=Batch(4, runner=no_cluster))
        report.override(task_id="of_work")(worked.outcomes())
        report.override(task_id="of_later")(worked.map(work, batch=3).outcomes())
        report.override(task_id="of_all")(worked.collect())
    run = start_run(dag).run()
    error = "ConnectionError", "no cluster answers"
    assert set(run.states("after").values()) == {"failed"}
    assert told(run.xcom("of_work")) == dict.fromkeys(ACTS, outcome("failed", None, *error, tries=None))
    because = "because 'after' failed: ConnectionError: no cluster answers"
    stopped = outcome("upstream_failed", None, error[0], because, tries=0)
    assert told(run.xcom("of_later")) == dict.fromkeys(ACTS, stopped)
    locally = run_local(dag).task("after").keys
    assert {each.error for each in locally.values()} == {"ConnectionError: no cluster answers"}


@dynamic_task(out=DynamicOut(str))
def orders(customer):
    if isinstance(ACTS[customer], Exception):
        raise ACTS[customer]
    for number in range(2):
        yield DynamicOutput(f"{customer}{number}", f"o{number}")


@task
def ship(order):
    if order == "good1":
        raise ValueError("lost")
    return order


@dynamic_task(out=Out(dict[str, Outcome]))
def pass_on(outcomes):
    return outcomes


@task
def first_of(outcomes):
    return outcomes["good"].value, type(outcomes["good"]).__name__


@pytest.mark.parametrize("batch", [None, 2])
def test_nested_and_joined_keys_and_a_clear(batch):
    """Also below a key, after a clear with other keys, and as a value that travels on."""
    for key in ("none", "late", "worn"):
        del ACTS[key]

    def body(customer):
        shipped = orders(customer).map(ship, batch=batch)
        report.override(task_id="below")(shipped.outcomes())
        return shipped

    with DAG(f"nested_{batch}") as dag:
        customers = produce()
        worked, shipped = customers.map(work), customers.map(body)
        report.override(task_id="nested")(shipped.outcomes())
        report.override(task_id="joined")(worked.zip(customers).outcomes())
        first_of(pass_on(customers.outcomes()))
    run = start_run(dag).run()
    broken = outcome("failed", None, "AirflowFailException", "broken for good")
    good = {"o0": outcome("success", "good0"), "o1": outcome("failed", None, "ValueError", "lost")}
    found = run.xcom("nested")
    assert found.keys() == {"good", "bad", "away"}
    assert told(found.pop("good")) == told(run.xcom("below", map_index=0)) == good
    assert told(found) == {"bad": broken, "away": outcome("skipped")}
    assert list(run.states("below").values()) == ["success", "upstream_failed", "skipped"]
    # No task ran for a pair.
    bare = {"tries": None, "duration": None}
    assert run.xcom("joined") == {
        "good": {**outcome("success", [{"of": "good", "is": "value"}, "good"]), **bare},
        "bad": {**broken, **bare},
        "away": {**outcome("skipped"), **bare},
    }
    assert run.xcom("first_of") == ("good", "Outcome")
    ACTS.clear()
    ACTS.update(new="value", bad="mended", good=AirflowFailException("worse"))
    run.clear("produce").run()
    found = run.xcom("nested")
    assert list(found) == ["new", "bad", "good"]
    assert told(found.pop("new")) == {"o0": outcome("success", "new0"), "o1": outcome("success", "new1")}
    assert told(found.pop("bad"))["o0"]["value"] == "bad0"
    assert told(found) == {"good": outcome("failed", None, "AirflowFailException", "worse")}
