"""``airflow dynamic-outputs list``: lists the dynamic outputs and workflows of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.commands import action_cli, suppress_logs_and_warning
from airflow_dynamic_provider.cli.common import opened_run, say
from airflow_dynamic_provider.cli.printing import print_document, print_tables, show_counts
from airflow_dynamic_provider.database.matrix import Matrix
from airflow_dynamic_provider.database.workflow_view import look_at_workflow

if TYPE_CHECKING:
    from argparse import Namespace

    from airflow_dynamic_provider.database.runs import OpenRun
    from airflow_dynamic_provider.database.structure import SpaceInfo


@action_cli  # type: ignore[untyped-decorator, unused-ignore]
@suppress_logs_and_warning
def list_outputs(args: Namespace) -> None:
    """List the dynamic outputs and workflows of a run. Airflow's command line calls this.

    Raises:
        SystemExit: There is no such run.
    """
    with opened_run(args) as run:
        outputs = [_describe_space(run, info) for info in run.structure.spaces.values()]
        workflows = [_describe_workflow(run, name) for name in run.structure.workflows]
    if args.output in ("json", "yaml"):
        print_document({"outputs": outputs, "workflows": workflows}, args.output)
    else:
        print_tables([list(map(_space_row, outputs)), list(map(_workflow_row, workflows))], args.output)
    for each in outputs:
        if each["message"]:
            say(f"{each['of']}: {each['message']}")
    for each in workflows:
        if each["message"]:
            say(f"{each['workflow']}: {each['message']}")
    if not (outputs or workflows):
        say(f"The Dag {args.dag_id!r} has no dynamic outputs and no workflows.")


def _describe_space(run: OpenRun, info: SpaceInfo) -> dict[str, Any]:
    matrix = Matrix(run.source, info)
    paths = matrix.keys.paths
    return {
        "of": info.of,
        "name": info.name,
        "kind": info.kind,
        "keys": None if paths is None else len(paths),
        "counts": matrix.counts,
        "description": info.description,
        "message": matrix.keys.message,
    }


def _describe_workflow(run: OpenRun, name: str) -> dict[str, Any]:
    view = look_at_workflow(run, name)
    return {
        "workflow": name,
        "is_mapped": view.spec.is_mapped,
        "nodes": view.count,
        "counts": view.counts,
        "state": view.state,
        "message": view.message,
    }


def _space_row(described: dict[str, Any]) -> dict[str, Any]:
    return {
        "of": described["of"],
        "kind": described["kind"],
        "keys": described["keys"],
        "states": show_counts(described["counts"]),
        "description": described["description"],
    }


def _workflow_row(described: dict[str, Any]) -> dict[str, Any]:
    return {
        "workflow": described["workflow"],
        "nodes": described["nodes"],
        "states": show_counts(described["counts"]),
        "result": described["state"],
    }
