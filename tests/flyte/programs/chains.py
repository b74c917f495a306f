from typing import Dict, List, Tuple

from flytekit import dynamic, task, workflow

RUNS = {
    "folded": [{"numbers": [3, 1, 2]}, {"numbers": []}],
    "merge_sorted": [{"numbers": [5, 3, 9, 1, 4]}],
    "collatz": [{"n": 6}],
    "long": [{"n": 30}],
}


@task
def plus(a: int, b: int) -> int:
    return a + b


@dynamic
def fold(numbers: List[int]) -> Tuple[int, List[int]]:
    total = 0
    partial = []
    for number in numbers:
        total = plus(a=total, b=number)
        partial.append(total)
    return total, partial


@workflow
def folded(numbers: List[int]) -> Tuple[int, List[int]]:
    total, partial = fold(numbers=numbers)
    return total, partial


@task
def merged(left: List[int], right: List[int]) -> List[int]:
    return sorted(left + right)


@dynamic
def merge_sort(numbers: List[int]) -> List[int]:
    if len(numbers) < 2:
        return numbers
    middle = len(numbers) // 2
    return merged(left=merge_sort(numbers=numbers[:middle]), right=merge_sort(numbers=numbers[middle:]))


@workflow
def merge_sorted(numbers: List[int]) -> List[int]:
    return merge_sort(numbers=numbers)


@task
def step(n: int) -> int:
    return n // 2 if n % 2 == 0 else 3 * n + 1


@dynamic
def steps_from(n: int, steps: int) -> Dict[str, int]:
    # A promise of the step becomes a value in the next call.
    if n == 1:
        return {"steps": steps}
    return steps_from(n=step(n=n), steps=steps + 1)


@workflow
def collatz(n: int) -> Dict[str, int]:
    return steps_from(n=n, steps=0)


@dynamic
def chain(n: int) -> int:
    value = 0
    for _ in range(n):
        value = plus(a=value, b=1)
    return value


@workflow
def long(n: int) -> int:
    return chain(n=n)
