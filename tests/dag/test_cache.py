"""Results that are kept over runs: what runs again, and what is used."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest
from airflow.sdk import DAG, task

from airflow_dynamic_provider import (
    Cache,
    DynamicOut,
    DynamicOutput,
    add_output_metadata,
    dynamic_task,
)
from airflow_dynamic_provider.cache import store
from airflow_dynamic_provider.version_compat import AirflowSkipException
from tests.dag_runs import run_dag

pytestmark = pytest.mark.dag

#: What the tasks below are given and what ran; a test changes it.
WORLD = SimpleNamespace()


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    """Keep results in a directory of the test, and return it."""
    monkeypatch.setenv("AIRFLOW__DYNAMIC_OUTPUTS__CACHE_PATH", str(tmp_path / "kept"))
    store.open_store.cache_clear()
    WORLD.ran, WORLD.values = [], {"a": 1, "b": 2, "c": 3}
    yield tmp_path / "kept"
    store.open_store.cache_clear()


@task
def keep(values):
    return values


def ran():
    """Return what has run since the last time."""
    names, WORLD.ran = WORLD.ran, []
    return names


@dynamic_task(out=DynamicOut(int), cache=Cache("1"))
def produce(values):
    WORLD.ran.append("produce")
    for key, value in values.items():
        yield DynamicOutput(value, key, metadata={"value": value})


@task
def work(value):
    WORLD.ran.append(value)
    if value == 4:
        raise ValueError("4 is bad")
    if value == 5:
        raise AirflowSkipException("5 is not wanted")
    add_output_metadata({"twice": 2 * value})
    return None if value == 6 else value * 10


def dag_of(batch=None, cache=Cache("1")):  # noqa: B008 (a frozen object)
    with DAG("cached", schedule=None) as dag:
        results = produce(WORLD.values).map(work, cache=cache, batch=batch)
        keep(results.collect(keyed=True, min_success_ratio=0))
    return dag


@pytest.mark.parametrize("batch", [None, 2])
def test_only_what_is_new_runs(batch, kept, caplog):
    first = run_dag(dag_of(batch))
    assert first.xcom("keep") == {"a": 10, "b": 20, "c": 30}
    assert ran() == ["produce", 1, 2, 3]

    caplog.set_level(logging.INFO)
    again = run_dag(dag_of(batch))
    assert again.xcom("keep") == {"a": 10, "b": 20, "c": 30}
    assert ran() == []
    assert (
        f"Using the result from run {first.run_id!r}: task 'work', key 'c' of the Dag 'cached'" in caplog.text
    )
    assert again.states("work") == first.states("work")

    # The keys are in another order, one is gone, one is new, and the input of another has changed.
    WORLD.values = {"c": 3, "new": 7, "a": 6}
    changed = run_dag(dag_of(batch))
    assert changed.xcom("keep") == {"c": 30, "new": 70, "a": None}
    assert ran() == ["produce", 7, 6]
    # ``None`` is a result.
    assert run_dag(dag_of(batch)).xcom("keep") == {"c": 30, "new": 70, "a": None}
    assert ran() == []
