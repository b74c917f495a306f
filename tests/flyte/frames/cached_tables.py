import os

import pandas as pd
from flytekit import HashMethod, task, workflow
from typing_extensions import Annotated

RUNS = {"hashed": [{"n": 2}, {"n": 2}, {"n": 3}], "unhashed": [{"n": 2}, {"n": 2}]}


def ran(name: str):
    # What ran is counted beside the program, because it is no input.
    with open(os.environ["FLYTE_TEST_COUNTER"], "a") as file:
        file.write(f"{name}\n")


def content_of(frame: pd.DataFrame) -> str:
    return str(pd.util.hash_pandas_object(frame).sum())


@task
def hashed_table(n: int) -> Annotated[pd.DataFrame, HashMethod(content_of)]:
    return pd.DataFrame({"a": list(range(n))})


@task
def table(n: int) -> pd.DataFrame:
    return pd.DataFrame({"b": list(range(n))})


@task(cache=True, cache_version="1")
def total(frame: pd.DataFrame) -> int:
    ran(f"total of {len(frame)}")
    return int(frame.sum().iloc[0])


@workflow
def hashed(n: int) -> int:
    return total(frame=hashed_table(n=n))


@workflow
def unhashed(n: int) -> int:
    return total(frame=table(n=n))
