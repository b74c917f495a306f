"""``airflow dynamic-outputs list``: lists the dynamic outputs and workflows of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dynamic_provider.cli.common import opened_source, say
from airflow_dynamic_provider.cli.printing import print_document, print_tables, show_counts

if TYPE_CHECKING:
    from argparse import Namespace

    from airflow_dynamic_provider.cli.source import Document, Source


def list_outputs(args: Namespace) -> None:
    """List the dynamic outputs and workflows of a run. The command line calls this.

    Raises:
        SystemExit: There is no such run, or the arguments cannot be combined.
    """
    if args.watch and args.output not in ("table", "plain"):
        raise SystemExit("--watch shows bars or lines: use it with --output table or plain.")
    with opened_source(args.login) as source:
        found = _watch(source, args) if args.watch else source.ask("outputs", args.dag_id, args.run_id)
    outputs, workflows = found["outputs"], found["workflows"]
    if args.output in ("json", "yaml"):
        print_document(found, args.output)
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


def _watch(source: Source, args: Namespace) -> Document:
    # Imported here, because few calls watch a run.
    from rich.console import Console

    from airflow_dynamic_provider.cli.watching import watch

    # Another run may become the last one meanwhile.
    run_id = source.ask("outputs", args.dag_id, args.run_id)["run"]["run_id"]
    console = Console(stderr=True, no_color=args.output == "plain")
    try:
        return watch(lambda: source.ask("outputs", args.dag_id, run_id), console)
    except KeyboardInterrupt:
        raise SystemExit(f"The run {run_id} goes on.") from None


def _space_row(described: Document) -> Document:
    return {
        "of": described["of"],
        "kind": described["kind"],
        "keys": described["keys"],
        "states": show_counts(described["counts"]),
        "description": described["description"],
    }


def _workflow_row(described: Document) -> Document:
    return {
        "workflow": described["workflow"],
        "nodes": described["nodes"],
        "states": show_counts(described["counts"]),
        "result": f"{described['state']}, of run {described['from_run']}"
        if described["from_run"]
        else described["state"],
    }
