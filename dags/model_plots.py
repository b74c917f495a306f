"""Evaluate a model for each point of a grid, with the error and a plot beside its key in Airflow's UI.

Run it by itself: ``python dags/model_plots.py``.
"""

from __future__ import annotations

import base64
from typing import Any

from airflow.sdk import dag, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, MetadataValue, add_output_metadata

GRID = {"slope": [0.5, 1.0, 2.0], "offset": [0.0, 1.0]}

#: The points that the models should fit.
POINTS = [(0, 1.1), (1, 2.9), (2, 5.2), (3, 6.8)]


@task.dynamic(out=DynamicOut(dict))
def grid():
    """Produce one output per point of the grid. The key has its values."""
    for slope in GRID["slope"]:
        for offset in GRID["offset"]:
            yield DynamicOutput(
                {"slope": slope, "offset": offset},
                mapping_key=f"slope={slope}, offset={offset}",
                metadata={"slope": slope, "offset": offset},
            )


def error_of(model: dict[str, float]) -> float:
    """Return the mean squared error of a model."""
    errors = [(model["slope"] * x + model["offset"] - y) ** 2 for x, y in POINTS]
    return round(sum(errors) / len(errors), 4)


def plot(model: dict[str, float]) -> str:
    """Return a plot of the points and the model, as a picture in a URL."""
    dots = "".join(f'<circle cx="{20 + 40 * x}" cy="{120 - 12 * y}" r="4"/>' for x, y in POINTS)
    first, last = model["offset"], model["slope"] * 3 + model["offset"]
    line = f'<path d="M 20 {120 - 12 * first} L 140 {120 - 12 * last}" stroke="orange" stroke-width="2"/>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="160" height="140">{line}{dots}</svg>'
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


@task
def evaluate(model: dict[str, float]) -> float:
    """Evaluate one model. The pages show its error in a chart over all keys, and the plot beside its key."""
    error = error_of(model)
    add_output_metadata({"error": error, "fit": MetadataValue.image(plot(model), alt=f"error {error}")})
    return error


@task(multiple_outputs=False)
def choose(errors: dict[str, float]) -> dict[str, Any]:
    """Choose the best model, and keep the whole list as a table."""
    rows = [
        {"model": name, "error": error} for name, error in sorted(errors.items(), key=lambda each: each[1])
    ]
    add_output_metadata({"models": MetadataValue.table(rows, columns=["model", "error"])})
    return {"best": rows[0]["model"], "error": rows[0]["error"]}


@dag(schedule=None, tags=["dynamic outputs"])
def model_plots():
    """Search the grid."""
    choose(grid().map(evaluate).collect(keyed=True))


def expected() -> dict[str, Any]:
    """Return what ``choose`` must return, computed in plain Python."""
    errors = {
        f"slope={slope}, offset={offset}": error_of({"slope": slope, "offset": offset})
        for slope in GRID["slope"]
        for offset in GRID["offset"]
    }
    best = min(errors, key=lambda name: errors[name])
    return {"best": best, "error": errors[best]}


the_dag = model_plots()

if __name__ == "__main__":
    import sys

    from airflow_dynamic_provider.embedded import run

    sys.exit(run(the_dag).exit_status)
