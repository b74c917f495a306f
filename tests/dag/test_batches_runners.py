"""Every promise about a key of a batch, under every runner."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from importlib.util import find_spec

import pytest
from airflow.sdk import DAG, get_current_context, task
from structlog.contextvars import get_contextvars

from airflow_dynamic_provider import (
    Batch,
    DynamicOut,
    DynamicOutput,
    add_output_metadata,
    dynamic_task,
    get_mapping_key,
    get_mapping_key_path,
)
from airflow_dynamic_provider.execution.batch_records.stored import StoredChunk, chunk_xcom
from airflow_dynamic_provider.execution.batches.executors import workers_of
from airflow_dynamic_provider.execution.batches.remote import run_remotely
from airflow_dynamic_provider.ray import RayExecutor
from airflow_dynamic_provider.version_compat import AirflowFailException, AirflowSkipException
from tests.dag_runs import run_dag

pytestmark = pytest.mark.dag

SECRET = "the-secret-of-this-test"


@dynamic_task(out=DynamicOut(int))
def produce():
    for number in range(7):
        yield DynamicOutput(number, f"k{number}", metadata={"number": number})


@task
def keep(values):
    return values


def begin(number):
    """What a key does first."""
    logging.getLogger("author").info("at %s", get_mapping_key())
    add_output_metadata({"seen": get_mapping_key()})
    if number == 1:
        raise ValueError(f"the key knows {SECRET}")
    if number == 2:
        raise AirflowSkipException("not wanted")
    if number == 3:
        raise AirflowFailException("bad for good")


def finish(number, text, mapping_key, run_id, params):
    """What a key returns: all that it knows of itself."""
    context = get_current_context()
    return {
        "keys": [mapping_key, get_mapping_key(), *get_mapping_key_path(), context["mapping_key"], text],
        "run": [run_id == context["run_id"], params == dict(context["params"])],
        "number": number,
    }


@task
def act(number, hang, text, mapping_key=None, run_id=None, params=None):
    begin(number)
    if number == 4:
        time.sleep(hang)
    return finish(number, text, mapping_key, run_id, params)


@task(task_id="act")
async def act_async(number, hang, text, mapping_key=None, run_id=None, params=None):
    begin(number)
    if number == 4:
        await asyncio.sleep(hang)
    return finish(number, text, mapping_key, run_id, params)


@pytest.fixture(scope="module")
def dask_address():
    import dask
    from distributed import Client, LocalCluster

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address=None) as cluster,
    ):
        with Client(cluster) as client:
            # A key has a limited time, and should not spend it on these imports.
            client.run(importlib.import_module, run_remotely.__module__)
        yield cluster.scheduler_address


@pytest.fixture(scope="module")
def ray_address():
    """The address of no cluster: every executor uses that of this process."""
    import ray

    ray.init(num_cpus=2, include_dashboard=False, configure_logging=False)
    yield None
    ray.shutdown()


def on_dask(address):
    def get_executor():
        from distributed import Client

        return Client(address).get_executor()

    return get_executor


def on_ray(address):
    return lambda: RayExecutor(address)


#: The clusters that are installed: name -> (fixture with an address, runner for an address).
CLUSTERS = {"Dask": ("dask_address", on_dask)}
if find_spec("ray") is not None:
    # `make test-ray` has it, in an environment of its own.
    CLUSTERS["Ray"] = ("ray_address", on_ray)

#: Name -> (function, settings of the batch).
RUNNERS = {
    "one after the other": (act, {}),
    "threads": (act, {"concurrency": 2}),
    "event loop": (act_async, {}),
    "processes": (act, {"runner": "processes", "concurrency": 2}),
    "async in processes": (act_async, {"runner": "processes", "concurrency": 2}),
    "an executor of threads": (act, {"runner": lambda: ThreadPoolExecutor(2)}),
    "an executor of processes": (act, {"runner": lambda: ProcessPoolExecutor(2)}),
}


@pytest.fixture(params=[*RUNNERS, *CLUSTERS])
def runner(request):
    """A function and the settings of its batch; a time for the processes of a cluster to start."""
    if request.param in RUNNERS:
        function, settings = RUNNERS[request.param]
        return function, {**settings, "key_timeout": 3}
    fixture, on_cluster = CLUSTERS[request.param]
    address = request.getfixturevalue(fixture)
    return act, {"runner": on_cluster(address), "key_timeout": 20 if request.param == "Ray" else 5}


@pytest.fixture
def told():
    """The lines of the author's logger, each with the key that it is marked with."""
    lines: list[tuple[str, str]] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(
        (get_contextvars().get("mapping_key", ""), record.getMessage())
    )
    logger = logging.getLogger("author")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield lines
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


