"""The graph of a workflow in a run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Annotated

from fastapi import APIRouter, Query

from airflow_dynamic_provider.database.runs import open_run
from airflow_dynamic_provider.database.workflow_view import ViewedNode, look_at_workflow
from airflow_dynamic_provider.ui import models
from airflow_dynamic_provider.ui.access import READS_RUN, SessionDep
from airflow_dynamic_provider.ui.keys import read_key_path
from airflow_dynamic_provider.ui.presenting import is_running, present
from airflow_dynamic_provider.ui.turns import PageRoute

router = APIRouter(tags=["workflows"], route_class=PageRoute, dependencies=READS_RUN)

# The values of a node that has no task instance yet.
_NOT_MADE = SimpleNamespace(**{**dict.fromkeys(models.TaskInstance.model_fields), "try_number": 0})


@router.get("/dags/{dag_id}/runs/{run_id}/workflows/{name}")
def get_workflow(
    dag_id: str,
    run_id: str,
    name: str,
    session: SessionDep,
    key: Annotated[str, Query(description="In a map: the key of the graph, a JSON list")] = "",
) -> models.WorkflowGraph:
    """Return the nodes of a workflow with their states, and the edges. In a map, those of one key."""
    run = open_run(session, dag_id, run_id)
    view = look_at_workflow(run, name)
    keys = [path for path in view.roots if path]
    key_path = read_key_path(key) or next(iter(view.roots), ())
    if view.roots:
        view.check(key_path)
    nodes = list(view.nodes(key_path)) if key_path in view.roots else []
    return models.WorkflowGraph(
        name=name,
        keys=[list(path) for path in keys],
        key_path=list(key_path),
        state=view.state,
        message=view.message,
        is_running=is_running(run.dag_run),
        from_run=view.from_run(key_path) if key_path in view.roots else None,
        kept_calls=[
            present(models.KeptCall, call)
            for call in (view.kept_calls(key_path) if key_path in view.roots else ())
        ],
        nodes=[_node(node) for node in nodes],
        edges=view.edges(key_path) if nodes else [],
        counts=view.counts,
    )


def _node(node: ViewedNode) -> models.Node:
    return present(models.Node, node, node.instance or _NOT_MADE)
