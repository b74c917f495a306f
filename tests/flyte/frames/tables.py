from typing import List, Tuple

import numpy as np
import pandas as pd
from flytekit import StructuredDataset, dynamic, task, workflow

RUNS = {"totals": [{"n": 3}], "both_ways": [{"n": 2}], "arrays": [{"n": 3}], "stored": [{"n": 2}]}


@task
def table(n: int) -> pd.DataFrame:
    return pd.DataFrame(
        {"id": list(range(n)), "name": [f"n{i}" for i in range(n)], "share": [i / 2 for i in range(n)]}
    )


@task
def total(frame: pd.DataFrame) -> int:
    return int(frame["id"].sum())


@task
def joined(frames: List[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(frames, ignore_index=True)


@dynamic
def many(n: int) -> Tuple[pd.DataFrame, int]:
    frames = [table(n=i + 1) for i in range(n)]
    whole = joined(frames=frames)
    return whole, total(frame=whole)


@workflow
def totals(n: int) -> Tuple[pd.DataFrame, int]:
    return many(n=n)


@task
def dataset(frame: pd.DataFrame) -> StructuredDataset:
    return StructuredDataset(dataframe=frame[frame["id"] > 0])


@task
def names(data: StructuredDataset) -> List[str]:
    return list(data.open(pd.DataFrame).all()["name"])


@workflow
def both_ways(n: int) -> List[str]:
    return names(data=dataset(frame=table(n=n)))


@task
def array(n: int) -> np.ndarray:
    return np.arange(n * 2).reshape(n, 2)


@task
def sum_of(values: np.ndarray) -> float:
    return float(values.sum())


@workflow
def arrays(n: int) -> float:
    return sum_of(values=array(n=n))


@workflow
def stored(n: int) -> pd.DataFrame:
    return table(n=n)
