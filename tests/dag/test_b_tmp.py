import pytest
pytestmark = pytest.mark.dag
from airflow.sdk import DAG, task
from airflow_dynamic_provider import DynamicOut, DynamicOutput, dynamic_task, get_mapping_key, Batch
from tests.dag_runs import run_dag

def make(batch, n=7, fail=(), skip=(), fail2=(), **kw):
    with DAG("batched_dag", schedule=None) as dag:
        @dynamic_task(out=DynamicOut(int))
        def produce():
            for i in range(n):
                yield DynamicOutput(i, f"k{i}", metadata={"i": i})
        @task(**kw)
        def work(x):
            from airflow.sdk.exceptions import AirflowSkipException
            if x in fail: raise ValueError(f"bad {x}")
            if x in skip: raise AirflowSkipException("no")
            return [x * 10, get_mapping_key()]
        @task(**kw)
        def more(x, y, mapping_key=None, note="{{ mapping_key }}!"):
            if x in fail2: raise ValueError(f"bad {x}")
            return (f"{y} {mapping_key} {note}", )
        @task
        def total(values): return values
        @task
        def states(values): return values
        items = produce()
        ys = items.map(work, batch=batch)
        zs = items.map(lambda x: more(x, ys), batch=batch)
        total(zs.collect(keyed=True))
        states(zs.states())
    return dag

def test_one():
    run = run_dag(make(3))
    for t in ("produce", "produce__batches", "work", "more__gate", "more", "total", "states"):
        print(t, run.states(t))
    print(run.xcom("total")); print(run.xcom("states"))
    assert run.state == "success"

def test_fail():
    run = run_dag(make(3, fail=(1,3,4,5), skip=(6,)))
    for t in ("produce", "produce__batches", "work", "more__gate", "more", "total", "states"):
        print(t, run.states(t))
    print(run.xcom("states"))
    assert 0
