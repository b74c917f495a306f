import functools
from typing import List, Optional

from flytekit import dynamic, map_task, task, workflow

RUNS = {
    "squares": [{"n": 4}],
    "partial": [{"numbers": [1, 2]}],
    "zipped": [{}],
    "tolerant": [{"numbers": [1, 2, 3, 4]}],
    "empty": [{}],
    "map_of_map": [{"numbers": [1, 2, 3]}],
    "after_list": [{}],
}


@task
def numbers(n: int) -> List[int]:
    return list(range(n))


@task
def square(x: int) -> int:
    return x * x


@task
def total(values: List[int]) -> int:
    return sum(values)


@workflow
def squares(n: int) -> int:
    return total(values=map_task(square, concurrency=2)(x=numbers(n=n)))


@task
def scaled(x: int, by: int, plus: int = 1) -> int:
    return x * by + plus


@workflow
def partial(numbers: List[int]) -> List[int]:
    return map_task(functools.partial(scaled, by=10, plus=1))(x=numbers)


@dynamic
def zip_lists(a: List[int], b: List[int]) -> List[int]:
    return map_task(functools.partial(scaled, plus=0))(x=a, by=b)


@workflow
def zipped() -> List[int]:
    return zip_lists(a=[1, 2, 3], b=[4, 5, 6])


@task
def odd_only(x: int) -> int:
    if x % 2 == 0:
        raise ValueError(f"{x} is even")
    return x


@task
def count_present(values: List[Optional[int]]) -> List[int]:
    return [value for value in values if value is not None]


@workflow
def tolerant(numbers: List[int]) -> List[int]:
    return count_present(values=map_task(odd_only, min_success_ratio=0.5)(x=numbers))


@workflow
def empty() -> List[int]:
    return map_task(square)(x=numbers(n=0))


@workflow
def map_of_map(numbers: List[int]) -> List[int]:
    return map_task(square)(x=map_task(square)(x=numbers))


@dynamic
def after() -> List[int]:
    return map_task(square)(x=[square(x=2), square(x=3), 4])


@workflow
def after_list() -> List[int]:
    return after()
