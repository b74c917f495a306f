"""The graph of a workflow in a run."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from airflow_dynamic_provider.database.runs import open_run
from airflow_dynamic_provider.database.workflow_view import ViewedNode, look_at_workflow
from airflow_dynamic_provider.ui import models
from airflow_dynamic_provider.ui.access import READS_RUN, SessionDep
from airflow_dynamic_provider.ui.keys import read_key_path
from airflow_dynamic_provider.ui.presenting import is_running

router = APIRouter(tags=["workflows"], dependencies=READS_RUN)


@router.get("/dags/{dag_id}/runs/{run_id}/workflows/{name}")
def get_workflow(
    dag_id: str,
    run_id: str,
    name: str,
    session: SessionDep,
    key: Annotated[str, Query(description="In a map: the key whose graph is meant, a JSON list")] = "",
) -> models.WorkflowGraph:
    """The nodes of a workflow with their states, and what waits for what. In a map, of one key."""
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
        nodes=[_node(node) for node in nodes],
        edges=view.edges(key_path) if nodes else [],
        counts=view.counts,
    )


def _node(node: ViewedNode) -> models.Node:
    instance = node.instance
    return models.Node(
        name=node.name,
        kind=node.kind,
        task_id=None if instance is None else instance.task_id,
        map_index=None if instance is None else instance.map_index,
        state=node.state,
        try_number=0 if instance is None else instance.try_number,
        duration=None if instance is None else instance.duration,
        start_date=None if instance is None else instance.start_date,
        end_date=None if instance is None else instance.end_date,
        reason=node.reason,
    )
