"""Runs an op in its task's process."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.dagster.calling import call_op, fixed_config
from airflow_dynamic_provider.dags_from.dagster.captured import current_capture
from airflow_dynamic_provider.dags_from.dagster.context import OpExecutionContext, Run, get_dagster_logger
from airflow_dynamic_provider.dags_from.dagster.declarations import MISSING
from airflow_dynamic_provider.dags_from.dagster.errors import (
    DagsterInvalidConfigError,
    UnsupportedError,
)
from airflow_dynamic_provider.dags_from.dagster.events import (
    AssetMaterialization,
    DynamicOutput,
    Failure,
    Output,
    RetryRequested,
)
from airflow_dynamic_provider.dags_from.dagster.given import Given, given_by_run
from airflow_dynamic_provider.dags_from.dagster.hooks import HookContext, HookDefinition
from airflow_dynamic_provider.dags_from.dagster.moving import load, load_unconnected, store
from airflow_dynamic_provider.dags_from.dagster.plans import NodePlan, input_from, section
from airflow_dynamic_provider.dags_from.dagster.resources import Opened
from airflow_dynamic_provider.dags_from.dagster.types import check_value
from airflow_dynamic_provider.dags_from.dagster.values import events_of
from airflow_dynamic_provider.definitions.events import DynamicOutput as CoreDynamicOutput
from airflow_dynamic_provider.definitions.events import Output as CoreOutput

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class _Step:
    """One run of an op for one key, or once."""

    def __init__(self, plan: NodePlan, opened: Opened, given: Given, airflow: Any, run: Run) -> None:
        from airflow_dynamic_provider.execution.context import get_mapping_key

        self.plan = plan
        self.opened = opened
        self.airflow = airflow
        self.params = given.config
        self.partition_key = given.partition_key
        self.mapping_key = get_mapping_key()
        self.run = run
        self.tries = getattr(self.airflow.get("ti"), "try_number", 1)
        self.capture = current_capture()
        # For hooks: output -> value or metadata, or a dict of them by mapping key.
        self.given: dict[str, Any] = {}
        self.given_metadata: dict[str, Any] = {}

    @property
    def step_key(self) -> str:
        return self.plan.path if self.mapping_key is None else f"{self.plan.path}[{self.mapping_key}]"

    def context(self) -> OpExecutionContext:
        op = self.plan.definition
        config = section(self.params, self.plan.path).get("config", MISSING)
        return OpExecutionContext(
            op,
            self.plan.path,
            self.run,
            op_config=fixed_config(op, config, f"{_where(self.plan.path)}.config"),
            resources={key: self.opened.get(key) for key in sorted(op.required_resource_keys)},
            mapping_key=self.mapping_key,
            retry_number=self.tries - 1,
            partition_key=self.partition_key,
            partitions_def=self.plan.partitions_def,
            tell=self.materialize,
        )

    def materialize(self, event: AssetMaterialization) -> None:
        if self.capture is not None:
            self.capture.materializations.append((self.step_key, event))
        from airflow.sdk import Asset, AssetAlias

        outlet = AssetAlias(f"{self.plan.job}.{self.plan.path}")
        if outlet not in self.airflow["task"].outlets:
            raise UnsupportedError(
                f"a materialization of {event.asset_key.to_user_string()!r} comes from a function of which "
                "Airflow does not know before the op runs",
                task_id=self.plan.path,
                remedy="Name AssetMaterialization in the op itself, or in a function of its module.",
            )
        extra = {label: each.value for label, each in event.metadata.items()}
        about = {"description": event.description, "partition": event.partition, "tags": event.tags or None}
        extra |= {name: each for name, each in about.items() if each is not None}
        self.airflow["outlet_events"][outlet].add(Asset(event.asset_key.to_user_string()), extra=extra)

    def inputs(self, received: Mapping[str, Any], context: OpExecutionContext) -> dict[str, Any]:
        op, found = self.plan.definition, {}
        for name, declared in op.ins.items():
            if declared.is_nothing:
                continue
            value = self._input(name, received)
            check_value(value, declared.dagster_type, f"the input {name!r} of {op.name!r}", context)
            found[name] = value
        return found

    def _input(self, name: str, received: Mapping[str, Any]) -> Any:
        origin = self.plan.origins.get(name)
        if origin is not None:
            return load(self.plan, self.opened, name, origin, received[name], run_id=self.run.run_id)
        linked = self.plan.from_config.get(name)
        if linked is not None:
            value = input_from(self.params, linked.graph, linked.name)
        else:
            value = input_from(self.params, self.plan.path, name)
        if value is MISSING:
            value = self.plan.definition.ins[name].default_value
        if value is MISSING and self.plan.definition.ins[name].input_manager_key:
            return load_unconnected(self.plan, self.opened, name)
        if value is MISSING:
            raise DagsterInvalidConfigError(
                f"the input {name!r} has no value: no op is connected to it, and the config has none",
                task_id=self.plan.path,
                remedy=f"Give it in the run's conf: {_where(self.plan.path)}.inputs.{name}.",
            )
        return value

    def core_event(self, event: Output[Any] | DynamicOutput[Any], context: OpExecutionContext) -> Any:
        key = event.mapping_key if isinstance(event, DynamicOutput) else None
        metadata = {**event.metadata, **context.given(event.output_name, key)}
        if self.capture is not None:
            self.capture.take(self.plan.path, event.output_name, self.mapping_key, key, event.value)
        op = self.plan.definition
        what = f"the output {event.output_name!r} of {op.name!r}"
        check_value(event.value, op.outs[event.output_name].dagster_type, what, context)
        if self.plan.hooks:
            _keep(self.given, event.output_name, key, event.value)
            _keep(self.given_metadata, event.output_name, key, metadata)
        stored = store(
            self.plan,
            self.opened,
            event,
            run_id=self.run.run_id,
            step_key=self.step_key,
            partition_key=self.partition_key,
            metadata=metadata,
            log_event=self.materialize,
        )
        if isinstance(event, DynamicOutput):
            return CoreDynamicOutput(stored, event.mapping_key, event.output_name, metadata)
        return CoreOutput(stored, event.output_name, metadata)

    def name_partition(self) -> None:
        """Have the event of each asset that the task writes carry the partition of the run."""
        from airflow.sdk import Asset

        if self.partition_key is None:
            return
        for outlet in self.airflow["task"].outlets:
            if not isinstance(outlet, Asset):
                continue
            event = self.airflow["outlet_events"][outlet]
            if hasattr(event, "add_partitions"):
                event.add_partitions(self.partition_key)
            else:
                # Before Airflow 3.3, events have no partition.
                event.extra["partition"] = self.partition_key

    def retried(self) -> None:
        if self.capture is not None:
            self.capture.retries[self.plan.path] += 1

    def ended(self, event_type: str) -> None:
        if self.capture is not None:
            self.capture.steps[self.step_key] = event_type

    def hook_context(
        self, hook: HookDefinition, context: OpExecutionContext | None, error: BaseException | None
    ) -> HookContext:
        return HookContext(
            hook,
            self.plan,
            self.run,
            self.step_key,
            resources={key: self.opened.get(key) for key in hook.required_resource_keys},
            op_config=None if context is None else context.op_config,
            op_output_values=self.given,
            op_output_metadata=self.given_metadata,
            op_exception=error,
        )

    def run_hooks(self, context: OpExecutionContext | None, error: BaseException | None) -> None:
        for hook in sorted(self.plan.hooks, key=lambda each: str(each.name)):
            if hook.on_success != (error is None):
                continue
            try:
                hook(self.hook_context(hook, context, error))
            except Exception:
                get_dagster_logger().exception("The hook %r failed after %r.", hook.name, self.step_key)


def _keep(found: dict[str, Any], output: str, key: str | None, value: Any) -> None:
    if key is None:
        found[output] = value
    else:
        found.setdefault(output, {})[key] = value


def run_node(plan: NodePlan, received: Mapping[str, Any]) -> Iterator[Any]:
    """Run an op, and yield what it gives as outputs of this package.

    Args:
        plan: The node.
        received: Input -> value.
    """
    from airflow.sdk import get_current_context

    from airflow_dynamic_provider.version_compat import AirflowSkipException

    capture = current_capture()
    if capture is not None and capture.is_stopped:
        raise AirflowSkipException("The run stopped at its first error.")
    airflow: Any = get_current_context()
    given = given_by_run(plan, airflow)
    run = Run(str(airflow["run_id"]), plan.job, {**plan.tags, **given.tags}, given.config)
    with _resources(plan, run, airflow) as opened:
        step = _Step(plan, opened, given, airflow, run)
        context = None
        try:
            context = step.context()
            inputs = step.inputs(received, context)
            resources = context.resources._asdict()
            for event in events_of(plan.definition, call_op(plan.definition, context, inputs, resources)):
                if isinstance(event, AssetMaterialization):
                    context.log_event(event)
                else:
                    yield step.core_event(event, context)
            context.check_metadata()
        except Exception as error:
            shown = _failed(step, context, error)
            if shown is error:
                raise
            raise shown from error
        step.name_partition()
        step.ended("STEP_SUCCESS")
        step.run_hooks(context, None)


@contextlib.contextmanager
def _resources(plan: NodePlan, run: Run, airflow: Any) -> Iterator[Opened]:
    """Provide the resources of an op: those of the run in this process, of its batch, or its own."""
    capture = current_capture()
    if capture is not None:
        capture.resources.run = run
        yield capture.resources
        return
    from airflow_dynamic_provider.execution.batches.shared import shared_by_keys

    def opened() -> contextlib.closing[Opened]:
        config = run.run_config.get("resources") or {}
        return contextlib.closing(Opened(plan.resources, config, run))

    of_batch = shared_by_keys(airflow, "resources of Dagster", opened)
    if of_batch is not None:
        yield of_batch
        return
    with opened() as own:
        yield own


def _failed(step: _Step, context: OpExecutionContext | None, error: Exception) -> BaseException:
    """Return what Airflow shall see: an error that is retried, or one that is final."""
    from airflow_dynamic_provider.execution.context import add_output_metadata
    from airflow_dynamic_provider.version_compat import AirflowFailException

    done = step.tries - 1
    if isinstance(error, RetryRequested):
        if done < error.max_retries:
            step.retried()
            return _retry(step, error)
        final: BaseException = error.__cause__ or error
    elif isinstance(error, Failure) and not error.allow_retries:
        final = error
    elif done < step.plan.policy_retries:
        step.retried()
        return error
    else:
        final = error
    if isinstance(final, Failure) and final.metadata:
        add_output_metadata(final.metadata, output_name=next(iter(step.plan.definition.outs)))
    step.ended("STEP_FAILURE")
    if step.capture is not None and step.capture.error is None:
        step.capture.error = final
    step.run_hooks(context, final)
    if step.plan.retries:
        return AirflowFailException(f"{type(final).__name__}: {final}")
    return final


def _retry(step: _Step, error: RetryRequested) -> BaseException:
    if step.tries - 1 >= step.plan.retries:
        return DagsterInvalidConfigError(
            f"a retry was requested, and the task has only {step.plan.retries} retries",
            task_id=step.plan.path,
            remedy="Give the op a RetryPolicy(max_retries=...): Airflow must know the number before it runs.",
        )
    # Airflow's delay was set before the op ran, so this wait holds the task's place.
    time.sleep(error.seconds_to_wait or 0)
    return error


def _where(path: str) -> str:
    return "ops." + path.replace(".", ".ops.")
