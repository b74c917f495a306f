"""A workflow with named nodes: it scores every point of a grid of unknown size, and finds the best point.

The body is ordinary Python over ordinary values: two loops, names built from the values, a dict of promises.

Run it by itself: ``python dags/grid_search.py``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from airflow.sdk import dag, task

from airflow_dynamic_provider import add_output_metadata, dynamic_workflow, map_task

GRID = {"rate": [0.1, 0.3], "depth": [2, 4, 6]}
FOLDS = 2


class Best(NamedTuple):
    """The result of the search."""

    point: str
    score: float


@task(multiple_outputs=False)
def read_grid() -> dict[str, list[float]]:
    """Return the values to try."""
    return GRID


def score_of(rate: float, depth: int, fold: int) -> float:
    """Pretend to train and score one model on one part of the data."""
    return round(1 - abs(rate - 0.3) - abs(depth - 4) / 10 - fold / 100, 3)


@task
def score_fold(rate: float, depth: int, fold: int) -> float:
    """Score one model, and keep the score as metadata of the node."""
    score = score_of(rate, depth, fold)
    add_output_metadata({"score": score})
    return score


@task
def mean(scores: list[float]) -> float:
    """Return the mean over the parts of the data."""
    return round(sum(scores) / len(scores), 3)


@task
def choose(scores: dict[str, float]) -> tuple[str, float]:
    """Return the best point and its score."""
    point = max(scores, key=lambda name: scores[name])
    return point, scores[point]


@task
def describe(best: str) -> str:
    """Describe the best point."""
    return f"best: {best}"


@dynamic_workflow
def search(grid: dict[str, list[float]], folds: int) -> Best:
    """Score every point of the grid, and return the best one."""
    scores = {}
    for rate in grid["rate"]:
        for depth in grid["depth"]:
            point = f"rate={rate},depth={depth}"
            parts = [score_fold.override(task_id=f"{point},fold={n}")(rate, depth, n) for n in range(folds)]
            scores[point] = mean.override(task_id=f"{point},mean")(parts)
    point, score = choose(scores)
    return Best(point, score)


@dynamic_workflow
def describe_all(names: list[str]) -> list[str]:
    """Describe some points, two at a time."""
    return map_task(describe, concurrency=2)(names)


@task(multiple_outputs=False)
def report(best: list[Any], score: float, others: list[str]) -> dict[str, Any]:
    """Run last, with the outputs of both workflows."""
    return {"best": list(best), "score": score, "others": others}


@dag(schedule=None, tags=["dynamic workflows"])
def grid_search():
    """Search the grid."""
    best = search(read_grid(), FOLDS)
    _, score = best
    report(best, score, describe_all(["rate=0.1", "rate=0.3"]))


def expected() -> dict[str, Any]:
    """Return what ``report`` must return, computed in plain Python."""
    scores = {}
    for rate in GRID["rate"]:
        for depth in GRID["depth"]:
            parts = [score_of(rate, depth, fold) for fold in range(FOLDS)]
            scores[f"rate={rate},depth={depth}"] = round(sum(parts) / FOLDS, 3)
    best = max(scores, key=lambda point: scores[point])
    others = ["best: rate=0.1", "best: rate=0.3"]
    return {"best": [best, scores[best]], "score": scores[best], "others": others}


the_dag = grid_search()

if __name__ == "__main__":
    import sys

    from airflow_dynamic_provider.embedded import run

    sys.exit(run(the_dag).exit_status)