def records(run, task_id):
    chunks = run.xcoms(task_id, chunk_xcom(0)).values()
    return {record.key_path[0]: record for each in chunks for record in StoredChunk.unpack(each).records}


def test_every_promise_about_a_key(runner, told, caplog):
    from airflow.sdk.log import mask_secret

    mask_secret(SECRET)
    function, settings = runner
    timeout = settings["key_timeout"]
    with DAG("runners", schedule=None) as dag:
        results = produce().map(
            lambda number: function(number, hang=2 * timeout, text="{{ mapping_key }}"),
            batch=Batch(7, **settings),
        )
        keep(results.collect(keyed=True, min_success_ratio=0))
        keep.override(task_id="states")(results.states())
    run = run_dag(dag)
    states = ["success", "failed", "skipped", "failed", "failed", "success", "success"]
    assert run.xcom("states") == {f"k{number}": state for number, state in enumerate(states)}
    assert run.xcom("keep") == {
        f"k{number}": {"keys": [f"k{number}"] * 5, "run": [True, True], "number": number}
        for number in (0, 5, 6)
    }
    assert run.states("act") == {"k0 … k6 (7)": "failed"}

    found = records(run, "act")
    assert (found["k1"].failure.kind, found["k1"].failure.message) == ("ValueError", "the key knows ***")
    assert "in begin\n" in found["k1"].failure.traceback
    assert SECRET not in found["k1"].failure.traceback
    assert SECRET not in caplog.text
    assert "::group::Key 'k1' failed: ValueError: the key knows ***" in caplog.text
    assert found["k2"].reason == "not wanted"
    assert [found[key].is_final for key in ("k1", "k2", "k3", "k4")] == [False, True, True, False]
    assert (found["k4"].failure.kind, found["k4"].failure.message) == (
        "TimeoutError",
        f"took longer than key_timeout={timeout} seconds",
    )
    assert all(record.tries == 1 and record.milliseconds is not None for record in found.values())
    for key, record in found.items():
        assert record.metadata["inherited"]["number"]["value"] == int(key[1:])
        if key != "k4":
            assert record.metadata["outputs"]["result"]["seen"]["value"] == key
    # The line of a key that took too long may be lost with its process.
    lines = sorted(set(told) - {("k4", "at k4"), ("", "[k4] at k4")})
    others = [f"k{number}" for number in (0, 1, 2, 3, 5, 6)]
    assert lines in ([(key, f"at {key}") for key in others], [("", f"[{key}] at {key}") for key in others])


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_a_cluster_says_how_many_keys_it_runs_at_the_same_time(cluster, request):
    fixture, on_cluster = CLUSTERS[cluster]
    executor = on_cluster(request.getfixturevalue(fixture))()
    try:
        assert workers_of(executor) == {"Dask": 4, "Ray": 2}[cluster]
    finally:
        executor.shutdown()


@task
def die(number):
    if number == 2:
        os._exit(1)
    add_output_metadata({"pid": os.getpid()})
    return [number, get_mapping_key()]


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_a_worker_of_a_cluster_that_dies_loses_its_keys_only(cluster, request):
    fixture, on_cluster = CLUSTERS[cluster]
    executor = on_cluster(request.getfixturevalue(fixture))
    with DAG("dying", schedule=None) as dag:
        results = produce().map(die, batch=Batch(7, runner=executor, concurrency=1))
        keep(results.collect(keyed=True, min_success_ratio=0))
        keep.override(task_id="states")(results.states())
    run = run_dag(dag)
    assert run.xcom("keep") == {f"k{number}": [number, f"k{number}"] for number in (0, 1, 3, 4, 5, 6)}
    assert run.xcom("states")["k2"] == "failed"
    metadata = [record.metadata["outputs"] for record in records(run, "die").values() if record.values]
    assert os.getpid() not in {each["result"]["pid"]["value"] for each in metadata}
