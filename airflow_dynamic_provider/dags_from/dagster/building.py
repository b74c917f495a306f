"""Makes the Dag of a job: a task for each node, mapped over the dynamic output that the node is below."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.late_dags import CheckedDag
from airflow_dynamic_provider.authoring.decorator import dynamic_task
from airflow_dynamic_provider.authoring.gathering import gather
from airflow_dynamic_provider.dags_from.dagster.handles import FanIn, GraphInput, OutputHandle
from airflow_dynamic_provider.dags_from.dagster.plans import FromConfig, NodePlan, Origin, Source
from airflow_dynamic_provider.dags_from.dagster.requirements import check_requirements, manager_of
from airflow_dynamic_provider.dags_from.dagster.running import run_node
from airflow_dynamic_provider.dags_from.dagster.tags import longest_run, shown_tags
from airflow_dynamic_provider.dags_from.dagster.task_settings import task_settings
from airflow_dynamic_provider.version_compat import partitioned_at_runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from airflow.sdk import DAG

    from airflow_dynamic_provider.dags_from.dagster.nodes import Job, Node


def build_dag(job: Job, params: Mapping[str, Any]) -> DAG:
    """Return the Dag of a job.

    Args:
        job: The job.
        params: The Dag params.
    """
    limit = job.executor_def and job.executor_def.max_active_tasks
    longest = longest_run(job.tags)
    dag = CheckedDag(
        lambda: check_requirements(job),
        dag_id=job.name,
        schedule=_schedule(job),
        params=dict(params),
        doc_md=job.description,
        tags={"dagster", *shown_tags(job.tags)},
        catchup=False,
        **({"max_active_tasks": limit} if limit else {}),
        **({"dagrun_timeout": longest} if longest else {}),
    )
    dag.fileloc = inspect.getsourcefile(job.function) or dag.fileloc
    with dag:
        _Builder(job).build()
    return dag


def _schedule(job: Job) -> Any:
    """Return the schedule of a job's Dag. A partitioned job without one takes the partition of each run."""
    if job.schedule is not None or job.partitions_def is None:
        return job.schedule
    return partitioned_at_runtime()


class _Builder:
    """Makes the tasks, in the order of the calls."""

    def __init__(self, job: Job) -> None:
        self._job = job
        # (path, output) -> handle of this package.
        self._made: dict[tuple[str, str], Any] = {}

    def build(self) -> None:
        for node in self._job.composition.nodes.values():
            returned = self._add(node)
            outs = node.definition.outs
            handles = (returned,) if len(outs) == 1 else returned
            for name, handle in zip(outs, handles, strict=True):
                self._made[node.path, name] = handle

    def _add(self, node: Node) -> Any:
        task = self._task(node)
        if node.mapped_over is None:
            return task(inputs=self._references(node, None))
        values = self._handle(node.mapped_over)
        batch = {} if node.batch is None else {"batch": node.batch}
        return values.map(lambda item: task(inputs=self._references(node, item)), **batch)

    def _task(self, node: Node) -> Any:
        plan = self._plan(node)
        outs = {name: out.core() for name, out in node.definition.outs.items()}
        declared = next(iter(outs.values())) if list(outs) == ["result"] else outs
        settings = task_settings(self._job, node)
        return dynamic_task(out=declared, task_id=node.path, **settings)(_function(plan))

    def _plan(self, node: Node) -> NodePlan:
        policy = node.settings.retry_policy or node.definition.retry_policy or self._job.op_retry_policy
        return NodePlan(
            definition=node.definition,
            path=node.path,
            job=self._job.name,
            resources=self._job.resource_defs,
            origins={
                name: self._origin(value) for name, value in node.inputs.items() if not _is_from_config(value)
            },
            from_config={
                name: FromConfig(value.graph, value.name)
                for name, value in node.inputs.items()
                if _is_from_config(value)
            },
            managers={
                name: key
                for name in node.definition.outs
                if (key := manager_of(self._job, node, name)) is not None
            },
            hooks=node.settings.hooks,
            retries=task_settings(self._job, node).get("retries", 0),
            policy_retries=0 if policy is None else policy.max_retries,
            tags=self._job.tags,
            partitions_def=self._job.partitions_def,
            config_mapping=self._job.config_mapping,
            requests=self._job.requests,
        )

    def _origin(self, value: Any) -> Origin:
        handles = value if isinstance(value, list) else [value.source if isinstance(value, FanIn) else value]
        sources = tuple(
            Source(
                each.node.path,
                each.output,
                each.node.definition,
                manager_of(self._job, each.node, each.output),
            )
            for each in handles
        )
        return Origin(sources, is_list=isinstance(value, (list, FanIn)))

    def _references(self, node: Node, item: Any) -> dict[str, Any]:
        return {
            name: self._reference(value, node.mapped_over, item)
            for name, value in node.inputs.items()
            if not _is_from_config(value)
        }

    def _reference(self, value: Any, over: OutputHandle | None, item: Any) -> Any:
        if isinstance(value, FanIn):
            return self._handle(value.source).collect(skip_if_all_skipped=True)
        if isinstance(value, list):
            return gather(*map(self._handle, value))
        return item if over is not None and value == over else self._handle(value)

    def _handle(self, handle: OutputHandle) -> Any:
        return self._made[handle.node.path, handle.output]


def _is_from_config(value: Any) -> bool:
    return isinstance(value, GraphInput)


def _function(plan: NodePlan) -> Callable[..., Iterator[Any]]:
    """Return the function of a node's task, with the name of the op's function."""

    def run(inputs: dict[str, Any]) -> Iterator[Any]:
        yield from run_node(plan, inputs)

    run.__name__ = run.__qualname__ = plan.definition.function.__name__
    run.__doc__ = plan.definition.description
    run.__module__ = plan.definition.function.__module__
    return run
