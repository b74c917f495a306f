from typing import List

from flytekit import dynamic, task

RUNS = {"grid": [{"sizes": [1, 2, 3], "rate": 0.5}, {}]}


@task
def cell(size: int, rate: float) -> float:
    return size * rate


@task
def largest(values: List[float]) -> float:
    return max(values, default=0.0)


@dynamic
def grid(sizes: List[int] = [1], rate: float = 2.0) -> float:
    kept = [size for size in sizes if size != 2]
    if not kept:
        return 0.0
    return largest(values=[cell(size=size, rate=rate * i) for i, size in enumerate(kept, start=1)])


if __name__ == "__main__":
    print(grid(sizes=[1, 2]))
