"""Runs the tests on another Airflow, and reports which assumptions it breaks.

    python tests/canary.py PYTHON FOLDER [--rings RING...] [-- ARGUMENT OF PYTEST...]

PYTHON is the interpreter of an environment with that Airflow. FOLDER receives the results. The script needs
only the standard library. ``make canary`` creates an environment with the newest Airflow and calls it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: The folders of tests in the order in which they run, so that failures appear before the long ones start.
RINGS = ("contract", "task", "dag", "live")

#: In the message of a broken assumption, the words before Airflow's actual behaviour.
INSTEAD = "This Airflow says: "

_WIDTH = 160


@dataclass(frozen=True)
class Result:
    """The result of one test.

    Attributes:
        name: The test.
        error: The first line of its error; empty if it passed.
        assumption: The assumption that it tests; empty for tests of other rings.
        where: The files that rely on the assumption.
    """

    name: str
    error: str = ""
    assumption: str = ""
    where: str = ""


def run_ring(python: Path, ring: str, folder: Path, arguments: Sequence[str]) -> list[Result]:
    """Run the tests of a ring, and return their results."""
    results = folder / f"{ring}.xml"
    results.unlink(missing_ok=True)
    command = [str(python), "-m", "pytest", f"tests/{ring}", f"--junitxml={results}", *arguments]
    status = subprocess.run(command, check=False).returncode
    found = list(read_results(results)) if results.exists() else []
    if status not in (0, 1, 5) or (status == 1 and not any(each.error for each in found)):
        found.append(Result(f"tests/{ring}", f"pytest ended with status {status}"))
    return found


def read_results(path: Path) -> Iterator[Result]:
    """Read the report that pytest has written."""
    for case in ElementTree.parse(path).iter("testcase"):
        said = {each.get("name"): each.get("value", "") for each in case.iter("property")}
        broken = next((each for each in case if each.tag in ("failure", "error")), None)
        yield Result(
            f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}",
            "" if broken is None else _first_line(broken.get("message") or broken.text or "no message"),
            said.get("assumption", ""),
            said.get("where", ""),
        )


def _first_line(message: str) -> str:
    """Return the first line of an error; for a broken assumption, the line about Airflow's behaviour."""
    lines = message.strip().splitlines()
    instead = [line for line in lines if line.startswith(INSTEAD)]
    return instead[0].removeprefix(INSTEAD) if instead else lines[0]


def describe(found: dict[str, list[Result]]) -> str:
    """Return a table of the assumptions, and the failures of the rings."""
    lines = ["", "Assumptions:"]
    for words, results in _by_assumption(found.get("contract", [])).items():
        errors = [each.error for each in results if each.error]
        lines.append(f"  {'broken' if errors else 'holds '}  {words}")
        if errors:
            lines += [f"          used in {results[0].where}", f"          {errors[0]}"]
    for ring, results in found.items():
        failed = [each for each in results if each.error and not each.assumption]
        lines += ["", f"{ring}: {len(results)} tests, {sum(bool(each.error) for each in results)} failed"]
        for each in failed:
            lines += [f"  {each.name}", f"      {each.error}"]
    return "\n".join(line[:_WIDTH] for line in lines)


def _by_assumption(results: Sequence[Result]) -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = {}
    for each in results:
        if each.assumption:
            found.setdefault(each.assumption, []).append(each)
    return found


def main() -> int:
    """Run the rings, and print the broken assumptions and failed tests."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("python", type=Path, help="the interpreter of the environment")
    parser.add_argument("folder", type=Path, help="where the results go")
    parser.add_argument("--rings", nargs="+", default=RINGS, choices=RINGS, help="which rings run")
    given = sys.argv[1:]
    end = given.index("--") if "--" in given else len(given)
    arguments = parser.parse_args(given[:end])
    arguments.folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for ring in arguments.rings:
        _say(f"\033[1m==> {ring}\033[0m")
        found[ring] = run_ring(arguments.python, ring, arguments.folder, given[end + 1 :])
    _say(describe(found))
    return int(any(each.error for results in found.values() for each in results))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
