"""Downloads: states or metadata of all keys of a dynamic output, as CSV or JSON."""

from __future__ import annotations

import contextlib
import re
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from airflow_dynamic_provider.database.export import Format, What, export
from airflow_dynamic_provider.database.runs import open_run
from airflow_dynamic_provider.ui.access import READS_RUN, SessionDep

if TYPE_CHECKING:
    from collections.abc import Iterator

router = APIRouter(tags=["exports"], dependencies=READS_RUN)

_MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}

# What is larger goes to the disk.
_IN_MEMORY = 1_000_000

_CHUNK = 64 * 1024


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

    In CSV, texts that a spreadsheet would take for a formula begin with an apostrophe. A file that is whole
    says so at its end: in CSV by a last line that begins with `# complete`, in JSON by the field `complete`.
    """
    run = open_run(session, dag_id, run_id)
    file = _written(export(run, [run.space(of)], what, format))
    # A text of the user's: of what file names are made of, what is safe in a header.
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", f"{dag_id}-{run_id}-{of}-{what}.{format}")
    return StreamingResponse(
        _chunks(file),
        media_type=_MEDIA_TYPES[format],
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Content-Length": str(file.tell()),
        },
    )


def _written(chunks: Iterator[str]) -> IO[bytes]:
    """Return the whole file, before the first byte is sent.

    Airflow's own middleware ends an answer that fails half way as if it were complete, and a status that was
    sent cannot be taken back.
    """
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(SpooledTemporaryFile(_IN_MEMORY))
        for chunk in chunks:
            file.write(chunk.encode())
        # Whoever sends it closes it.
        stack.pop_all()
        return file


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while chunk := file.read(_CHUNK):
            yield chunk
