from airflow.sdk import dag, task
from airflow_dynamic_provider import DynamicOut, DynamicOutput
from airflow_dynamic_provider.workflows.definition import dynamic_workflow
from tests.dag_runs import run_dag
from tests.dag.test_wf import t1, add, consume


@task.dynamic(out=DynamicOut(int))
def counts():
    for key, n in (("a", 2), ("b", 0), ("c", 3)):
        yield DynamicOutput(n, mapping_key=key)


@dynamic_workflow
def per_key(n):
    return [add(t1(i), "x") for i in range(n)]


@task
def double(x):
    return x * 2


def test_mapped():
    @dag(schedule=None)
    def mapped():
        got = counts().map(lambda n: double(per_key(n)))
        consume(got.collect(keyed=True))

    run = run_dag(mapped())
    print(
        sorted((t.task_id, t.map_index, t.state) for t in run.dag_run.get_task_instances())
        if hasattr(run, "dag_run")
        else ""
    )
    assert run.state == "success"
    assert run.xcom("consume") == {"a": ["v0x", "v1x"] * 2, "b": [], "c": ["v0x", "v1x", "v2x"] * 2}
    print(run.states("per_key.add__after"))


@task
def split(xs) -> tuple[list, list]:
    return xs[: len(xs) // 2], xs[len(xs) // 2 :]


@task
def merge(a, b):
    return sorted(a + b)


@task
def sort_here(xs):
    return sorted(xs)


@dynamic_workflow
def merge_sort(xs: list, threshold: int) -> list:
    if len(xs) <= threshold:
        return sort_here(xs)
    a, b = split(xs)
    return merge(merge_sort(a, threshold), merge_sort(b, threshold))


def test_sort():
    @dag(schedule=None)
    def sorting():
        consume(merge_sort([5, 3, 8, 1, 9, 2, 7, 4], 2))

    run = run_dag(sorting())
    assert run.state == "success"
    assert run.xcom("consume") == [1, 2, 3, 4, 5, 7, 8, 9]
