"""Makes the Dags of a file: one for each ``@workflow`` and launch plan that it defines.

A ``@dynamic`` becomes a Dag only in a file without any ``@workflow``.
"""

from __future__ import annotations

import inspect
import weakref
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.late_dags import LateDag, file_being_read, register, withdraw
from airflow_dynamic_provider.dags_from.flyte import values
from airflow_dynamic_provider.definitions.annotations import CONVERTS_MARK, KEY_FORM_MARK
from airflow_dynamic_provider.definitions.records import Record, field
from airflow_dynamic_provider.errors import authors_frame
from airflow_dynamic_provider.workflows.dag.group import build_group
from airflow_dynamic_provider.workflows.recording.calls import promised_inputs
from airflow_dynamic_provider.workflows.recording.current import current_recorder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

    from airflow_dynamic_provider.dags_from.flyte.graphs import FlyteWorkflow

# Module of a Dag file -> the Dags of its @dynamic functions; None once it has defined a @workflow.
_DYNAMICS: weakref.WeakKeyDictionary[ModuleType, list[LateDag] | None] = weakref.WeakKeyDictionary()
# Module of a Dag file -> the names of its launch plans.
_PLANS: weakref.WeakKeyDictionary[ModuleType, set[str]] = weakref.WeakKeyDictionary()


class Plan(Record):
    """How a workflow is run as a Dag.

    Attributes:
        dag_id: The id of the Dag.
        defaults: Input -> default value.
        fixed: Input -> value.
        schedule: A `CronSchedule` or a `FixedRate`, ``None`` for runs by hand only.
    """

    dag_id: str
    defaults: Mapping[str, Any] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    schedule: Any = None


def define(workflow: FlyteWorkflow, *, is_entry: bool) -> None:
    """Make a Dag of a definition, if Airflow is reading the file that it is in.

    Args:
        workflow: The workflow.
        is_entry: Whether it always becomes a Dag, unlike a ``@dynamic``.
    """
    file = file_being_read()
    if file is None or workflow.function.__module__ != file.__name__:
        return
    dynamics = _DYNAMICS.setdefault(file, [])
    if is_entry:
        _forget_dynamics(file)
        register(dag_of(workflow), file)
    elif dynamics is not None:
        dynamics.append(dag_of(workflow))
        register(dynamics[-1], file)


def define_plan(workflow: FlyteWorkflow, plan: Plan) -> None:
    """Make a Dag of a launch plan, if Airflow is reading the file that defines it."""
    file, frame = file_being_read(), authors_frame()
    # A module that the file imports may make launch plans too.
    if file is None or frame is None or frame.f_globals.get("__name__") != file.__name__:
        return
    plans = _PLANS.setdefault(file, set())
    if plan.dag_id not in plans:
        plans.add(plan.dag_id)
        _forget_dynamics(file)
        register(dag_of(workflow, plan), file)


def dag_of(workflow: FlyteWorkflow, plan: Plan | None = None) -> LateDag:
    """Return the Dag of a workflow, or of a launch plan of it.

    Its inputs are params, except for those that the plan fixes. Its last task returns the outputs.
    """
    from airflow.sdk import Param

    interface = workflow.interface
    plan = Plan(workflow.name) if plan is None else plan
    defaults, fixed = {**interface.defaults, **plan.defaults}, plan.fixed
    kickoff = getattr(plan.schedule, "kickoff_time_input_arg", None)
    params = {
        name: Param(**values.param(hint, defaults.get(name, values.REQUIRED)))
        for name, hint in interface.inputs.items()
        if name not in fixed and name != kickoff
    }
    return LateDag(
        lambda: build_group(_entry_of(workflow, fixed, kickoff), (), {}),
        dag_id=plan.dag_id,
        schedule=getattr(plan.schedule, "airflow", None),
        # A schedule needs a start. Without catching up, its first run is the next one.
        start_date=None if plan.schedule is None else datetime(2020, 1, 1, tzinfo=timezone.utc),
        catchup=False,
        params=params,
        doc_md=workflow.function.__doc__,
    )


def _forget_dynamics(file: ModuleType) -> None:
    for dag in _DYNAMICS.get(file) or ():
        withdraw(dag, file)
    _DYNAMICS[file] = None


def _entry_of(workflow: FlyteWorkflow, fixed: Mapping[str, Any], kickoff: str | None) -> FlyteWorkflow:
    """Return the workflow of a Dag, whose body gets its inputs from the params of the run.

    Args:
        workflow: The workflow.
        fixed: The inputs that a launch plan fixes.
        kickoff: The input that gets the time of the run, if there is one.
    """
    interface = workflow.interface

    def entry(params: Any, dag_run: Any = None) -> Any:
        known = dict(fixed)
        if kickoff is not None:
            known[kickoff] = dag_run.logical_date or dag_run.run_after
        given = {
            name: values.encode(known[name], hint, f"the input {name!r}")
            if name in known
            else values.reread(params[name], hint, f"the param {name!r}")
            for name, hint in interface.inputs.items()
        }
        args: Sequence[Any] = ()
        if workflow.takes_promises:
            args, given = promised_inputs(current_recorder(), workflow, (), given)
        return interface.by_name(workflow.function(*args, **given))

    def key_form(_name: str, given: Any) -> Any:
        ignored = () if workflow.cache is None else workflow.cache.ignored
        return {
            each: interface.key_form(each, form, with_files=True)
            for each, form in given.items()
            if each in interface.inputs and each not in ignored
        }

    # All inputs are in one argument, so which of them count for a cache is said here.
    setattr(entry, CONVERTS_MARK, True)
    setattr(entry, KEY_FORM_MARK, key_form)
    # The tasks that it may call are found by the names in the author's function.
    entry.__wrapped__ = workflow.function  # type: ignore[attr-defined]
    entry.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY)
            # The run is no input of a cached workflow.
            for name in (("params",) if kickoff is None else ("params", "dag_run"))
        ]
    )
    entry.__name__, entry.__doc__ = workflow.name, workflow.function.__doc__
    entry.__annotations__ = {"return": interface.returns if interface.is_single else Any}
    return workflow.of_dag(entry)
