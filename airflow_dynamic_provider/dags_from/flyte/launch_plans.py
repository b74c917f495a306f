"""``LaunchPlan``: a workflow with default inputs, fixed inputs and a schedule. In a Dag file, it is a Dag."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.flyte import dags
from airflow_dynamic_provider.errors import WorkflowCallError, WorkflowError
from airflow_dynamic_provider.workflows.declared.allowed import CALLS_MARK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_dynamic_provider.dags_from.flyte.graphs import FlyteWorkflow

#: Arguments that are settings of Flyte's launches. They are accepted and have no effect.
_IGNORED = frozenset(
    {
        *("notifications", "labels", "annotations", "raw_output_data_config", "max_parallelism"),
        *("security_context", "auth_role", "overwrite_cache", "auto_activate", "trigger"),
        *("concurrency", "execution_cluster_label"),
    }
)


class LaunchPlan:
    """A workflow with inputs and a schedule. Made by ``LaunchPlan.get_or_create``.

    Args:
        workflow: The workflow.
        name: The name of the plan and of its Dag.
        default_inputs: Input -> value, unless a run has another one.
        fixed_inputs: Input -> value.
        schedule: When it runs.
    """

    def __init__(
        self,
        workflow: FlyteWorkflow,
        name: str,
        default_inputs: Mapping[str, Any],
        fixed_inputs: Mapping[str, Any],
        schedule: Any = None,
    ) -> None:
        known = workflow.interface.inputs
        for each in (*default_inputs, *fixed_inputs):
            if each not in known:
                raise WorkflowError(
                    f"the launch plan {name!r} sets {each!r}, which is no input of {workflow.name!r}",
                    remedy=f"Its inputs are: {', '.join(known) or 'none'}.",
                )
        self.workflow = workflow
        # What a body that calls the plan may call.
        setattr(self, CALLS_MARK, (workflow,))
        self.name = name
        self.default_inputs = dict(default_inputs)
        self.fixed_inputs = dict(fixed_inputs)
        self.schedule = schedule

    @classmethod
    def get_or_create(
        cls,
        workflow: FlyteWorkflow,
        name: str | None = None,
        default_inputs: Mapping[str, Any] | None = None,
        fixed_inputs: Mapping[str, Any] | None = None,
        schedule: Any = None,
        **ignored: Any,
    ) -> LaunchPlan:
        """Return a launch plan. One without a name is the workflow itself.

        Raises:
            WorkflowError: An argument is refused.
        """
        if name is None and (default_inputs or fixed_inputs or schedule):
            raise WorkflowError(
                f"a launch plan of {workflow.name!r} has inputs or a schedule, but no name",
                remedy="Pass name=: it is the id of the Dag.",
            )
        if unknown := [each for each in ignored if each not in _IGNORED]:
            raise WorkflowError(
                f"LaunchPlan is given {unknown[0]}=, which flytekit does not know",
                remedy=f"Leave out {unknown[0]}=.",
            )
        plan = cls(workflow, name or workflow.name, default_inputs or {}, fixed_inputs or {}, schedule)
        if name is not None:
            dags.define_plan(workflow, dags.Plan(name, plan.default_inputs, plan.fixed_inputs, schedule))
        return plan

    @classmethod
    def create(cls, name: str, workflow: FlyteWorkflow, **settings: Any) -> LaunchPlan:
        """Return the launch plan of a name (see `get_or_create`)."""
        return cls.get_or_create(workflow, name, **settings)

    @classmethod
    def get_default_launch_plan(cls, _context: Any, workflow: FlyteWorkflow) -> LaunchPlan:
        """Return the launch plan of a workflow without settings."""
        return cls.get_or_create(workflow)

    def __call__(self, **inputs: Any) -> Any:
        """Add the workflow to the body that calls it. Elsewhere, run it in this process.

        Raises:
            WorkflowCallError: A fixed input is given.
        """
        if fixed := sorted(inputs.keys() & self.fixed_inputs.keys()):
            raise WorkflowCallError(
                f"the launch plan {self.name!r} is given {fixed[0]!r}, which it fixes",
                remedy="Leave it out, or make it a default input.",
            )
        return self.workflow(**{**self.default_inputs, **inputs, **self.fixed_inputs})
