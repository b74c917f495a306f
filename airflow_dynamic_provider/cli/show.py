"""``airflow dynamic-outputs show``: shows one key, its origin, its metadata and its task instances."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.commands import action_cli, suppress_logs_and_warning
from airflow_dynamic_provider.airflow_adapter.xcom import UNMAPPED
from airflow_dynamic_provider.cli.common import opened_run
from airflow_dynamic_provider.cli.printing import print_document, print_tables
from airflow_dynamic_provider.database.cells import Cells
from airflow_dynamic_provider.database.export import describe_cell, describe_metadata
from airflow_dynamic_provider.database.key_naming import find_key
from airflow_dynamic_provider.database.metadata import key_metadata, metadata_of_cells
from airflow_dynamic_provider.database.origins import Origin, find_origins

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from airflow_dynamic_provider.database.runs import OpenRun

_Described = dict[str, Any]


@action_cli  # type: ignore[untyped-decorator, unused-ignore]
@suppress_logs_and_warning
def show(args: Namespace) -> None:
    """Show a key. Airflow's command line calls this.

    Raises:
        SystemExit: There is no such run or key, or several dynamic outputs have the key.
    """
    with opened_run(args) as run:
        described = _describe(run, args.key, args.of)
    if args.output in ("json", "yaml"):
        print_document(described, args.output)
    else:
        instances, reasons = _instances(described), _reasons(described)
        tables = [_properties(described), list(_labels(described)), instances, reasons]
        print_tables(tables, args.output)


def _describe(run: OpenRun, text: str, of: str | None) -> _Described:
    named = find_key(run, text, of)
    info, (path,) = named.info, named.paths
    position = named.keys.positions[path]
    cells = Cells(run.source, info, named.keys).at([position])
    said = metadata_of_cells(run.source, {position: path}, cells)
    produced = key_metadata(run.source, info, path, position)
    own = {task_id: said.get((task_id, position)) for task_id in info.task_ids}
    metadata = describe_metadata(path, produced, own)
    outputs = {task["task_id"]: task["outputs"] for task in metadata["tasks"]}
    return {
        "key": metadata["key"],
        "key_path": metadata["key_path"],
        "of": info.of,
        "name": info.name,
        "kind": info.kind,
        "position": position,
        "origins": [vars(origin) for origin in find_origins(run, info, path)],
        "metadata": metadata["metadata"],
        "task_instances": [
            {**describe_cell(task_id, cell), "metadata": outputs.get(task_id, {})}
            for task_id, cell in cells[position].items()
        ],
    }


def _properties(described: _Described) -> list[_Described]:
    properties = [(name, described[name]) for name in ("key", "of", "kind")]
    for origin in described["origins"]:
        properties.append(("from", _name_origin(Origin(**origin))))
        if origin["description"]:
            properties.append(("description", origin["description"]))
    return [{"property": name, "value": value} for name, value in properties]


def _name_origin(origin: Origin) -> str:
    at = "" if origin.map_index == UNMAPPED else f"[{origin.map_index}]"
    return f"{origin.task_id}{at}, output {origin.output}"


def _labels(described: _Described) -> Iterator[_Described]:
    for label, stored in described["metadata"].items():
        yield _label("the key", label, stored)
    for instance in described["task_instances"]:
        for output, labelled in instance["metadata"].items():
            for label, stored in labelled.items():
                yield _label(f"{instance['task_id']}, output {output}", label, stored)


def _label(of: str, label: str, stored: _Described) -> _Described:
    return {"metadata of": of, "label": label, "kind": stored["type"], "value": stored["value"]}


def _instances(described: _Described) -> list[_Described]:
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


def _reasons(described: _Described) -> list[_Described]:
    reasons = [(each["task_id"], _reason(each)) for each in described["task_instances"]]
    return [{"task_id": task_id, "why": why} for task_id, why in reasons if why]


def _reason(instance: _Described) -> str | None:
    kept = f"result of run {instance['from_run']}" if instance["from_run"] else None
    return instance["error"] or instance["reason"] or kept
