"""Results that are kept over runs: what runs again, and what is used."""

from __future__ import annotations

import logging
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG, task

from airflow_dynamic_provider import (
    Cache,
    DynamicOut,
    DynamicOutput,
    add_output_metadata,
    dynamic_task,
    dynamic_workflow,
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
    """Return what has run since the last time, in no order: that of task instances is not fixed."""
    names, WORLD.ran = WORLD.ran, []
    return Counter(names)


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
    assert ran() == Counter(["produce", 1, 2, 3])

    caplog.set_level(logging.INFO)
    again = run_dag(dag_of(batch))
    assert again.xcom("keep") == {"a": 10, "b": 20, "c": 30}
    assert ran() == Counter()
    assert (
        f"Using the result from run {first.run_id!r}: task 'work', key 'c' of the Dag 'cached'" in caplog.text
    )
    assert again.states("work") == first.states("work")

    # The keys are in another order, one is gone, one is new, and the input of another has changed.
    WORLD.values = {"c": 3, "new": 7, "a": 6}
    changed = run_dag(dag_of(batch))
    assert changed.xcom("keep") == {"c": 30, "new": 70, "a": None}
    assert ran() == Counter(["produce", 7, 6])
    # ``None`` is a result.
    assert run_dag(dag_of(batch)).xcom("keep") == {"c": 30, "new": 70, "a": None}
    assert ran() == Counter()


@task
def fetch(name):
    WORLD.ran.append(f"fetch {name}")
    return {"name": name, "size": len(name)}


@task(cache=Cache("1"))
def measure(document):
    WORLD.ran.append(f"measure {document['name']}")
    if document["name"] == "bad":
        raise ValueError("bad")
    return document["size"]


@dynamic_task(out=DynamicOut(str))
def letters(word):
    WORLD.ran.append(f"letters {word}")
    for letter in word:
        yield DynamicOutput(letter, letter)


@dynamic_workflow(tasks=[fetch, measure, letters.override(cache=Cache("1"))])
def survey(names):
    found = [measure(fetch(name)) for name in names]
    return found, letters.override(cache=Cache("1"))("ab")


@dynamic_workflow(tasks=[fetch], cache=Cache("2", ignored=("note",)))
def fetch_all(names: list[str], note: str = "") -> tuple[dict[str, Any], int]:
    WORLD.ran.append("plan")
    return {name: fetch(name) for name in names}, len(names)


def test_nodes_and_workflows_keep_their_results():
    def run(names, note):
        with DAG("surveys", schedule=None) as dag:
            keep(survey(names))
            fetched, count = fetch_all(names, note)
            keep.override(task_id="fetched")(fetched)
            keep.override(task_id="count")(count)
        return run_dag(dag)

    first = run(["a", "bb"], "first")
    assert first.xcom("keep") == ([1, 2], ["a", "b"])
    everything = {name: {"name": name, "size": len(name)} for name in ("a", "bb")}
    assert (first.xcom("fetched"), first.xcom("count")) == (everything, 2)
    assert ran() == Counter([*["fetch a", "fetch bb"] * 2, "measure a", "measure bb", "letters ab", "plan"])
    again = run(["a", "bb"], "again")
    assert again.xcom("keep") == ([1, 2], ["a", "b"])
    assert (again.xcom("fetched"), again.xcom("count")) == (everything, 2)
    # A hit plans nothing. A node without a cache runs.
    assert ran() == Counter(["fetch a", "fetch bb"])
    assert again.instances("fetch_all.fetch").keys() == {-1}
