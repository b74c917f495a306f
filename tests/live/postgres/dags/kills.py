"""A Dag whose processes are killed, each at a point that the run's configuration names."""

from __future__ import annotations

import os
import signal
from datetime import timedelta

from airflow.sdk import dag, get_current_context, task
from airflow.sdk.execution_time.comms import CommsDecoder

from airflow_dynamic_provider import DynamicOut, DynamicOutput, add_output_metadata, get_mapping_key

KEYS = ["b", "a", "d", "c"]

#: The keys of the producer's second try: other keys, and keys at other positions.
KEYS_OF_RETRY = ["c", "e", "b"]


def kill():
    """Kill this process as if its machine had failed."""
    os.kill(os.getpid(), signal.SIGKILL)


def moment():
    """Return when this process dies: (its action at that point, number of such actions before)."""
    context = get_current_context()
    kills = context["params"]["kills"] if context["ti"].try_number == 1 else {}
    return kills.get("/".join(filter(None, [context["ti"].task_id, get_mapping_key()])), (None, 0))


def may_die():
    """Die now, or when the n-th message of a kind is to be sent, or not at all."""
    kind, number = moment()
    if kind == "begin":
        kill()
    send = CommsDecoder.send

    def sending(self, msg):
        nonlocal number
        if type(msg).__name__ == kind:
            if number == 0:
                kill()
            number -= 1
        return send(self, msg)

    CommsDecoder.send = sending


@task.dynamic(out=DynamicOut(str))
def produce(ti=None):
    """May die between two outputs, or while they are stored."""
    may_die()
    kind, last = moment()
    for number, key in enumerate(KEYS if ti.try_number == 1 else KEYS_OF_RETRY):
        if (kind, last) == ("yield", number):
            kill()
        yield DynamicOutput(f"<{key}>", key, metadata={"try": ti.try_number})


@task
def first(value, ti=None):
    """May die before and after each store."""
    may_die()
    add_output_metadata({f"try {ti.try_number}": value})
    return f"first {value}"


@task
def second(value, ti=None):
    """May die like the first."""
    may_die()
    add_output_metadata({f"try {ti.try_number}": value})
    return f"second {value}"


@task
def keep(values, listed):
    """May die after it has read everything."""
    may_die()
    return [list(values), list(values.values()), listed]


@dag(
    schedule=None,
    default_args={"retries": 1, "retry_delay": timedelta(0)},
    params={"kills": {}},
)
def kills():
    """A chain of two clones for each key."""
    handle = produce().map(first).map(second)
    keep(handle.collect(keyed=True), handle.collect())


kills()
