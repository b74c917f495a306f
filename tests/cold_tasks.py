"""Runs one task of each kind in a process that is not warm, and lists what it imported of this package.

Run as a program, this module loads what the process of any task has loaded: Airflow, its plugins, and what
a plain ``@task`` needs. Then it forks a process for each task, as Airflow does. Each loads the Dag file and
runs one task. The last line of output is JSON: kind -> what its process imported.
"""

from __future__ import annotations

import enum
import importlib.util
import json
import os
import sys
import time
import traceback
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NamedTuple

from airflow_dynamic_provider.version_compat import STARTS_IN_TRIGGERER

PACKAGE = "airflow_dynamic_provider"

MAP_FILE = """
from airflow.sdk import dag, task
from airflow_dynamic_provider import DynamicOut, DynamicOutput

@task.dynamic(out=DynamicOut(str))
def produce():
    for name in ("a", "b"):
        yield DynamicOutput(name, mapping_key=name, metadata=METADATA)

@task
def first(value):
    return value.upper()

@task
def second(value):
    return value.lower()

@task
def total(values):
    return len(values)

@task
def compare(value, total):
    return [value, total]

@dag(schedule=None)
def mapped():
    firsts = produce().map(first)
    firsts.map(second)
    LAST

made = mapped()
"""


def map_file(last: str = "", metadata: str = "None") -> str:
    """Return the text of a Dag file with another last line, and metadata of the keys."""
    return MAP_FILE.replace("METADATA", metadata).replace("LAST", last)


#: The clones of `compare` wait for a total of all keys, and a gate waits for their own key.
GATED = (
    "every = total(firsts.collect(min_success_ratio=0.5)); firsts.map(lambda value: compare(value, every))"
)

WORKFLOW_FILE = """
from airflow.sdk import dag, task
from airflow_dynamic_provider import dynamic_workflow

@task
def add(left, right):
    return left + right

@dynamic_workflow
def add_up(count):
    total = add(0, 1)
    return add(total, count)

@dag(schedule=None)
def planned():
    add_up(3)

made = planned()
"""


#: The mapped tasks of the nodes of `add_up`.
LANES = ("add", "add__after") if STARTS_IN_TRIGGERER else ("add",)


class Task(NamedTuple):
    """A task that runs in a process of its own.

    Attributes:
        kind: What the task does; empty if it only prepares others.
        task_id: The task.
        map_index: Its map index.
        next_method: The method that resumes it after a wait.
    """

    kind: str
    task_id: str
    map_index: int = -1
    next_method: str | None = None


#: The text of a Dag file -> its tasks, in an order in which they can run.
PROGRAMS = {
    map_file(): (Task("producer", "produce"), Task("clone", "first", 0), Task("second clone", "second", 0)),
    map_file(metadata='{"size": 1}'): (
        *(Task("", "produce"), Task("clone of a key with metadata", "first", 0)),
    ),
    map_file("total(firsts.collect())"): (
        *(Task("", "produce"), Task("", "first", 0), Task("", "first", 1)),
        *(Task("clone beside a collector", "second", 0), Task("collector", "total")),
    ),
    map_file(GATED): (
        *(Task("", "produce"), Task("", "first", 0), Task("", "first", 1), Task("", "total")),
        *(Task("gate", "compare__gate", 0), Task("clone after a gate", "compare", 0)),
    ),
    WORKFLOW_FILE: (
        Task("workflow planning", "add_up.plan"),
        *(Task("", f"add_up.nodes.{lane}") for lane in LANES),
        Task("workflow node", "add_up.add", 0),
        Task("workflow node after a wait", f"add_up.{LANES[-1]}", 2 - len(LANES), "go_on"),
        Task("workflow result", "add_up.result"),
    ),
}


def load_airflow() -> set[str]:
    """Load what the process of any task has loaded, and return the modules of the package that this takes."""
    for plugin in entry_points(group="airflow.plugins"):
        if plugin.value.split(".")[0] == PACKAGE:
            plugin.load()
    # This module imports the last one, which no plugin needs.
    loaded = _own_modules() - {f"{PACKAGE}.version_compat"}
    from airflow.sdk import dag, task

    # Imported here, because it imports modules of the package. Tasks import these themselves.
    from tests.task_runs import run_task

    @task
    def nothing() -> None:
        pass

    @dag(schedule=None)
    def plain() -> None:
        nothing()

    run_task(plain(), "nothing")
    return loaded | {f"{PACKAGE}.airflow_adapter.in_memory"}


def _own_modules() -> set[str]:
    return {name for name in sys.modules if name.split(".")[0] == PACKAGE}


def run_in_fork(
    folder: Path, number: int, task: Task, kept: dict[str, Any], loaded: set[str]
) -> dict[str, Any]:
    """Run a task in a forked process.

    Args:
        folder: Where the Dag file is.
        number: The number of the Dag file.
        task: The task.
        kept: The XComs and states of the run. The task's are added.
        loaded: The modules of the package that the process of any task has loaded.
    """
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        try:
            answer = _run(folder / f"dag_{number}.py", task, kept, loaded)
        except BaseException:
            answer = {"error": traceback.format_exc()}
        with os.fdopen(writing, "w") as pipe:
            json.dump(answer, pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        answer = json.load(pipe)
    os.waitpid(child, 0)
    if "error" in answer:
        raise RuntimeError(f"{task.task_id}: {answer['error']}")
    kept |= answer.pop("kept")
    return answer


def _run(file: Path, task: Task, kept: dict[str, Any], loaded: set[str]) -> dict[str, Any]:
    from tests.task_runs import FakeSupervisor, run_task

    start = time.process_time()
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    parsed = time.process_time()
    parsed_modules = _own_modules()
    supervisor = FakeSupervisor(
        xcoms={tuple(key): value for key, value in kept.get("xcoms", [])},
        states={tuple(key): value for key, value in kept.get("states", [])},
    )
    run = run_task(module.made, task.task_id, task.map_index, supervisor, task.next_method)
    assert run.state == "success", run.message
    modules = sorted(_own_modules() - loaded)
    return {
        "modules": modules,
        "parsed": sorted(set(modules) & parsed_modules),
        "classes": sorted(_generated(modules)),
        "seconds": [parsed - start, time.process_time() - parsed],
        "calls": [type(message).__name__ for message in supervisor.messages],
        "kept": {"xcoms": list(supervisor.xcoms.items()), "states": list(supervisor.states.items())},
    }


def _generated(modules: list[str]) -> list[str]:
    """Return the classes of modules whose methods are generated when they are created."""
    return [
        f"{name}.{attribute}"
        for name in modules
        for attribute, value in vars(sys.modules[name]).items()
        if isinstance(value, type) and value.__module__ == name and _is_generated(value)
    ]


def _is_generated(cls: type) -> bool:
    is_named_tuple = issubclass(cls, tuple) and hasattr(cls, "_fields")
    marks = {"__dataclass_fields__", "__attrs_attrs__", "__pydantic_fields__"}
    return is_named_tuple or issubclass(cls, enum.Enum) or not marks.isdisjoint(vars(cls))


def main(folder: Path) -> None:
    """Run all tasks, and print what they imported."""
    loaded = load_airflow()
    found: dict[str, Any] = {}
    for number, (text, tasks) in enumerate(PROGRAMS.items()):
        (folder / f"dag_{number}.py").write_text(text, encoding="utf-8")
        kept: dict[str, Any] = {}
        for task in tasks:
            answer = run_in_fork(folder, number, task, kept, loaded)
            if task.kind:
                found[task.kind] = answer
    sys.stdout.write(f"{json.dumps(found)}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
