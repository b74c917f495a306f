"""``airflow dynamic-outputs show``: shows one key, its origin, its metadata and its task instances."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from airflow_dynamic_provider.cli.common import opened_source
from airflow_dynamic_provider.cli.printing import print_document, print_tables

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from airflow_dynamic_provider.cli.source import Document


def show(args: Namespace) -> None:
    """Show a key. The command line calls this.

    Raises:
        SystemExit: There is no such run or key, or several dynamic outputs have the key.
    """
    with opened_source(args.login) as source:
        described = source.ask("key", args.dag_id, args.run_id, key=args.key, of=args.of)
    if args.output in ("json", "yaml"):
        print_document(described, args.output)
    else:
        instances, reasons = _instances(described), _reasons(described)
        tables = [_properties(described), list(_labels(described)), instances, reasons]
        print_tables(tables, args.output)


def _properties(described: Document) -> list[Document]:
    properties = [(name, described[name]) for name in ("key", "of", "kind")]
    for origin in described["origins"]:
        properties.append(("from", _name_origin(origin)))
        if origin["description"]:
            properties.append(("description", origin["description"]))
    return [{"property": name, "value": value} for name, value in properties]


def _name_origin(origin: Document) -> str:
    at = "" if origin["map_index"] < 0 else f"[{origin['map_index']}]"
    return f"{origin['task_id']}{at}, output {origin['output']}"


def _labels(described: Document) -> Iterator[Document]:
    for label, stored in described["metadata"].items():
        yield _label("the key", label, stored)
    for instance in described["task_instances"]:
        for output, labelled in instance["metadata"].items():
            for label, stored in labelled.items():
                yield _label(f"{instance['task_id']}, output {output}", label, stored)


def _label(of: str, label: str, stored: Document) -> Document:
    return {"metadata of": of, "label": label, "kind": stored["type"], "value": stored["value"]}


def _instances(described: Document) -> list[Document]:
    return [
        {
            "task_id": each["task_id"],
            "map_index": each["map_index"],
            "state": "(ran for an earlier key)" if each["is_stale"] else each["state"],
            "try_number": each["try_number"],
            "started": _moment(each["start_date"]),
            "seconds": each["duration"],
        }
        for each in described["task_instances"]
    ]


def _moment(stored: str | None) -> str:
    # A table must fit a terminal. JSON and YAML have the whole timestamp.
    return "" if stored is None else datetime.fromisoformat(stored).strftime("%Y-%m-%d %H:%M:%S")


def _reasons(described: Document) -> list[Document]:
    reasons = [(each["task_id"], _reason(each)) for each in described["task_instances"]]
    return [{"task_id": task_id, "why": why} for task_id, why in reasons if why]


def _reason(instance: Document) -> str | None:
    kept = f"result of run {instance['from_run']}" if instance["from_run"] else None
    return instance["error"] or instance["reason"] or kept
