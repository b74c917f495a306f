"""``execute_in_process``: runs a job on an embedded Airflow, and gives its results as Dagster does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.dagster.captured import Capture, capturing
from airflow_dynamic_provider.dags_from.dagster.errors import DagsterInvariantViolationError
from airflow_dynamic_provider.dags_from.dagster.handles import DynamicHandle, OutputHandle
from airflow_dynamic_provider.dags_from.dagster.resources import Opened
from airflow_dynamic_provider.dags_from.dagster.run_config import check_run_config
from airflow_dynamic_provider.dags_from.dagster.unsupported import Refusing
from airflow_dynamic_provider.definitions.keys import DEFAULT_OUTPUT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_dynamic_provider.dags_from.dagster.nodes import Job
    from airflow_dynamic_provider.embedded.results import EmbeddedRun


class StepEvent:
    """What became of one step.

    Args:
        step_key: The node, with its mapping key in brackets.
        event_type_value: ``STEP_SUCCESS``, ``STEP_FAILURE`` or ``STEP_SKIPPED``.
    """

    def __init__(self, step_key: str, event_type_value: str) -> None:
        self.step_key = step_key
        self.event_type_value = event_type_value

    @property
    def node_name(self) -> str:
        """The node."""
        return self.step_key.partition("[")[0]

    @property
    def is_step_success(self) -> bool:
        """Whether the step succeeded."""
        return self.event_type_value == "STEP_SUCCESS"

    @property
    def is_step_failure(self) -> bool:
        """Whether the step failed."""
        return self.event_type_value == "STEP_FAILURE"

    @property
    def is_step_skipped(self) -> bool:
        """Whether the step was skipped."""
        return self.event_type_value == "STEP_SKIPPED"

    def __repr__(self) -> str:
        return f"<{self.event_type_value} {self.step_key}>"


class InProcessResult(Refusing):
    """The results of a run of ``execute_in_process``.

    Args:
        job: The job.
        run: The run of its Dag.
        capture: What its ops gave.
    """

    _what = "the result of execute_in_process"

    def __init__(self, job: Job, run: EmbeddedRun, capture: Capture) -> None:
        self._job = job
        self._capture = capture
        self.run_id = run.run_id
        self.dag_run = run

    @property
    def success(self) -> bool:
        """Whether the run succeeded."""
        return self.dag_run.state == "success" and self._capture.error is None

    @property
    def job_def(self) -> Job:
        """The job."""
        return self._job

    def output_for_node(self, node_str: str, output_name: str = DEFAULT_OUTPUT) -> Any:
        """Return an output of a node: a value, or a dict by mapping key.

        Args:
            node_str: The op, or graph, with the graphs around it: ``graph.op``.
            output_name: The output.

        Raises:
            DagsterInvariantViolationError: There is no such node, or it gave no such output.
        """
        composition = self._job.composition
        if node_str in composition.graphs and node_str:
            return self._of_graph(node_str, output_name)
        if node_str not in composition.nodes:
            raise self._missing(f"the job has no op named {node_str!r}", composition.nodes)
        definition = composition.nodes[node_str].definition
        if output_name not in definition.outs:
            raise self._missing(f"the op {node_str!r} has no output {output_name!r}", definition.outs)
        found = self._capture.outputs.get(node_str, {}).get(output_name)
        if not found:
            raise self._missing(f"{node_str!r} gave no output {output_name!r} in this run", ())
        if set(found) == {(None, None)}:
            return found[None, None]
        # Of a dynamic output below a dynamic output, Dagster has the last value of each outer key.
        by_key = {
            mapped_for if mapped_for is not None else key: value for (mapped_for, key), value in found.items()
        }
        return {key: by_key[key] for key in sorted(by_key, key=self._position(node_str))}

    def output_value(self, output_name: str = DEFAULT_OUTPUT) -> Any:
        """Return an output of the job: what its body returns.

        Raises:
            DagsterInvariantViolationError: It has no such output.
        """
        return self._of_graph("", output_name)

    def asset_materializations_for_node(self, node_str: str) -> list[Any]:
        """Return the materializations of a node."""
        position = self._position(node_str)
        found = [each for each in self._capture.materializations if each[0].partition("[")[0] == node_str]
        found.sort(key=lambda each: position(each[0].partition("[")[2].removesuffix("]")))
        return [each for _, each in found]

    @property
    def all_events(self) -> list[StepEvent]:
        """What became of each step that ended by itself, in the order of their start."""
        names = {"success": "STEP_SUCCESS", "failed": "STEP_FAILURE", "skipped": "STEP_SKIPPED"}
        nodes = self._job.composition.nodes
        events = []
        for ti in self.dag_run.task_instances:
            node = nodes.get(ti.task_id)
            # Airflow has one task instance without a key for a task that there are no keys for.
            if node is None or (node.mapped_over is not None and ti.label is None):
                continue
            if node.batch is None and ti.state in names:
                events.append(StepEvent(ti.name, names[ti.state]))
        batched = {path for path, node in nodes.items() if node.batch is not None}
        steps = self._capture.steps.items()
        return events + [StepEvent(key, state) for key, state in steps if key.partition("[")[0] in batched]

    def events_for_node(self, node_name: str) -> list[StepEvent]:
        """Return what became of each step of a node."""
        return [event for event in self.all_events if event.node_name == node_name]

    def is_node_success(self, node_str: str) -> bool:
        """Return whether all steps of a node succeeded."""
        events = self.events_for_node(node_str)
        return bool(events) and all(event.is_step_success for event in events)

    def is_node_untouched(self, node_str: str) -> bool:
        """Return whether a node has no step that ended by itself."""
        return not self.events_for_node(node_str)

    def is_node_failed(self, node_str: str) -> bool:
        """Return whether a step of a node failed."""
        return any(event.is_step_failure for event in self.events_for_node(node_str))

    def is_node_skipped(self, node_str: str) -> bool:
        """Return whether a node was skipped."""
        return any(event.is_step_skipped for event in self.events_for_node(node_str))

    def retry_attempts_for_node(self, node_str: str) -> int:
        """Return how often steps of a node were run again."""
        return self._capture.retries[node_str]

    def filter_events(self, event_filter: Callable[[StepEvent], bool]) -> list[StepEvent]:
        """Return the events for which a function returns true."""
        return [event for event in self.all_events if event_filter(event)]

    def get_step_success_events(self) -> list[StepEvent]:
        """Return the events of the steps that succeeded."""
        return self.filter_events(lambda event: event.is_step_success)

    def get_step_failure_events(self) -> list[StepEvent]:
        """Return the events of the steps that failed."""
        return self.filter_events(lambda event: event.is_step_failure)

    def get_step_skipped_events(self) -> list[StepEvent]:
        """Return the events of the steps that were skipped."""
        return self.filter_events(lambda event: event.is_step_skipped)

    def get_failed_step_keys(self) -> set[str]:
        """Return the names of the steps that failed."""
        return {event.step_key for event in self.get_step_failure_events()}

    def _position(self, path: str) -> Callable[[str | None], int]:
        """Return the function that says where a key stands among those of the op that gave it."""
        node = self._job.composition.nodes.get(path)
        over = None if node is None else node.mapped_over
        outputs = {} if over is None else self._capture.outputs.get(over.node.path, {})
        given = {} if over is None else outputs.get(over.output, {})
        positions = {key: position for position, (_, key) in enumerate(given)}
        return lambda key: positions.get(key, -1)

    def _of_graph(self, path: str, output_name: str) -> Any:
        outputs = self._job.composition.graphs[path]
        if output_name not in outputs:
            raise self._missing(f"{path or self._job.name!r} has no output {output_name!r}", outputs)
        handle = outputs[output_name]
        source = handle.source if isinstance(handle, DynamicHandle) else handle
        if not isinstance(source, OutputHandle):
            raise self._missing(f"the output {output_name!r} is an input", ())
        return self.output_for_node(source.node.path, source.output)

    def _missing(self, problem: str, known: Any) -> DagsterInvariantViolationError:
        named = ", ".join(known)
        return DagsterInvariantViolationError(problem, remedy=f"There are: {named}." if named else None)


def run_in_process(
    job: Job, run_config: Mapping[str, Any], partition_key: str | None, *, raise_on_error: bool
) -> InProcessResult:
    """Run a job in this process, on an embedded Airflow.

    Args:
        job: The job.
        run_config: The config of the run.
        partition_key: The partition of the run.
        raise_on_error: Whether the run stops at the first error, and raises it.
    """
    from airflow_dynamic_provider.embedded.testing import run_in_test

    inner = run_config if job.config_mapping is None else job.config_mapping.inner(run_config)
    check_run_config(job, inner)
    if job.partitions_def is not None and partition_key is not None:
        job.partitions_def.check(partition_key)
    # An op without a schema takes any config, for which there is no Dag param.
    conf = {name: each for name, each in run_config.items() if name in job.dag.params or each}
    if partition_key is not None:
        conf["partition_key"] = partition_key
    opened = Opened(job.resource_defs, inner.get("resources") or {})
    try:
        with capturing(Capture(opened, stops=raise_on_error)) as capture:
            finished = run_in_test(job.dag, conf=conf)
    finally:
        opened.close()
    result = InProcessResult(job, finished, capture)
    if raise_on_error and not result.success:
        raise _first_error(result, capture)
    return result


def _first_error(result: InProcessResult, capture: Capture) -> BaseException:
    if capture.error is not None:
        return capture.error
    # An error outside of ops: Airflow could not run a task.
    errors = [ti.error for ti in result.dag_run.task_instances if isinstance(ti.error, BaseException)]
    failed = [ti.name for ti in result.dag_run.task_instances if ti.state == "failed"]
    return next(iter(errors), RuntimeError(f"the run failed: {', '.join(failed)}"))
