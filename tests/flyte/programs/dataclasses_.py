from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Dict, List, NamedTuple, Optional

from flytekit import dynamic, task, workflow

RUNS = {
    "train_all": [{"rates": [0.1, 0.5]}],
    "parts": [{"name": "a"}],
    "optional": [{}, {"limit": 3}],
    "dates": [{"day": "2024-05-01"}],
    "single_field": [{"x": 2}],
}


class Mode(Enum):
    FAST = "fast"
    SLOW = "slow"


@dataclass
class Inner:
    names: List[str]
    sizes: Dict[str, int] = field(default_factory=dict)


@dataclass
class Config:
    rate: float
    inner: Inner
    mode: Mode = Mode.FAST
    note: Optional[str] = None


class Scores(NamedTuple):
    best: float
    config: Config


class Only(NamedTuple):
    value: int


@task
def make(rate: float, mode: Mode) -> Config:
    return Config(rate, Inner(["x", "y"], {"x": 1}), mode)


@task
def score(config: Config) -> float:
    return config.rate * 2 + len(config.inner.names) + (0.0 if config.mode is Mode.FAST else 10.0)


@task
def best(scores: List[float], configs: List[Config]) -> Scores:
    top = max(scores)
    return Scores(top, configs[scores.index(top)])


@dynamic
def sweep(rates: List[float]) -> Scores:
    configs = [make(rate=rate, mode=Mode.SLOW if rate < 0.3 else Mode.FAST) for rate in rates]
    return best(scores=[score(config=config) for config in configs], configs=configs)


@workflow
def train_all(rates: List[float]) -> Scores:
    return sweep(rates=rates)


@task
def names_of(inner: Inner, mode: Mode, first: str, size: int) -> str:
    return f"{inner.names}{mode.value}{first}{size}"


@workflow
def parts(name: str) -> str:
    config = make(rate=1.0, mode=Mode.SLOW)
    return names_of(
        inner=config.inner, mode=config.mode, first=config.inner.names[0], size=config.inner.sizes["x"]
    )


@task
def limited(limit: Optional[int] = None) -> int:
    return -1 if limit is None else limit


@workflow
def optional(limit: Optional[int] = None) -> int:
    return limited(limit=limit)


@task
def parse(day: str) -> datetime:
    return datetime.fromisoformat(day)


@task
def later(day: datetime, by: timedelta) -> datetime:
    return day + by


@workflow
def dates(day: str) -> datetime:
    return later(day=parse(day=day), by=timedelta(days=2, hours=1))


@task
def only(x: int) -> Only:
    return Only(x + 1)


@workflow
def single_field(x: int) -> int:
    return only(x=x).value
