"""List the files of a directory at run time, and process each file in its own clones, labelled by file name.

Run it by itself, ``python dags/process_directory.py [DIRECTORY]``, or in Airflow with the Dag param ``path``.
"""

from __future__ import annotations

import ast
import contextlib
import sysconfig
from datetime import datetime, timezone
from pathlib import Path

from airflow.sdk import Param, dag, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, MetadataValue, add_output_metadata

STANDARD_LIBRARY = sysconfig.get_path("stdlib")


@task.dynamic(out=DynamicOut(str, description="one Python file"))
def python_files(path: str):
    """Produce one output per file, keyed by its name."""
    for file in sorted(Path(path).glob("*.py")):
        stat = file.stat()
        yield DynamicOutput(
            str(file),
            mapping_key=file.name,
            metadata={
                "size": stat.st_size,
                "modified": datetime.fromtimestamp(stat.st_mtime, timezone.utc),
                "path": file,
            },
        )


def count_nodes(path: str) -> dict[str, int]:
    """Count the functions, classes and lines of a Python file."""
    source = Path(path).read_text(encoding="utf-8", errors="replace")
    # The name is part of the error if the file cannot be parsed.
    nodes = list(ast.walk(ast.parse(source, Path(path).name)))
    return {
        "functions": sum(isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) for node in nodes),
        "classes": sum(isinstance(node, ast.ClassDef) for node in nodes),
        "lines": source.count("\n"),
    }


def grade_counts(counts: dict[str, int]) -> str:
    """Grade a file by the length of its average definition."""
    definitions = counts["functions"] + counts["classes"]
    length = counts["lines"] / max(definitions, 1)
    return "A" if length < 15 else "B" if length < 30 else "C"


@task(multiple_outputs=False)
def count(path: str) -> dict[str, int]:
    """Parse one file."""
    counts = count_nodes(path)
    add_output_metadata({"definitions": counts["functions"] + counts["classes"], "lines": counts["lines"]})
    return counts


@task
def grade(counts: dict[str, int], mapping_key: str | None = None) -> str:
    """Grade one file as soon as its own count is done."""
    letter = grade_counts(counts)
    add_output_metadata({"verdict": MetadataValue.md(f"`{mapping_key}` is graded **{letter}**")})
    return letter


def total_grades(grades: dict[str, str]) -> dict[str, int]:
    """Count the files of each grade."""
    return {letter: list(grades.values()).count(letter) for letter in "ABC"}


@task(multiple_outputs=False)
def summarize(grades: dict[str, str]) -> dict[str, int]:
    """Summarise all files in a table."""
    rows = [{"file": name, "grade": letter} for name, letter in grades.items()]
    add_output_metadata({"grades": MetadataValue.table(rows, columns=["file", "grade"])})
    return total_grades(grades)


@dag(
    params={
        "path": Param(
            STANDARD_LIBRARY, type="string", description="The directory whose Python files are graded."
        )
    },
    schedule=None,
    tags=["dynamic outputs"],
)
def process_directory():
    """Grade every Python file of a directory, although up to half of them may fail to be parsed."""
    files = python_files("{{ params.path }}")
    grades = files.map(count).map(grade)
    summarize(grades.collect(keyed=True, min_success_ratio=0.5))


def expected(path: str = STANDARD_LIBRARY) -> dict[str, int]:
    """Return what ``summarize`` must return, computed in plain Python."""
    grades = {}
    for file in Path(path).glob("*.py"):
        with contextlib.suppress(SyntaxError):
            grades[file.name] = grade_counts(count_nodes(str(file)))
    return total_grades(grades)


the_dag = process_directory()

if __name__ == "__main__":
    import sys

    from airflow_dynamic_provider.embedded import run

    directory = sys.argv[1] if len(sys.argv) > 1 else STANDARD_LIBRARY
    sys.exit(run(the_dag, conf={"path": directory}).exit_status)
