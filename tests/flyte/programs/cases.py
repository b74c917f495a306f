from functools import partial
from typing import List, NamedTuple

from flytekit import conditional, dynamic, map_task, task, workflow

RUNS = {
    "by_size": [{"x": 1}, {"x": 2}, {"x": 3}, {"x": 7}, {"x": 20}],
    "by_length": [{"n": 4}, {"n": 2}, {"n": 1}],
}


class Parts(NamedTuple):
    whole: int
    rest: int


@task
def shifted(x: int) -> int:
    return x + 1


@task
def parts(x: int) -> Parts:
    return Parts(x // 3, x % 3)


@workflow
def twice_shifted(x: int) -> int:
    return shifted(x=shifted(x=x))


@dynamic
def shifted_often(x: int, times: int = 3) -> int:
    for _ in range(times):
        x = shifted(x=x)
    return x


@workflow
def by_size(x: int) -> int:
    size = shifted(x=x)
    return (
        conditional("size")
        .if_(size == 2)
        .then(twice_shifted(x=size))
        .elif_(size == 3)
        .then(shifted(x=parts(x=shifted(x=size)).rest))
        .elif_(size == 4)
        .then(shifted_often(x=size))
        .else_()
        .then(
            conditional("large")
            .if_(size > 10)
            .then(shifted(x=size))
            .else_()
            .then(shifted_often(x=size, times=1))
        )
    )


@task
def numbers(n: int) -> List[int]:
    return list(range(n))


@task
def scaled(x: int, by: int) -> int:
    return x * by


@workflow
def by_length(n: int) -> List[int]:
    counted = numbers(n=n)
    return (
        conditional("length")
        .if_(n > 3)
        .then(map_task(shifted, concurrency=2)(x=counted))
        .elif_(n > 1)
        .then(map_task(partial(scaled, by=n))(x=numbers(n=shifted(x=n))))
        .else_()
        .then(map_task(partial(scaled, by=3))(x=[5, 6]))
    )
