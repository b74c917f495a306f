"""What Dagster does with a job, in plain Python: which steps run for which keys, and what they give.

It walks through the calls that a job recorded, and calls the functions of the ops. It knows no task, no
store of values and no batch. `tests.dagster.test_at_scale` compares it with what Dagster gave for a few keys,
and then takes it as what has to come out for many keys.
"""

from __future__ import annotations

from collections import defaultdict

from airflow_dynamic_provider.dags_from.dagster import Failure, RetryRequested, build_op_context
from airflow_dynamic_provider.dags_from.dagster.declarations import MISSING
from airflow_dynamic_provider.dags_from.dagster.events import AssetMaterialization
from airflow_dynamic_provider.dags_from.dagster.handles import FanIn, GraphInput
from airflow_dynamic_provider.dags_from.dagster.plans import input_from, section
from airflow_dynamic_provider.dags_from.dagster.resources import Opened
from airflow_dynamic_provider.dags_from.dagster.values import events_of
from tests.dagster.plain import plain

#: Stand for a value that there is not: a step gave none or was skipped; a step failed or could not run.
SKIPPED, ABANDONED = object(), object()


class Interpreter:
    """One run of a job.

    Args:
        job: The job.
        config: The config of the run.
    """

    def __init__(self, job, config):
        self.job = job
        self.config = config
        self.resources = Opened(job.resource_defs, config.get("resources") or {})
        # Path -> key of the step, ``None`` if it runs once -> state.
        self.states = defaultdict(dict)
        # (Path, output) -> (key of the step, key of the output) -> value.
        self.outputs = defaultdict(dict)
        # (Path, output) -> the keys of the last try.
        self.keys = defaultdict(list)

    def run(self):
        """Run all steps, and return the outcome in the form of `tests.dagster.plain.outcome`."""
        for node in self.job.composition.nodes.values():
            for key in self._keys(node.mapped_over):
                self._step(node, key)
        self.resources.close()
        states = {
            path if key is None else f"{path}[{key}]": state
            for path, by_key in self.states.items()
            for key, state in by_key.items()
        }
        return {"success": "failed" not in states.values(), "outputs": self._shown(), "states": states}

    def _shown(self):
        shown = {}
        for path, node in self.job.composition.nodes.items():
            for name in node.definition.outs:
                found = self.outputs.get((path, name)) or {}
                by_key = {key if step is None else step: value for (step, key), value in found.items()}
                value = by_key.get(None, by_key) if by_key else None
                shown[f"{path}:{name}"] = plain(value) if by_key else "DagsterInvariantViolationError"
        return shown

    def _keys(self, over):
        """Return the keys that a node runs for."""
        if over is None:
            return [None]
        done = self.states[over.node.path].get(None) == "success"
        return self.keys[over.node.path, over.output] if done else []

    def _step(self, node, key):
        inputs = {name: self._input(node, name, key) for name in node.definition.ins}
        if any(each is ABANDONED for each in inputs.values()):
            return
        if any(each is SKIPPED for each in inputs.values()):
            self.states[node.path][key] = "skipped"
            return
        given = {name: each for name, each in inputs.items() if not node.definition.ins[name].is_nothing}
        self.states[node.path][key] = "success" if self._tries(node, key, given) else "failed"

    def _tries(self, node, key, given):
        policy = node.settings.retry_policy or node.definition.retry_policy or self.job.op_retry_policy
        number, allowed = 0, 0
        while number <= allowed:
            try:
                self._try(node, key, given, number)
            except RetryRequested as error:
                allowed = error.max_retries
            except Failure as error:
                allowed = policy.max_retries if policy and error.allow_retries else 0
            except Exception:
                allowed = policy.max_retries if policy else 0
            else:
                return True
            number += 1
        return False

    def _try(self, node, key, given, number):
        op = node.definition
        context = build_op_context(
            op_config=section(self.config, node.path).get("config"),
            resources={each: self.resources.get(each) for each in op.required_resource_keys},
            mapping_key=key,
        )
        context.retry_number = number
        context.job_name = self.job.name
        for name in op.outs:
            self.keys[node.path, name] = []
        for event in events_of(op, op(context, **given)):
            if isinstance(event, AssetMaterialization):
                continue
            inner = getattr(event, "mapping_key", None)
            self.outputs[node.path, event.output_name][key, inner] = event.value
            self.keys[node.path, event.output_name].append(inner)

    def _input(self, node, name, key):
        value = node.inputs.get(name)
        declared = node.definition.ins[name]
        if value is None or isinstance(value, GraphInput):
            where = (node.path, name) if value is None else (value.graph, value.name)
            given = input_from(self.config, *where)
            return declared.default_value if given is MISSING and not declared.is_nothing else given
        if isinstance(value, FanIn):
            return self._collected(value.source)
        if isinstance(value, list):
            return self._present([self._value(each, key) for each in value])
        return self._value(value, key)

    def _value(self, handle, key):
        """Return the value of an output for a key."""
        step = None if handle.node.mapped_over is None else key
        if self.states[handle.node.path].get(step) in (None, "failed"):
            return ABANDONED
        found = self.outputs[handle.node.path, handle.output]
        return found.get((step, key if handle.is_item else None), SKIPPED)

    def _collected(self, source):
        over = source if source.is_item else source.node.mapped_over
        state = self.states[over.node.path].get(None)
        if state != "success":
            return SKIPPED if state == "skipped" else ABANDONED
        keys = self._keys(over)
        if not keys:
            return [] if over.node.definition.outs[over.output].is_required else SKIPPED
        return self._present([self._value(source, key) for key in keys])

    def _present(self, values):
        """Return the values that there are, if there are any."""
        if any(each is ABANDONED for each in values):
            return ABANDONED
        return [each for each in values if each is not SKIPPED] or SKIPPED
