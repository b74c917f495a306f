from __future__ import annotations
import pytest, time, os
from airflow.sdk import DAG, task
from airflow_dynamic_provider import DynamicOut, DynamicOutput, dynamic_task, Batch
from tests.dag_runs import run_dag
pytestmark = pytest.mark.dag
N = int(os.environ.get("N", "10000"))
def test_perf():
    with DAG("batched_dag", schedule=None) as dag:
        @dynamic_task(out=DynamicOut(int))
        def produce():
            for i in range(N):
                yield DynamicOutput(i, f"key-{i:06d}")
        @task
        def work(x): return x + 1
        @task
        def more(x): return x * 2
        @task
        def total(values): return [len(values), sum(values.values())]
        total(produce().map(lambda x: more(work(x)), batch=1000).collect(keyed=True))
    t = time.time(); c = time.process_time()
    run = run_dag(dag)
    print("WALL", time.time() - t, "CPU", time.process_time() - c)
    print(run.xcom("total"), run.state)
    n = 0
    for k, v in sorted(run.calls.messages.items()):
        if k[1] in (-1, 0): print(k, dict(v), run.calls.received[k])
        n += sum(v.values())
    print("calls a key", n / N)
    for t in ("produce", "produce__batches", "work", "more__gate", "more", "total"):
        ti = list(run.instances(t).values())[0]
        print(t, ti.duration)
