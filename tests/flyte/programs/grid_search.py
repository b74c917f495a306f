from dataclasses import dataclass, field
from typing import Dict, List, NamedTuple, Tuple

import flytekit as fl

image = fl.ImageSpec(name="trainer", packages=["scikit-learn"], registry="example.org/team")

RUNS = {"search": [{"rates": [0.1, 0.5], "depths": [2, 3]}], "nightly": [{"rates": [0.25]}]}


@dataclass
class Settings:
    rate: float
    depth: int
    tags: List[str] = field(default_factory=list)


@dataclass
class Fit:
    settings: Settings
    score: float


class Best(NamedTuple):
    fit: Fit
    scores: Dict[str, float]


@fl.task(container_image=image, requests=fl.Resources(cpu="1", mem="1Gi"), retries=1)
def fit(settings: Settings) -> Fit:
    return Fit(settings, round(settings.rate * settings.depth, 3))


@fl.task(container_image=image)
def best_of(fits: List[Fit]) -> Tuple[Fit, Dict[str, float]]:
    scores = {f"{each.settings.rate}/{each.settings.depth}": each.score for each in fits}
    return max(fits, key=lambda each: each.score), scores


@fl.task
def notify(score: float):
    assert score > 0


@fl.dynamic(container_image=image, limits=fl.Resources(mem="2Gi"))
def grid(rates: List[float], depths: List[int]) -> Tuple[Fit, Dict[str, float]]:
    fits = []
    for rate in rates:
        for depth in depths:
            fits.append(fit(settings=Settings(rate=rate, depth=depth, tags=[f"d{depth}"])))
    found, scores = best_of(fits=fits)
    notify(score=found.score)
    return found, scores


@fl.workflow
def search(rates: List[float], depths: List[int] = [1, 2]) -> Best:
    found, scores = grid(rates=rates, depths=depths)
    return Best(fit=found, scores=scores)


fl.LaunchPlan.get_or_create(
    search,
    "search_every_night",
    default_inputs={"rates": [0.1]},
    schedule=fl.CronSchedule(schedule="0 3 * * *"),
    notifications=[fl.Email(phases=[4], recipients_email=["team@example.org"])],
)
small = fl.LaunchPlan.get_or_create(search, "small_search", default_inputs={"depths": [1]})


@fl.workflow
def nightly(rates: List[float]) -> float:
    found = small(rates=rates)
    return found.fit.score
