from typing import Dict, List, NamedTuple, Tuple

from flytekit import LaunchPlan, conditional, dynamic, task, workflow
from flytekit.core.node_creation import create_node

RUNS = {
    "ordered_workflows": [{"x": 1}],
    "nested": [{"n": 2}],
    "by_plan": [{"n": 3}],
    "selected": [{"n": 2}],
    "decided": [{"n": 1}, {"n": 5}],
}


class Sides(NamedTuple):
    left: int
    right: List[int]


@task
def plus_one(x: int) -> int:
    return x + 1


@task
def prepare():
    pass


@task
def sides(n: int) -> Sides:
    return Sides(n, list(range(n)))


@workflow
def add_two(x: int) -> int:
    return plus_one(x=plus_one(x=x))


@workflow
def ordered_workflows(x: int) -> int:
    before = create_node(prepare)
    first = add_two(x=x)
    second = plus_one(x=x)
    before >> create_node(plus_one, x=second)
    return first


@dynamic
def inner(n: int) -> List[int]:
    return [add_two(x=i) for i in range(n)]


@dynamic
def outer(n: int) -> Tuple[List[int], List[List[int]]]:
    return inner(n=n), [inner(n=i) for i in range(n)]


@workflow
def nested(n: int) -> Tuple[List[int], List[List[int]]]:
    flat, deep = outer(n=n)
    return flat, deep


plan = LaunchPlan.get_or_create(add_two, "add_two_plan", fixed_inputs={}, default_inputs={"x": 5})


@dynamic(node_dependency_hints=[plan])
def planned(n: int) -> List[int]:
    return [plan(x=i) for i in range(n)] + [plan()]


@workflow
def by_plan(n: int) -> List[int]:
    return planned(n=n)


@task
def table(n: int) -> Dict[str, List[int]]:
    return {"even": [i for i in range(n) if i % 2 == 0], "odd": [i for i in range(n) if i % 2]}


@workflow
def selected(n: int) -> Tuple[int, int]:
    both = sides(n=n)
    numbers = table(n=5)
    return plus_one(x=both.left), plus_one(x=numbers["odd"][1])


@dynamic
def small_or_large(n: int) -> int:
    grown = plus_one(x=n)
    return conditional("size").if_(grown < 4).then(add_two(x=grown)).else_().then(plus_one(x=grown))


@workflow
def decided(n: int) -> int:
    return small_or_large(n=n)
