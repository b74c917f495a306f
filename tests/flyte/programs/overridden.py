from datetime import timedelta
from functools import partial
from typing import List, Optional

from flytekit import Resources, TaskMetadata, dynamic, map_task, task, workflow
from flytekit.core.node_creation import create_node

RUNS = {
    "sized": [{"n": 2}],
    "mapped": [{"numbers": [1, 2, 3]}],
    "holes": [{"numbers": [1, 2, 3, 4]}],
    "pairs": [{"names": ["a", "b"], "numbers": [1, 2]}],
}


@task(retries=2, requests=Resources(cpu="1"))
def work(x: int) -> int:
    return x + 1


@dynamic
def many(n: int) -> List[int]:
    results = []
    for i in range(n):
        # The size depends on the data.
        results.append(work(x=i).with_overrides(requests=Resources(cpu=str(i + 1)), name=f"work-{i}"))
    last = work(x=n)
    last.with_overrides(limits=Resources(mem="1Gi"), retries=4, timeout=timedelta(minutes=5))
    return results + [last]


@workflow
def sized(n: int) -> List[int]:
    return many(n=n)


@task
def scaled(x: int, by: int, note: str = "") -> int:
    return x * by


@workflow
def mapped(numbers: List[int]) -> List[int]:
    first = map_task(partial(scaled, by=3, note="first"), metadata=TaskMetadata(retries=1), concurrency=2)(
        x=numbers
    )
    second = map_task(partial(scaled, by=2, note="again"))(x=first)
    return second.with_overrides(requests=Resources(cpu="2"))


@task
def odd(x: int) -> int:
    if x % 2 == 0:
        raise ValueError("even")
    return x


@task
def known(numbers: List[Optional[int]]) -> List[int]:
    return [each for each in numbers if each is not None]


@workflow
def holes(numbers: List[int]) -> List[int]:
    return known(numbers=map_task(odd, min_success_ratio=0.5)(x=numbers))


@task
def joined(name: str, number: int) -> str:
    return f"{name}{number}"


@dynamic
def joined_pairs(names: List[str], numbers: List[int]) -> List[str]:
    counted = create_node(work, x=len(names))
    texts = map_task(joined)(name=names, number=numbers)
    node = create_node(work, x=0)
    counted >> node
    return texts


@workflow
def pairs(names: List[str], numbers: List[int]) -> List[str]:
    return joined_pairs(names=names, numbers=numbers)
