import os
from typing import List

from flytekit import Cache, dynamic, task, workflow

RUNS = {
    "some_kept": [{"n": 2}, {"n": 2}, {"n": 3}],
    "ignoring": [{"x": 1, "note": "a"}, {"x": 1, "note": "b"}, {"x": 2, "note": "b"}],
    "in_loop": [{"n": 2}, {"n": 3}],
}


def ran(name: str):
    # What ran is counted beside the program, because it is no input.
    with open(os.environ["FLYTE_TEST_COUNTER"], "a") as file:
        file.write(f"{name}\n")


@task(cache=True, cache_version="1")
def kept(x: int) -> int:
    ran(f"kept {x}")
    return x * 2


@task
def not_kept(x: int) -> int:
    ran(f"not kept {x}")
    return x + 1


@workflow
def some_kept(n: int) -> int:
    return not_kept(x=kept(x=n))


@task(cache=Cache(version="1", ignored_inputs=("note",)))
def noted(x: int, note: str) -> int:
    ran(f"noted {x}")
    return x


@workflow
def ignoring(x: int, note: str) -> int:
    return noted(x=x, note=note)


@task(cache=Cache(version="2", salt="loop"))
def looped(x: int) -> int:
    ran(f"looped {x}")
    return x


@dynamic
def loop(n: int) -> List[int]:
    return [looped(x=i) for i in range(n)]


@workflow
def in_loop(n: int) -> List[int]:
    return loop(n=n)
