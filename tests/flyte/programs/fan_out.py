"""A loop in the body of a @dynamic, and a chain of promises."""

from typing import Dict, List, Tuple

from flytekit import dynamic, task, workflow

RUNS = {"wf": [{"n": 3}, {"n": 0}, {}]}


@task
def square(x: int) -> int:
    return x * x


@task
def add(a: int, b: int = 10) -> int:
    return a + b


@task
def count(texts: List[str]) -> Dict[str, int]:
    return {text: len(text) for text in texts}


@task
def text_of(x: int) -> str:
    return "x" * x


@dynamic
def fan(n: int) -> Tuple[List[int], int]:
    squares = [square(x=i) for i in range(n)]
    total = add(a=0, b=0)
    for each in squares:
        total = add(a=total, b=each)
    return squares, total


@workflow
def wf(n: int = 2) -> Tuple[List[int], int, Dict[str, int]]:
    squares, total = fan(n=n)
    more = add(a=total)
    counted = count(texts=[text_of(x=n), "fixed"])
    return squares, more, counted


if __name__ == "__main__":
    print(wf(n=3))
