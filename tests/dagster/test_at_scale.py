"""Programs whose maps run 1,000 keys in batches, which is the one change.

The proof has two steps. An interpreter in plain Python gives what Dagster gave for a few keys, for all
programs but those that are named here. The same programs with 1,000 keys, run in batches, then give what the
interpreter gives. Dagster itself takes minutes for so many keys.
"""

from __future__ import annotations

import contextlib
import os
import re
from functools import partialmethod

import pytest

from airflow_dynamic_provider.dags_from.dagster.captured import Capture, capturing
from airflow_dynamic_provider.dags_from.dagster.handles import DynamicHandle
from airflow_dynamic_provider.dags_from.dagster.in_process import InProcessResult
from airflow_dynamic_provider.dags_from.dagster.resources import Opened
from airflow_dynamic_provider.dags_from.dagster.run_config import plain_config
from airflow_dynamic_provider.embedded import EmbeddedRun
from airflow_dynamic_provider.local import run_local
from tests.dagster.interpreter import Interpreter
from tests.dagster.plain import plain
from tests.dagster.running import expected, jobs_of, load, nodes_of, set_environment, source_of

EXPECTED = expected()
KEYS = 1000

#: What gives the number of keys in the source of a program, and what takes its place.
SCALED = {
    r"for i in range\(\d\)": f"for i in range({KEYS})",
    r"range\(10\)": f"range({4 * KEYS})",
    r"return 3\n": f"return {KEYS}\n",
    r'"n": (2|3)\b': f'"n": {KEYS}',
    r"for n in \((0, 2|3, 0)\)": f"for n in ({KEYS},)",
}

#: A program in which each key gives as many outputs as its number, which would be half a million.
TOO_MANY = "dynamic_below_dynamic"

#: Programs about what the interpreter leaves out: IO managers, hooks, resources, the types of outputs.
OTHERS = {
    "configs": {"resources_at_launch", "resources_from_outside"},
    "contexts": {
        *("contexts_of_mapped_ops", "hooks_ask", "io_managers_ask"),
        *("input_by_another_io_manager", "input_from_an_io_manager", "materializations"),
    },
    "failures": {"output_types", "value_of_another_type"},
    "resources": {"hooks_of_a_job", "several_resources"},
    "storing": {"custom_manager", "custom_types_refused", "manager_of_the_job"},
}


def runs_of(module, job):
    """Return the configs of the runs of a job, without the runs that change the job itself."""
    runs = getattr(module, "RUNS", {}).get(job.name, [{}])
    configs = [plain_config(run["run_config"]) if "run_config" in run else job.config for run in runs]
    return [
        {**config, **({"inputs": {**job.input_values}} if job.input_values else {})}
        for config, run in zip(configs, runs, strict=True)
        if run.keys() <= {"run_config"}
    ]


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    set_environment(monkeypatch)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_the_interpreter_gives_what_dagster_gave(name, tmp_path):
    module, differing = load(name, tmp_path), set()
    for job in jobs_of(module).values():
        found = [Interpreter(job, config).run() for config in runs_of(module, job)]
        if found and found != EXPECTED[name][job.name]:
            differing.add(job.name)
    assert differing == OTHERS.get(name, set())


def run_in_memory(job, config):
    """Run a job in plain Python, and return its outcome in the form of `tests.dagster.plain.outcome`."""
    with (
        contextlib.closing(Opened(job.resource_defs, config.get("resources") or {})) as opened,
        capturing(Capture(opened, stops=False)) as capture,
    ):
        finished = run_local(job.dag, conf=dict(config))
    result = InProcessResult(job, EmbeddedRun(job.name, "local", finished.state, 0.0, ()), capture)
    outputs, states = {}, {}
    for path, names in nodes_of(job).items():
        task = finished.task(path)
        once = {} if task.once is None or job.composition.nodes[path].mapped_over else {path: task.once.state}
        keyed = {f"{path}[{key}]": state for key, state in (task.states if task.keys else {}).items()}
        states |= {step: state for step, state in {**once, **keyed}.items() if state != "upstream_failed"}
        for name in names:
            try:
                outputs[f"{path}:{name}"] = plain(result.output_for_node(path, name))
            except Exception as error:
                outputs[f"{path}:{name}"] = type(error).__name__
    return {"success": finished.state == "success", "outputs": outputs, "states": states}


def scaled(name):
    """Return the source of a file of programs with more keys."""
    source = source_of(name)
    for old, new in SCALED.items():
        source = re.sub(old, new, source)
    return source


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_programs_with_many_keys(name, tmp_path, monkeypatch, pytestconfig):
    """Each session runs another sixth of the programs. All of them: DAGSTER_SCALE=all."""
    monkeypatch.setattr(DynamicHandle, "map", partialmethod(DynamicHandle.map, batch=500))
    first, step = (0, 1) if os.environ.get("DAGSTER_SCALE") == "all" else (pytestconfig.option.seed % 6, 6)
    modules = [load(name, tmp_path, scaled(name)) for _ in range(2)]
    wanted_by, run_by = map(jobs_of, modules)
    names = [job for job in sorted(run_by) if job not in {TOO_MANY, *OTHERS.get(name, ())}]
    for job in names[first::step]:
        for config in runs_of(modules[1], run_by[job]):
            wanted = Interpreter(wanted_by[job], config).run()
            if len(wanted["states"]) >= KEYS:
                assert run_in_memory(run_by[job], config) == wanted
