from typing import List, NamedTuple, Tuple

from flytekit import dynamic, task, workflow
from flytekit.core.node_creation import create_node

RUNS = {
    "ordered": [{"n": 3}],
    "with_nodes": [{"x": 1}],
    "named": [{"x": 4}],
    "positional": [{"x": 3}],
    "several": [{"x": 3}],
    "nothing_returned": [{"x": 1}],
}


@task
def prepare(x: int):
    print("prepare", x)


@task
def finish() -> str:
    return "done"


@task
def step(x: int) -> int:
    return x + 1


@dynamic
def chain(n: int) -> int:
    before = prepare(x=0)
    result = step(x=0)
    before >> result
    for i in range(n):
        result = step(x=result)
    prepare(x=result)
    return result


@workflow
def ordered(n: int) -> Tuple[int, str]:
    made = chain(n=n)
    last = finish()
    made >> last
    return made, last


@workflow
def with_nodes(x: int) -> int:
    first = create_node(prepare, x=x)
    second = create_node(step, x=x)
    first >> second
    third = create_node(step, x=second.o0)
    second.runs_before(third)
    return third.o0


@workflow
def named(x: int) -> int:
    return step(x=step(x=x).with_overrides(node_name="first")).with_overrides(node_name="second")


@task
def subtract(a: int, b: int) -> int:
    return a - b


@workflow
def positional(x: int) -> int:
    return subtract(subtract(x, 1), b=10)


class Parts(NamedTuple):
    left: int
    right: List[int]


@task
def parts(x: int) -> Parts:
    return Parts(left=x, right=[x, x + 1])


@task
def unnamed(x: int) -> Tuple[str, int]:
    return str(x), x


@workflow
def several(x: int) -> Tuple[int, int, str, int]:
    made = parts(x=x)
    left, right = parts(x=made.left)
    text, number = unnamed(x=left)
    return made.left, right[1], text, unnamed(x=number).o1


@workflow
def nothing_returned(x: int):
    prepare(x=step(x=x))
