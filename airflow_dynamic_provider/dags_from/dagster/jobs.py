"""The decorator ``@job``: a graph that becomes a Dag."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow_dynamic_provider.airflow_adapter.late_dags import file_being_read, register, withdraw
from airflow_dynamic_provider.dags_from.dagster.building import build_dag
from airflow_dynamic_provider.dags_from.dagster.composition import compose
from airflow_dynamic_provider.dags_from.dagster.config_mappings import ConfigMapping
from airflow_dynamic_provider.dags_from.dagster.errors import DagsterInvariantViolationError
from airflow_dynamic_provider.dags_from.dagster.executors import ExecutorDefinition, executor_of
from airflow_dynamic_provider.dags_from.dagster.hooks import HookDefinition
from airflow_dynamic_provider.dags_from.dagster.keys import check_name
from airflow_dynamic_provider.dags_from.dagster.nodes import Job, Settings
from airflow_dynamic_provider.dags_from.dagster.partitions import PARTITIONS
from airflow_dynamic_provider.dags_from.dagster.policies import RetryPolicy
from airflow_dynamic_provider.dags_from.dagster.resources import as_definition
from airflow_dynamic_provider.dags_from.dagster.run_config import dag_params, plain_config
from airflow_dynamic_provider.dags_from.dagster.selecting import selected
from airflow_dynamic_provider.dags_from.dagster.tags import checked_tags
from airflow_dynamic_provider.dags_from.dagster.unsupported import Refusing, refusing, require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from airflow_dynamic_provider.dags_from.dagster.in_process import InProcessResult


# Arguments of a job that are part of others when it is made.
_NOT_KEPT = ("self", "function", "config", "run_tags", "op_selection")


class JobDefinition(Job, Refusing, frozen=False, eq=False):
    """A job, and the Dag that it is.

    Args:
        function: Its body.
        name: Its name, and the id of the Dag.
        description: What it does.
        resource_defs: Resource key -> definition, or the resource itself.
        config: The default config of its runs.
        tags: Tags of its runs.
        hooks: The hooks of all its ops.
        op_retry_policy: The retry policy of ops without one.
        partitions_def: The partitions of its runs.
        executor_def: The limit of its tasks that are active at once.
        input_values: Input -> value, for the inputs of the body.
        metadata: Accepted for readers.
        schedule: When its Dag runs by itself: this package's addition.
        requests: The functions of its schedule.
        out: The outputs that the graph of the job declares.
    """

    _what: ClassVar[str] = "a job"

    @refusing(
        "job",
        readers=("owners",),
        logger_defs="the deployment's logging",
        asset_layer="Airflow's assets",
        automation_condition="assets as the schedule of a Dag",
    )
    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        description: str | None = None,
        resource_defs: Mapping[str, Any] | None = None,
        config: Any = None,
        tags: Mapping[str, Any] | None = None,
        hooks: Iterable[Any] = (),
        op_retry_policy: RetryPolicy | None = None,
        partitions_def: Any = None,
        executor_def: Any = None,
        input_values: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        schedule: Any = None,
        requests: Any = None,
        out: Any = None,
        run_tags: Mapping[str, Any] | None = None,
        op_selection: Sequence[str] | None = None,
    ) -> None:
        hooks = frozenset(hooks or ())
        mapping = config if isinstance(config, ConfigMapping) else None
        name = check_name(name or function.__name__, "a job")
        require(op_retry_policy, RetryPolicy, f"@job(op_retry_policy=) of {name!r}")
        require(executor_def, ExecutorDefinition, f"@job(executor_def=) of {name!r}")
        require(partitions_def, PARTITIONS, f"@job(partitions_def=) of {name!r}")
        for hook in hooks:
            require(hook, HookDefinition, f"@job(hooks=) of {name!r}")
        names = list(inspect.signature(function).parameters)
        super().__init__(
            function,
            name,
            compose(function, name, Settings(hooks=hooks), names, out),
            description or inspect.getdoc(function),
            {key: as_definition(each) for key, each in (resource_defs or {}).items()},
            {} if mapping else plain_config(config),
            checked_tags({**(tags or {}), **(run_tags or {})}, f"the job {name!r}"),
            hooks,
            op_retry_policy,
            partitions_def,
            dict(input_values or {}),
            executor_of(executor_def, config),
            schedule,
            mapping,
            requests,
        )
        self.outlets = self._find_outlets()
        self.metadata = dict(metadata or {})
        self.out = out
        if op_selection:
            self.composition = selected(self.composition, op_selection)
        self.dag = build_dag(self, dag_params(self))
        self._file = file_being_read()
        # Not the jobs of modules that the Dag file imports.
        if self._file is not None and self._file.__name__ == function.__module__:
            register(self.dag, self._file)

    def __call__(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Refuse a call: Airflow runs a job.

        Raises:
            DagsterInvariantViolationError: Always.
        """
        raise DagsterInvariantViolationError(
            f"the job {self.name!r} was called as a function", remedy="Run it: job.execute_in_process()."
        )

    def with_hooks(self, hook_defs: Iterable[Any]) -> JobDefinition:
        """Return the job with more hooks, which replaces this one."""
        return self.changed(hooks=self.hooks | frozenset(hook_defs))

    def select(self, op_selection: Sequence[str]) -> None:
        """Leave out the ops that a selection does not name, before the job runs."""
        self.composition = selected(self.composition, op_selection)
        self.dag = build_dag(self, dag_params(self))

    def changed(self, **settings: Any) -> JobDefinition:
        """Return the job with other settings, which replaces this one."""
        if self._file is not None:
            withdraw(self.dag, self._file)
        return type(self)(self.function, **{**self._settings(), **settings})

    @refusing(
        "execute_in_process",
        instance="a database for all embedded runs of a process",
        asset_selection="op_selection=",
        run_id="run_id of the result",
    )
    def execute_in_process(
        self,
        run_config: Any = None,
        *,
        resources: Mapping[str, Any] | None = None,
        op_selection: Sequence[str] | None = None,
        raise_on_error: bool = True,
        partition_key: str | None = None,
        input_values: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> InProcessResult:
        """Run the job in this process, on an embedded Airflow, and return its results.

        Args:
            run_config: The config of the run, in place of that of the job.
            resources: Resource key -> definition or resource, in place of those of the job.
            op_selection: The ops to run: names, with ``+`` or ``*`` for those upstream or downstream.
            raise_on_error: Whether the run stops at the first error, and raises it.
            partition_key: The partition of the run.
            input_values: Input -> value, for the inputs of the body.
            tags: More tags of the run.

        Raises:
            Exception: The error of the first op that failed, unless ``raise_on_error=False``.
            DagsterInvalidConfigError: The config does not fit.
        """
        from airflow_dynamic_provider.dags_from.dagster.in_process import run_in_process

        job: JobDefinition = self
        if resources or input_values or tags or op_selection:
            job = self.changed(
                resource_defs={**self.resource_defs, **(resources or {})},
                input_values={**self.input_values, **(input_values or {})},
                tags={**self.tags, **(tags or {})},
            )
        if op_selection:
            job.select(op_selection)
        config = job.config if run_config is None else plain_config(run_config)
        if job.input_values:
            config = {**config, "inputs": {**job.input_values, **config.get("inputs", {})}}
        return run_in_process(job, config, partition_key, raise_on_error=raise_on_error)

    def _find_outlets(self) -> dict[str, list[Any]]:
        """Return node -> the assets that its task writes. A job has none; a graph asset overrides this."""
        return {}

    def _settings(self) -> dict[str, Any]:
        names = inspect.signature(type(self).__init__).parameters
        given = {name: getattr(self, name) for name in names if name not in _NOT_KEPT}
        return {**given, "config": self.config_mapping or self.config}


def job(compose_fn: Callable[..., Any] | None = None, **settings: Any) -> Any:
    """Turn a function that calls ops into a job, which is an Airflow Dag in a Dag file.

    Args:
        compose_fn: The function, when the decorator is used without parentheses.
        settings: ``name``, ``description``, ``resource_defs``, ``config``, ``tags``, ``hooks``,
            ``op_retry_policy``, ``partitions_def``, ``executor_def``, ``input_values``, ``metadata``,
            ``run_tags``, ``op_selection``.

    Returns:
        A `JobDefinition`, with ``execute_in_process`` for tests.

    Raises:
        DagsterInvalidDefinitionError: The job cannot be right.

    Example:
        >>> @job
        ... def add_up():
        ...     total(numbers().map(double).collect())
    """

    def decorate(function: Callable[..., Any]) -> JobDefinition:
        return JobDefinition(function, **settings)

    return decorate if compose_fn is None else decorate(compose_fn)
