"""``handle.outcomes()``: what became of each key."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from airflow.sdk import DAG, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, Outcome, dynamic_task
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
    return {
        key: asdict(outcome) if isinstance(outcome, Outcome) else {k: asdict(o) for k, o in outcome.items()}
        for key, outcome in outcomes.items()
    }


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
    while run.state == "running":
        run.run()
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
