"""What the oracles have in common: they write what another system gave, or compare it with what is stored.

It runs in the environments of the oracles, which do not have Airflow.
"""

from __future__ import annotations

import json
from pathlib import Path


def write_or_compare(file, found, options, *, words, count, sort_keys=False):
    """Write what was found to a file, or with ``--check`` compare it with the file. Return the exit status.

    Args:
        file: The absolute path of the file.
        found: Program -> what it gave.
        options: The options of the command line.
        words: The beginning of the message if something differs, such as ``Dagster gives other outcomes``.
        count: The number of programs.
        sort_keys: Whether to sort the names inside what the programs gave.
    """
    here = Path(file)
    text = json.dumps(found, indent=1, sort_keys=sort_keys) + "\n"
    if "--check" not in options:
        here.write_text(text, encoding="utf-8")
    elif here.read_text(encoding="utf-8") != text:
        stored = json.loads(here.read_text(encoding="utf-8"))
        changed = [name for name in found if stored.get(name) != found[name]]
        return f"{words} than {here} says: {', '.join(changed) or 'fewer programs'}"
    print(f"{count} programs passed, 0 failed")  # noqa: T201
    return 0
