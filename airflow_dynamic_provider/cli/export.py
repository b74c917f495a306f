"""``airflow dynamic-outputs export``: writes the states or metadata of all keys for other programs."""

from __future__ import annotations

import sys
from typing import IO, TYPE_CHECKING

from airflow_dynamic_provider.airflow_adapter.commands import action_cli, suppress_logs_and_warning
from airflow_dynamic_provider.cli.common import opened_run, say
from airflow_dynamic_provider.database.export import export as export_chunks
from airflow_dynamic_provider.database.key_naming import chosen_spaces

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable


@action_cli  # type: ignore[untyped-decorator, unused-ignore]
@suppress_logs_and_warning
def export(args: Namespace) -> None:
    """Write states or metadata to standard output or to a file. Airflow's command line calls this.

    Raises:
        SystemExit: There is no such run or dynamic output, or the file cannot be written.
    """
    with opened_run(args) as run:
        chunks = export_chunks(run, chosen_spaces(run, args.of), args.what, args.format)
        if args.file is None:
            _write(chunks, sys.stdout)
            return
        try:
            # CSV has its own line endings.
            with open(args.file, "w", encoding="utf-8", newline="") as file:
                _write(chunks, file)
        except OSError as error:
            raise SystemExit(f"{args.file} cannot be written: {error.strerror}.") from error
    say(f"Wrote {args.file}.")


def _write(chunks: Iterable[str], file: IO[str]) -> None:
    for chunk in chunks:
        file.write(chunk)
