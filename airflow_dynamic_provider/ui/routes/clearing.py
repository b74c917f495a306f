"""Shows what would run again, and clears it.

One request clears all of it in one transaction. With several, the scheduler would start the first part while
the others still have their former states.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fastapi import APIRouter, HTTPException

from airflow_dynamic_provider.database.clearing import clear
from airflow_dynamic_provider.database.key_clearing import KeySelection, find_keys, find_listing
from airflow_dynamic_provider.database.node_clearing import NodeSelection, find_nodes
from airflow_dynamic_provider.database.runs import open_run
from airflow_dynamic_provider.ui import models
from airflow_dynamic_provider.ui.access import CLEARS_RUN, READS_RUN, MayClear, SessionDep
from airflow_dynamic_provider.ui.filtering import read_filter
from airflow_dynamic_provider.ui.presenting import present
from airflow_dynamic_provider.ui.turns import ClearRoute, PageRoute

if TYPE_CHECKING:
    from airflow_dynamic_provider.database.clearing import ToClear
    from airflow_dynamic_provider.database.runs import OpenRun

router = APIRouter(tags=["clearing"], route_class=PageRoute, dependencies=READS_RUN)
_clears = APIRouter(route_class=ClearRoute, dependencies=CLEARS_RUN)

# The number of task instances that an answer lists.
_SHOWN = 200

# The number of markers that an answer has.
_MARKERS = 10_000

# The number of task instances that one request clears. Airflow takes some milliseconds for each, and proxies
# end a request that takes minutes.
_MOST_CLEARED = 10_000

# The number of batches of which one request clears only some keys. It copies the results of the other keys,
# which may be tens of thousands in each.
_MOST_PARTED = 500

_FORBIDDEN = "You may not clear task instances of this Dag."


@router.post("/dags/{dag_id}/runs/{run_id}/clearing")
def find_what_runs_again(
    dag_id: str, run_id: str, wanted: models.ClearingRequest, session: SessionDep, may_clear: MayClear
) -> models.ClearingAnswer:
    """Return the task instances that run again when keys, or nodes of a workflow, are cleared."""
    to_clear = _find(open_run(session, dag_id, run_id), wanted)
    refusal = refusal_of(to_clear) if may_clear else _FORBIDDEN
    return models.ClearingAnswer(
        task_ids=to_clear.markers(_MARKERS),
        total=to_clear.total,
        task_instances=[
            present(models.ClearedInstance, instance, label=to_clear.label(instance))
            for instance in to_clear.first(_SHOWN)
        ],
        warnings=[f"{to_clear.warning}."] if to_clear.warning else [],
        refusal=refusal,
    )


@_clears.post("/dags/{dag_id}/runs/{run_id}/clear")
def clear_run(dag_id: str, run_id: str, wanted: models.ClearRequest, session: SessionDep) -> models.Cleared:
    """Clear keys, or nodes of a workflow, with everything that depends on them, in one transaction."""
    run = open_run(session, dag_id, run_id)
    to_clear = _find(run, wanted)
    if (refusal := refusal_of(to_clear)) is not None:
        raise HTTPException(422, refusal)
    total = to_clear.total
    if total != wanted.confirmed:
        raise HTTPException(
            409,
            f"Nothing was cleared, because {total} task instances would run again now. Look at them first.",
        )
    clear(run, to_clear, keep_results=wanted.keep_results)
    # Before the answer is sent, which says that it is done.
    session.commit()
    return models.Cleared(total=total)


router.include_router(_clears)


def refusal_of(to_clear: ToClear) -> str | None:
    """Return why one request cannot clear so many; ``None`` if it can."""
    counts = (
        (to_clear.total, _MOST_CLEARED, "task instances would run again, and the server clears at most"),
        (
            len(to_clear.parts),
            _MOST_PARTED,
            "batches would run some of their keys again, and the server clears at most",
        ),
    )
    for count, most, explanation in counts:
        if count > most:
            return (
                f"{count:,} {explanation} {most:,} at once. "
                "Clear some of them, or all of them with `airflow dynamic-outputs clear` and without --url."
            )
    return None


def _find(run: OpenRun, wanted: models.ClearingRequest) -> ToClear:
    if not all(wanted.keys):
        raise HTTPException(422, "A key path has at least one key. To clear all keys, leave out `keys`.")
    is_failed = wanted.state == "failed"
    of = wanted.of if wanted.workflow is None else None
    if of is not None and wanted.wanted is not None and not wanted.keys and not wanted.lister:
        return find_keys(run, KeySelection(of, only_failed=is_failed, wanted=read_filter(wanted.wanted)))
    has_keys = bool(wanted.keys) or is_failed
    if of is not None and wanted.lister and not has_keys:
        return find_listing(run, of)
    if of is not None and has_keys and not wanted.lister:
        keys = [tuple(key) for key in wanted.keys]
        return find_keys(run, KeySelection(of, keys, only_failed=is_failed))
    if wanted.workflow is not None and wanted.of is None and bool(wanted.nodes) != is_failed:
        key = None if wanted.key is None else json.dumps(wanted.key, ensure_ascii=False)
        return find_nodes(run, NodeSelection(wanted.workflow, wanted.nodes, key))
    raise HTTPException(
        422,
        "Use either `of` with `keys`, `wanted`, `state` or `lister`, or `workflow` with `nodes` or `state`.",
    )
