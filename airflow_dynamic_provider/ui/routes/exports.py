"""Downloads: states or metadata of all keys of a dynamic output, as CSV or JSON."""

from __future__ import annotations

import contextlib
import re
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from airflow_dynamic_provider.database.export import Format, What, export
from airflow_dynamic_provider.database.key_naming import chosen_spaces
from airflow_dynamic_provider.database.runs import open_named_run
from airflow_dynamic_provider.ui.access import READS_RUN, SessionDep
from airflow_dynamic_provider.ui.filtering import Filter  # noqa: TC001 (read at run time)
from airflow_dynamic_provider.ui.turns import ExportRoute

if TYPE_CHECKING:
    from collections.abc import Iterator

router = APIRouter(tags=["exports"], route_class=ExportRoute, dependencies=READS_RUN)

_MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}

# The number of bytes above which a file goes to disk.
_IN_MEMORY = 1_000_000

_CHUNK = 64 * 1024


@router.get("/dags/{dag_id}/runs/{run_id}/export", response_class=StreamingResponse)
def get_export(
    dag_id: str,
    run_id: str,
    session: SessionDep,
    wanted: Filter,
    of: Annotated[str | None, Query(description="The dynamic output; null for all")] = None,
    what: What = "states",
    format: Format = "csv",  # noqa: A002 (its name in the address)
) -> StreamingResponse:
    """Download a file with a row for each key and task, or for each metadata value.

    In CSV, a string that a spreadsheet would treat as a formula gets an apostrophe in front. A complete file
    says so at its end: CSV with a last line that begins with `# complete`, JSON with the field `complete`.
    A file with some keys only names the filter: in the last line, or in the field `only_keys_with`.
    """
    run = open_named_run(session, dag_id, run_id)
    selection = None if wanted.is_everything else wanted
    file = _written(export(run, chosen_spaces(run, of), what, format, selection))
    # Names may contain any character. Keep those that are safe in a file name and in a header.
    name = re.sub(
        r"[^A-Za-z0-9._-]+",
        "_",
        f"{dag_id}-{run.run_id}-{of or 'all'}-{what}{'-selection' if selection else ''}.{format}",
    )
    return StreamingResponse(
        _chunks(file),
        media_type=_MEDIA_TYPES[format],
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Content-Length": str(file.tell()),
        },
    )


def _written(chunks: Iterator[str]) -> IO[bytes]:
    """Write the whole file before the first byte is sent, and return it.

    Airflow's middleware ends a response that fails half way as if it were complete, and a status that was
    sent cannot be changed.
    """
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(SpooledTemporaryFile(_IN_MEMORY))
        for chunk in chunks:
            file.write(chunk.encode())
        # The sender closes the file.
        stack.pop_all()
        return file


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while chunk := file.read(_CHUNK):
            yield chunk
