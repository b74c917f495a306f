from typing import Dict, List, Optional, Union

from flytekit import task, workflow

RUNS = {
    "containers": [{"pairs": {"a": [1, 2], "b": []}}],
    "nested_lists": [{}],
    "floats": [{"x": 1.5}],
    "booleans": [{"yes": True}],
    "texts": [{"text": 'ä\n"x" {{ ds }} %s'}],
    "united": [{}],
    "reserved": [{"params": 1, "ds": "d", "task": "t"}],
}


@task
def flipped(pairs: Dict[str, List[int]]) -> Dict[str, int]:
    return {key: sum(value) for key, value in pairs.items()}


@workflow
def containers(pairs: Dict[str, List[int]]) -> Dict[str, int]:
    return flipped(pairs=pairs)


@task
def deep() -> List[Dict[str, List[float]]]:
    return [{"a": [1.0, 2.5]}, {}]


@task
def first(rows: List[Dict[str, List[float]]]) -> List[float]:
    return rows[0]["a"]


@workflow
def nested_lists() -> List[float]:
    return first(rows=deep())


@task
def half(x: float) -> float:
    return x / 2


@workflow
def floats(x: float) -> float:
    return half(x=half(x=x))


@task
def invert(yes: bool) -> bool:
    return not yes


@workflow
def booleans(yes: bool) -> bool:
    return invert(yes=yes)


@task
def echo(text: str) -> str:
    return text


@workflow
def texts(text: str) -> str:
    return echo(text=echo(text=text))


@task
def either(x: Union[int, str]) -> str:
    return f"{type(x).__name__} {x}"


@task
def maybe(x: Optional[str]) -> bool:
    return x is None


@workflow
def united() -> List[str]:
    return join(texts=[either(x=1), either(x="1")])


@task
def join(texts: List[str]) -> List[str]:
    return texts + ["end"]


@task
def of_airflow(params: int, ds: str, task: str) -> str:
    return f"{params} {ds} {task}"


@workflow
def reserved(params: int, ds: str, task: str) -> str:
    return of_airflow(params=params, ds=ds, task=task)
