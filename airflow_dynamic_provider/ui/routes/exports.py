"""Downloads: states or metadata of all keys of a dynamic output, as CSV or JSON."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from airflow.utils.session import create_session
from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from airflow_dynamic_provider.database.export import Format, What, export
from airflow_dynamic_provider.database.runs import open_run
from airflow_dynamic_provider.ui.access import READS_RUN, SessionDep

if TYPE_CHECKING:
    from collections.abc import Iterator

router = APIRouter(tags=["exports"], dependencies=READS_RUN)

_MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


@router.get("/dags/{dag_id}/runs/{run_id}/export", response_class=StreamingResponse)
def get_export(
    dag_id: str,
    run_id: str,
    session: SessionDep,
    of: Annotated[str, Query(description="The dynamic output")],
    what: What = "states",
    format: Format = "csv",  # noqa: A002 (its name in the address)
) -> StreamingResponse:
    """A file with a row for each key and task, or for each metadata value.

    In CSV, texts that a spreadsheet would take for a formula begin with an apostrophe.
    """
    open_run(session, dag_id, run_id).space(of)
    # A text of the user's: of what file names are made of, what is safe in a header.
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", f"{dag_id}-{run_id}-{of}-{what}.{format}")
    return StreamingResponse(
        _chunks(dag_id, run_id, of, what, format),
        media_type=_MEDIA_TYPES[format],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _chunks(dag_id: str, run_id: str, of: str, what: What, form: Format) -> Iterator[str]:
    # The request's own session may be closed before the last chunk is asked for.
    with create_session() as session:
        run = open_run(session, dag_id, run_id)
        yield from export(run, [run.space(of)], what, form)
