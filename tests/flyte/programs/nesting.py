from typing import Dict, List, Tuple

from flytekit import dynamic, task, workflow

RUNS = {
    "total": [{"n": 3}],
    "merged_from_halves": [{"numbers": [4, 1, 3, 2, 5]}],
    "factorial_of": [{"n": 4}],
    "twice": [{"a": 5}],
    "no_children": [{"n": 0}],
    "passing_through": [{"x": 3}],
    "two_level": [{"rows": [[1, 2], [3]]}],
}


@task
def add(a: int, b: int) -> int:
    return a + b


@task
def length(numbers: List[int]) -> int:
    return len(numbers)


@task
def split(numbers: List[int]) -> Tuple[List[int], List[int]]:
    middle = len(numbers) // 2
    return numbers[:middle], numbers[middle:]


@task
def merge(left: List[int], right: List[int]) -> List[int]:
    return sorted(left + right)


@dynamic
def merge_sort(numbers: List[int]) -> List[int]:
    if len(numbers) < 2:
        return numbers
    left, right = split(numbers=numbers)
    return merge(left=merge_sort(numbers=left), right=merge_sort(numbers=right))


@workflow
def merged_from_halves(numbers: List[int]) -> List[int]:
    return merge_sort(numbers=numbers)


@workflow
def inlined(a: int, b: int = 1) -> Tuple[int, int]:
    first = add(a=a, b=b)
    return first, add(a=first, b=first)


@dynamic
def sums(n: int) -> int:
    total = 0
    for i in range(n):
        first, second = inlined(a=i)
        total = add(a=add(a=first, b=second), b=total)
    return total


@workflow
def total(n: int) -> int:
    return add(a=sums(n=n), b=100)


@task
def multiply(a: int, b: int) -> int:
    return a * b


@dynamic
def factorial(n: int) -> int:
    if n <= 1:
        return 1
    return multiply(a=n, b=factorial(n=n - 1))


@workflow
def factorial_of(n: int) -> int:
    return factorial(n=n)


@workflow
def twice(a: int) -> Dict[str, int]:
    one, two = inlined(a=a, b=2)
    three, four = inlined(a=one, b=two)
    return as_dict(values=[one, two, three, four])


@task
def as_dict(values: List[int]) -> Dict[str, int]:
    return {f"v{index}": value for index, value in enumerate(values)}


@dynamic
def nothing(n: int) -> List[int]:
    return [add(a=i, b=i) for i in range(n)]


@workflow
def no_children(n: int) -> Tuple[List[int], int]:
    made = nothing(n=n)
    return made, length(numbers=made)


@dynamic
def same(x: int) -> int:
    return x


@workflow
def passing_through(x: int) -> int:
    return same(x=same(x=x))


@dynamic
def row(numbers: List[int]) -> int:
    total = 0
    for number in numbers:
        total = add(a=total, b=number)
    return total


@dynamic
def rows_of(rows: List[List[int]]) -> List[int]:
    return [row(numbers=each) for each in rows]


@workflow
def two_level(rows: List[List[int]]) -> List[int]:
    return rows_of(rows=rows)
