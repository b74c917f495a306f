"""Writes ``docs/examples.md`` from the files in ``dags``: ``python docs/make_examples.py``."""

from __future__ import annotations

import ast
from pathlib import Path

HERE = Path(__file__).parent
EXAMPLES = HERE / "examples.md"

HEAD = """# Examples

Each file shows one idea. Copy it into your Dag folder, or run it by itself: `python dags/several_outputs.py`.
`python docs/make_examples.py` generates this page.
"""


def render() -> str:
    """Return the page: for each file its description and its code."""
    return "\n".join([HEAD, *map(_render_file, sorted((HERE.parent / "dags").glob("*.py")))])


def _render_file(file: Path) -> str:
    code = file.read_text(encoding="utf-8")
    described = ast.get_docstring(ast.parse(code)) or ""
    included = f"```{{literalinclude}} ../dags/{file.name}\n:language: python\n```"
    return f"## {file.name}\n\n{described}\n\n{included}\n"


if __name__ == "__main__":
    EXAMPLES.write_text(render(), encoding="utf-8")
