from airflow.sdk import dag, task
from airflow_dynamic_provider.workflows.definition import dynamic_workflow
from tests.dag_runs import run_dag


@task
def t1(a):
    return f"v{a}"


@task
def count():
    return 3


@task
def consume(got):
    return got


@dynamic_workflow
def my_wf(a: int) -> tuple[list[str], int]:
    return [t1(a=i) for i in range(a)], 5


def test_loop():
    @dag(schedule=None)
    def loop():
        consume(my_wf(count()))

    run = run_dag(loop())
    assert run.state == "success"
    assert run.xcom("consume") == (["v0", "v1", "v2"], 5)
    assert run.states("my_wf.t1") == {"t1": "success", "t1-2": "success", "t1-3": "success"}


@task
def add(a, b):
    return a + b


@dynamic_workflow
def chain(n):
    x = 0
    for i in range(n):
        x = add(x, i)
    return x


def test_chain():
    @dag(schedule=None)
    def ch():
        consume(chain(20))

    run = run_dag(ch())
    assert run.xcom("consume") == sum(range(20))
