"""The retry policy of a batched task decides about each key."""

from __future__ import annotations

import logging
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta

import pytest
from airflow.sdk import DAG, task

from airflow_dynamic_provider import Batch, DynamicOut, DynamicOutput, dynamic_task, get_mapping_key
from airflow_dynamic_provider.errors import KeysFailedError
from airflow_dynamic_provider.execution.batch_records.stored import StoredChunk, chunk_xcom
from airflow_dynamic_provider.version_compat import AirflowFailException
from tests.dag_runs import start_run

sdk = pytest.importorskip("airflow.sdk.definitions.retry_policy", reason="Airflow has them from 3.3 on")

pytestmark = pytest.mark.dag

HOUR = timedelta(hours=1)


class Broken(sdk.RetryPolicy):
    """A policy that fails itself."""

    def evaluate(self, exception, try_number, max_tries, context=None):
        raise RuntimeError("no opinion")


@dynamic_task(out=DynamicOut(int))
def produce():
    for number in range(5):
        yield DynamicOutput(number, f"k{number}")


@task
def work(number):
    match get_mapping_key():
        case "k1":
            raise ValueError("never")
        case "k2":
            raise KeyError("later")
        case "k3":
            raise AirflowFailException("for good")
    return number


def policy():
    """Errors of values are final. The task's own delay would make the run wait too long."""
    return sdk.ExceptionRetryPolicy(
        rules=[
            sdk.RetryRule(ValueError, sdk.RetryAction.FAIL, reason="it will never be right"),
            sdk.RetryRule([KeyError, TimeoutError], retry_delay=timedelta(0), reason="it may come"),
        ]
    )


def started(batch, function=work, **settings):
    with DAG("judged", schedule=None) as dag:
        produce().map(function.override(retries=2, retry_delay=HOUR, **settings), batch=batch)
    return start_run(dag)


def tries(run):
    """Key -> number of tries."""
    chunks = run.xcoms("work", chunk_xcom(0)).values()
    return {each.key_path[0]: each.tries for chunk in chunks for each in StoredChunk.unpack(chunk).records}


RUNNERS = {
    "one after the other": 5,
    "processes": Batch(5, runner="processes", concurrency=2),
    "an executor of processes": Batch(5, runner=lambda: ProcessPoolExecutor(1)),
}


@pytest.mark.parametrize("batch", RUNNERS.values(), ids=RUNNERS.keys())
def test_each_key_is_judged_under_every_runner(batch, caplog):
    with caplog.at_level(logging.INFO):
        run = started(batch, retry_policy=policy()).run()
    assert tries(run) == {"k0": 1, "k1": 1, "k2": 3, "k3": 1, "k4": 1}
    assert run.tries()["work", 0] == 3


def test_a_batch_whose_failed_keys_the_policy_fails_is_not_retried():
    fails = sdk.ExceptionRetryPolicy(
        rules=[sdk.RetryRule(LookupError, sdk.RetryAction.FAIL)], default=sdk.RetryAction.FAIL
    )
    run = started(5, retry_policy=fails).run()
    assert (run.tries()["work", 0], run.state_of("work", 0)) == (1, "failed")


def test_a_key_that_takes_too_long_is_judged():
    @task
    def work(number):
        import time

        time.sleep(1 if get_mapping_key() == "k1" else 0)

    run = started(Batch(5, key_timeout=0.3), work, retry_policy=policy()).run()
    assert tries(run) == {"k0": 1, "k1": 3, "k2": 1, "k3": 1, "k4": 1}


def test_a_policy_that_fails_decides_nothing(caplog):
    from airflow_dynamic_provider.execution.batches.policies import Judge, Verdict

    assert Judge(Broken(), 1, 2).judge(ValueError(), {"mapping_key": "k1"}) == Verdict("default")
    assert "The retry policy failed for the key 'k1'" in caplog.text


def test_the_task_instance_waits_as_long_as_any_key_has_to():
    from airflow_dynamic_provider.execution.batches.policies import BatchRetryPolicy, Verdict, decide

    later, final = Verdict("retry", 60.0, "busy"), Verdict("fail", None, "wrong")
    assert decide(
        [Verdict("retry", 5.0, "busy"), later, final, Verdict("default")]
    ) == sdk.RetryDecision.retry(timedelta(minutes=1), "busy")
    assert decide([Verdict("retry"), final]) == sdk.RetryDecision.retry()
    assert decide([Verdict("default"), final]) == sdk.RetryDecision.default()
    of_batch = BatchRetryPolicy(policy())
    error = KeysFailedError("1 of 2 keys failed")
    assert of_batch.evaluate(error, 1, 2) == sdk.RetryDecision.default()
    error.decision = decide([later])
    assert of_batch.evaluate(error, 1, 2).retry_delay == timedelta(minutes=1)
    # What is not an error of a key is for the author's policy.
    assert of_batch.evaluate(ValueError(), 1, 2).action == sdk.RetryAction.FAIL
