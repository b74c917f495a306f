"""A task instance with its key, metadata and related task instances; and the metadata of produced keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query

from airflow_dynamic_provider.database import matrix
from airflow_dynamic_provider.database.details import Details, read_details
from airflow_dynamic_provider.database.metadata import keys_metadata
from airflow_dynamic_provider.database.runs import open_run
from airflow_dynamic_provider.definitions.keys import render_key
from airflow_dynamic_provider.execution.documents import DeclaredOutput
from airflow_dynamic_provider.ui import models
from airflow_dynamic_provider.ui.access import READS_RUN, SessionDep
from airflow_dynamic_provider.ui.keys import read_key_path
from airflow_dynamic_provider.ui.metadata import present_metadata
from airflow_dynamic_provider.ui.presenting import present, present_space
from airflow_dynamic_provider.ui.turns import PageRoute

if TYPE_CHECKING:
    from airflow_dynamic_provider.database.runs import OpenRun

router = APIRouter(tags=["task instances"], route_class=PageRoute, dependencies=READS_RUN)


@router.get("/dags/{dag_id}/runs/{run_id}/task-instances/{task_id}/{map_index}")
def get_instance(
    dag_id: str, run_id: str, task_id: str, map_index: int, session: SessionDep
) -> models.InstanceDetails:
    """Return a task instance. The map index is -1 for a task that is not mapped."""
    run = open_run(session, dag_id, run_id)
    found = read_details(run, task_id, map_index)
    path = found.key_path
    origin = found.origins[0] if found.origins else None
    return present(
        models.InstanceDetails,
        found,
        found.instance,
        key_path=None if path is None else list(path),
        key=None if path is None else render_key(path),
        space=None if found.info is None else present_space(found.info),
        origin=None if origin is None else present(models.Origin, origin),
        outputs=_outputs(run, found),
        inherited=present_metadata(found.inherited),
        same_key=[present(models.Relative, other, relation=relation) for relation, other in found.relatives],
        node=None if found.node is None else models.NodeName(workflow=found.node[0], name=found.node[1]),
    )


@router.get("/dags/{dag_id}/runs/{run_id}/keys-metadata")
def get_keys_metadata(
    dag_id: str,
    run_id: str,
    session: SessionDep,
    of: Annotated[str, Query(description="The dynamic output")],
    search: Annotated[str, Query(description="A string that the key must contain, in any case")] = "",
    key: Annotated[str, Query(description="Only this key and the keys below it: a JSON list")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> models.KeyMetadataPage:
    """Return the metadata that was produced with keys."""
    run = open_run(session, dag_id, run_id)
    found = matrix.Matrix(run.source, run.space(of))
    positions = found.find(matrix.Query(search=search, parent=read_key_path(key)))
    paths = found.keys.paths or ()
    shown = {position: paths[position] for position in positions[offset : offset + limit]}
    metadata = keys_metadata(run.source, found.info, shown)
    return models.KeyMetadataPage(
        total=len(positions),
        rows=[
            models.KeyMetadata(
                key_path=list(path), key=render_key(path), metadata=present_metadata(metadata[position])
            )
            for position, path in shown.items()
        ],
    )


def _outputs(run: OpenRun, found: Details) -> list[models.DeclaredOutput]:
    declared = {output.name: output for output in run.structure.document(found.instance.task_id).outputs}
    attached = {} if found.is_stale else found.metadata.outputs
    undeclared = [
        DeclaredOutput(name, "", None, is_dynamic=False, is_required=True)
        for name in attached
        if name not in declared
    ]
    return [
        present(
            models.DeclaredOutput,
            output,
            keys=found.key_counts.get(output.name),
            metadata=present_metadata(attached.get(output.name, {})),
        )
        for output in [*declared.values(), *undeclared]
    ]
