"""The names that Airflow shows for the package's own tasks and groups: they say what a row of the grid is."""

from __future__ import annotations

import pytest
from airflow.sdk import dag, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, dynamic_workflow
from airflow_dynamic_provider.version_compat import STARTS_IN_TRIGGERER

pytestmark = pytest.mark.dag


@task.dynamic(out={"found": DynamicOut(int), "lost": DynamicOut(int)})
def files():
    yield DynamicOutput(1, "a", output_name="found")


@task.dynamic(out=DynamicOut(int))
def lines(file):
    yield DynamicOutput(file, "1")


@task
def parse(line):
    return line


@task
def total(lines):
    return len(lines)


@dynamic_workflow
def plan():
    return parse(parse(1))


@dag(schedule=None)
def named():
    parsed = files().found.map(lambda file: lines(file).map(parse))
    total(parsed.collect())
    plan()


def test_helpers_and_groups_say_what_they_are():
    found = named()
    shown = {task_id: task.task_display_name for task_id, task in found.task_dict.items()}
    lanes = {
        "plan.nodes.parse": "list of nodes: parse",
        "plan.nodes.parse__after": "list of nodes: parse (after other nodes)",
        "plan.parse": "parse",
        "plan.parse__after": "parse (after other nodes)",
    }
    named_by_us = {task_id: name for task_id, name in shown.items() if name != task_id}
    assert named_by_us == {
        "files__found": "keys of files, output found",
        "lines__keys": "keys of lines",
        **(
            lanes
            if STARTS_IN_TRIGGERER
            else {"plan.nodes.parse": "list of nodes: parse", "plan.parse": "parse"}
        ),
    }
    assert all(found.task_dict[task_id].doc_md for task_id in named_by_us)
    groups = found.task_group.get_task_group_dict()
    assert {name: groups[name].group_display_name for name in groups if "each" in str(name)} == {
        "each_files_found": "each key of files_found",
        "each_lines": "each key of lines",
    }
