import functools
from enum import Enum
from typing import List, Optional, Union

from flytekit import Deck, Resources, current_context, dynamic, task, workflow

RUNS = {
    "decorated_twice": [{"x": 2}],
    "optional_result": [{"x": 1}, {"x": None}, {}],
    "shown": [{"names": ["a", "b"]}],
    "either": [{"x": 3}],
}


class Mode(Enum):
    FAST = "fast"
    SLOW = "slow"


def doubled(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return 2 * function(*args, **kwargs)

    return wrapper


def added(amount: int):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return amount + function(*args, **kwargs)

        return wrapper

    return decorate


@task(requests=Resources(cpu="1", mem="200Mi"), limits=Resources(cpu="2"))
@doubled
@added(amount=10)
def squared(x: int) -> int:
    return x * x


@dynamic(requests=Resources(cpu="1"))
@added(amount=0)
def often(x: int) -> int:
    return squared(x=x)


@workflow
def decorated_twice(x: int) -> int:
    return squared(x=squared(x=x))


@task
def described(x: Optional[int], mode: Mode = Mode.FAST) -> str:
    return f"{x} {mode.value}"


@dynamic
def twice(x: Optional[int]) -> List[str]:
    return [described(x=x), described(x=None if x is None else x + 1, mode=Mode.SLOW)]


@workflow
def optional_result(x: Optional[int] = None) -> List[str]:
    return twice(x=x)


@task(enable_deck=True)
def page(name: str) -> str:
    Deck("page", f"<h1>{name}</h1>")
    current_context().default_deck.append("<p>more</p>")
    return name.upper()


@dynamic(enable_deck=True)
def pages(names: List[str]) -> List[str]:
    Deck("all", ", ".join(names))
    return [page(name=name) for name in names]


@workflow
def shown(names: List[str]) -> List[str]:
    return pages(names=names)


@task
def as_text(x: Union[int, str]) -> str:
    return f"{type(x).__name__} {x}"


@workflow
def either(x: int) -> List[str]:
    return [as_text(x=x), as_text(x="text")]
