"""Makes the Dags of a file: one for each ``@workflow`` and launch plan that it defines.

A ``@dynamic`` becomes a Dag only in a file without any ``@workflow``.
"""

from __future__ import annotations

import inspect
import weakref
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.late_dags import LateDag, file_being_read, register, withdraw
from airflow_dynamic_provider.dags_from.flyte import values
from airflow_dynamic_provider.workflows.dag.group import build_group
from airflow_dynamic_provider.workflows.recording.calls import promised_inputs
from airflow_dynamic_provider.workflows.recording.current import current_recorder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from airflow_dynamic_provider.dags_from.flyte.graphs import FlyteWorkflow

# Module of a Dag file -> the Dags of its @dynamic functions; None once it has defined a @workflow.
_DYNAMICS: weakref.WeakKeyDictionary[ModuleType, list[LateDag] | None] = weakref.WeakKeyDictionary()


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
        for dag in dynamics or ():
            withdraw(dag, file)
        _DYNAMICS[file] = None
        register(dag_of(workflow), file)
    elif dynamics is not None:
        dynamics.append(dag_of(workflow))
        register(dynamics[-1], file)


def dag_of(workflow: FlyteWorkflow) -> LateDag:
    """Return the Dag of a workflow. Its inputs are params; its last task returns its outputs."""
    from airflow.sdk import Param

    interface = workflow.interface
    params = {
        name: Param(**values.param(hint, interface.defaults.get(name, values.REQUIRED)))
        for name, hint in interface.inputs.items()
    }
    return LateDag(
        lambda: build_group(_entry_of(workflow), (), {}),
        dag_id=workflow.name,
        schedule=None,
        params=params,
        doc_md=workflow.function.__doc__,
    )


def _entry_of(workflow: FlyteWorkflow) -> FlyteWorkflow:
    """Return the workflow of a Dag, whose body gets its inputs from the params of the run."""
    interface = workflow.interface

    def entry(params: Any) -> Any:
        given = {
            name: values.from_json(params[name], hint, f"the param {name!r}")
            for name, hint in interface.inputs.items()
        }
        args: Sequence[Any] = ()
        if workflow.takes_promises:
            args, given = promised_inputs(current_recorder(), workflow, (), given)
        return interface.by_name(workflow.function(*args, **given))

    # The tasks that it may call are found by the names in the author's function.
    entry.__wrapped__ = workflow.function  # type: ignore[attr-defined]
    entry.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter("params", inspect.Parameter.KEYWORD_ONLY)]
    )
    entry.__name__, entry.__doc__ = workflow.name, workflow.function.__doc__
    entry.__annotations__ = {"return": interface.returns if interface.is_single else Any}
    return workflow.of_dag(entry)
