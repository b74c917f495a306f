"""Programs in batches against the same programs without."""

from __future__ import annotations

import pytest
from airflow.sdk import DAG, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, dynamic_task, get_mapping_key
from tests.dag_runs import run_dag

pytestmark = pytest.mark.dag


def make(first, second, third, n, fail=(), skip=(), fail2=(), shape="chain"):
    with DAG("batched_dag", schedule=None) as dag:

        @dynamic_task(out=DynamicOut(int))
        def produce():
            for i in range(n):
                yield DynamicOutput(i, f"k{i}", metadata={"i": i})

        @task
        def work(x):
            from airflow.sdk.exceptions import AirflowSkipException

            if x in fail:
                raise ValueError(f"bad {x}")
            if x in skip:
                raise AirflowSkipException("no")
            return [x * 10, get_mapping_key()]

        @task
        def more(x, y, mapping_key=None, note="{{ mapping_key }}!"):
            if x in fail2:
                raise ValueError(f"bad {x}")
            return f"{y} {mapping_key} {note}"

        @task
        def last(z):
            return z + "."

        @task
        def total(values):
            return values

        @task
        def states(a, b, c):
            return [a, b, c]

        items = produce()
        ys = items.map(work, batch=first)
        zs = items.map(lambda x: more(x, ys), batch=second)
        ws = zs.map(last, batch=third)
        if shape != "leaf":
            total.override(task_id="total_y")(ys.collect(min_success_ratio=0.0))
            total(ws.collect(keyed=True))
            total.override(task_id="lazy")(ws.collect(lazy=True, min_success_ratio=0.5))
            states(ys.states(), zs.states(), ws.states())

            @task
            def after():
                pass

            zs >> after()
    return dag


def observed(*args, **kw):
    run = run_dag(make(*args, **kw))
    ids = ["total_y", "total", "lazy", "states", "after"] if kw.get("shape") != "leaf" else []
    return {
        "state": run.state,
        **{t: (run.states(t), run.xcom(t) if run.states(t).get(-1) == "success" else None) for t in ids},
    }


CASES = [
    dict(n=5),
    dict(n=0),
    dict(n=1),
    dict(n=5, fail=(1,)),
    dict(n=5, fail=(0, 1, 2, 3, 4)),
    dict(n=5, skip=(0, 1, 2, 3, 4)),
    dict(n=5, skip=(1,), fail=(2,), fail2=(3,)),
    dict(n=4, fail=(1,), skip=(0,)),
    dict(n=3, fail=(1,), shape="leaf"),
    dict(n=3, skip=(1,), shape="leaf"),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_same(case):
    want = observed(None, None, None, **case)
    print(want)
    for cuts in [(2, 2, 2), (3, 2, None), (None, 2, 2), (2, None, 2), (1, 1, 1)]:
        got = observed(*cuts, **case)
        assert got == want, cuts
