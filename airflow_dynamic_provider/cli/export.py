"""``airflow dynamic-outputs export``: writes the states or metadata of all keys for other programs."""

from __future__ import annotations

import sys
from typing import IO, TYPE_CHECKING

from airflow_dynamic_provider.cli.common import opened_source, say

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable


def export(args: Namespace) -> None:
    """Write states or metadata to standard output or to a file. The command line calls this.

    Raises:
        SystemExit: There is no such run or dynamic output, or the file cannot be written.
    """
    with opened_source(args.login) as source:
        chunks = source.export(args.dag_id, args.run_id, args.of, args.what, args.format)
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
