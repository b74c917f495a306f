"""Runs ``airflow dynamic-outputs clear`` as Airflow's command line does, and what it has cleared."""

from __future__ import annotations

import re
import shlex

from airflow_dynamic_provider.cli.__main__ import main
from airflow_dynamic_provider.version_compat import COMMAND


def command(run, *arguments, workflow="graph"):
    """Clear by the package's own command."""
    execute(["clear", run.dag.dag_id, run.run_id, "--workflow", workflow, *arguments])
    return run


def execute(arguments):
    """Execute ``airflow dynamic-outputs``, or what stands for it up to Airflow 3.1."""
    if not COMMAND.startswith("airflow"):
        return main(arguments)
    from airflow.cli.cli_parser import get_parser

    args = get_parser().parse_args(["dynamic-outputs", *arguments])
    return args.func(args)


def told(run, task_id="graph.result", map_index=-1):
    """The message with which a task failed."""
    return str(run.errors[task_id, map_index])


def as_told(run, task_id="graph.result", map_index=-1):
    """Execute the command that a failed task's message names."""
    (found,) = re.findall(rf"{re.escape(COMMAND)} (clear .* --yes)", told(run, task_id, map_index))
    execute(shlex.split(found))
    return run


def run_again(run):
    """Run what was cleared, and return the task instances that were tried again."""
    before = run.tries()
    after = run.run().tries()
    return {ti for ti, tries in after.items() if tries != before.get(ti, 0)}


def names(run, pairs, group="graph"):
    """The labels of those that are nodes; the rest by their task ids."""
    labels = {(ti.task_id, ti.map_index): ti._rendered_map_index for ti in run.dag_run.get_task_instances()}
    return {labels[pair] if labels.get(pair) else pair[0].removeprefix(f"{group}.") for pair in pairs}


def place_of(run, name):
    """The task and the map index of a node."""
    (place,) = (
        (ti.task_id, ti.map_index)
        for ti in run.dag_run.get_task_instances()
        if ti._rendered_map_index == name and ti.state != "removed"
    )
    return place
