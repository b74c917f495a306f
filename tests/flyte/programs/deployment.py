import functools
from datetime import timedelta
from typing import List

import flytekit as fl
from flytekit import Cache, Documentation, ImageSpec, Resources, Secret
from flytekit.core.utils import timeit
from flytekit.extras.accelerators import T4

RUNS = {"settings": [{"n": 2}], "environment": [{}], "decorated": [{"x": 2}]}

image = ImageSpec(name="trainer", packages=["numpy"], registry="example.org/team")


@fl.task(
    container_image=image,
    requests=Resources(cpu="1", mem="500Mi"),
    limits=Resources(cpu="2", mem="1Gi", gpu="1"),
    accelerator=T4,
    retries=2,
    timeout=timedelta(minutes=5),
    interruptible=True,
    secret_requests=[Secret(group="group", key="key")],
    labels={"team": "a"},
    annotations={"note": "b"},
    docs=Documentation(short_description="Doubles."),
    enable_deck=True,
)
def double(x: int) -> int:
    with timeit("double"):
        return x * 2


@fl.task(cache=Cache(version="1"), pod_template_name="template")
def triple(x: int) -> int:
    return x * 3


@fl.dynamic(container_image=image, requests=Resources(mem="1Gi"), interruptible=False)
def many(n: int) -> List[int]:
    return [double(x=triple(x=i)) for i in range(n)]


@fl.workflow
def settings(n: int) -> List[int]:
    return many(n=n)


@fl.task(environment={"HOME_OF_TEST": "set"})
def variable() -> str:
    import os

    return "set" if os.environ.get("HOME_OF_TEST", "set") == "set" else "unset"


@fl.workflow
def environment() -> str:
    return variable()


def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs) + 1

    return wrapper


@fl.task
@logged
def plus(x: int) -> int:
    return x


@fl.workflow
def decorated(x: int) -> int:
    return plus(x=x)
