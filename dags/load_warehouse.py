"""Load the files of an object store into a warehouse. Each file is a key, and can be loaded again by itself.

Run it by itself, ``python dags/load_warehouse.py``, or in Airflow with the Dag params ``folder`` (any URL of
Airflow's ``ObjectStoragePath``, such as ``s3://aws_default@bucket/incoming``) and ``warehouse`` (a file of
SQLite, in place of your warehouse).
"""

from __future__ import annotations

import csv
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from airflow.sdk import ObjectStoragePath, Param, dag, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, add_output_metadata

PLACE = Path(tempfile.gettempdir(), "example_load_warehouse")

#: What has arrived. A file without rows is loaded too, and a file with a wrong amount is not.
FILES = {
    "berlin/2026-01-30.csv": "order,amount\n1,12.50\n2,30.00\n",
    "berlin/2026-01-31.csv": "order,amount\n3,7.25\n",
    "lima/2026-01-30.csv": "order,amount\n",
    "lima/2026-01-31.csv": "order,amount\n1,twelve\n",
}


@task
def deliver(folder: str) -> str:
    """Write the files of the example, as another system would."""
    for name, content in FILES.items():
        file = ObjectStoragePath(folder) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return folder


@task.dynamic(out=DynamicOut(str, description="a file that has arrived"))
def list_files(folder: str):
    """Produce the address of each file. Its key is the path below the folder, which no other file has."""
    for directory in sorted(ObjectStoragePath(folder).iterdir(), key=str):
        for file in sorted(directory.iterdir(), key=str):
            yield DynamicOutput(
                str(file),
                mapping_key=f"{directory.name}/{file.name}",
                metadata={"bytes": file.stat().st_size},
            )


def read_rows(content: str) -> list[tuple[str, float]]:
    """Return the orders in a file.

    Raises:
        ValueError: An amount is no number.
    """
    return [(row["order"], float(row["amount"])) for row in csv.DictReader(content.splitlines())]


@task
def load(address: str, warehouse: str, mapping_key: str | None = None) -> int:
    """Load one file in one transaction. What an earlier try has loaded of it is replaced."""
    rows = read_rows(ObjectStoragePath(address).read_text())
    with closing(sqlite3.connect(warehouse, timeout=60)) as connection, connection:
        connection.execute("CREATE TABLE IF NOT EXISTS orders (file TEXT, number TEXT, amount REAL)")
        connection.execute("DELETE FROM orders WHERE file = ?", [mapping_key])
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?)", [(mapping_key, *row) for row in rows])
    add_output_metadata({"rows": len(rows)})
    return len(rows)


@task(multiple_outputs=False)
def report(rows: dict[str, int], states: dict[str, str], warehouse: str) -> dict[str, Any]:
    """Compare what was loaded with what the warehouse has."""
    with closing(sqlite3.connect(warehouse)) as connection:
        (total,) = connection.execute("SELECT SUM(amount) FROM orders").fetchone()
    refused = [name for name, state in states.items() if state == "failed"]
    return {"rows": rows, "total": total, "refused": refused}


@dag(
    schedule=None,
    tags=["dynamic outputs"],
    params={
        "folder": Param((PLACE / "incoming").as_uri(), type="string", description="Where files arrive."),
        "warehouse": Param(str(PLACE / "warehouse.db"), type="string", description="A file of SQLite."),
    },
)
def load_warehouse():
    """Load what has arrived. Half of the files may fail, and can be cleared by key when they are correct."""
    files = list_files(deliver("{{ params.folder }}"))
    loaded = files.map(lambda file: load(file, "{{ params.warehouse }}"))
    report(loaded.collect(keyed=True, min_success_ratio=0.5), loaded.states(), "{{ params.warehouse }}")


def expected() -> dict[str, Any]:
    """Return what ``report`` must return, computed in plain Python."""
    loaded, refused = {}, []
    for name, content in FILES.items():
        try:
            loaded[name] = read_rows(content)
        except ValueError:
            refused.append(name)
    total = sum(amount for rows in loaded.values() for _, amount in rows)
    return {"rows": {name: len(rows) for name, rows in loaded.items()}, "total": total, "refused": refused}


the_dag = load_warehouse()

if __name__ == "__main__":
    import sys

    from airflow_dynamic_provider.embedded import run

    sys.exit(run(the_dag).exit_status)
