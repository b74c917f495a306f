"""Writes ``docs/reference.md`` from the docstrings of the public names: ``python docs/make_reference.py``."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING

import airflow_dynamic_provider
from airflow_dynamic_provider import embedded, local

if TYPE_CHECKING:
    from types import ModuleType

REFERENCE = Path(__file__).parent / "reference.md"

HEAD = """# Reference

This page lists every public name of `airflow_dynamic_provider`. `python docs/make_reference.py` generates it
from the docstrings. Change the docstrings, not this page.
"""

EMBEDDED = """# `airflow_dynamic_provider.embedded`

These names run a Dag in the process that calls them, for tests and for a Dag file that is run as a program.
"""

LOCAL = """# `airflow_dynamic_provider.local`

These names run a Dag in plain Python, without a database, for unit tests.
"""

# The section headings that the package uses in its docstrings.
SECTIONS = ("Args:", "Returns:", "Raises:", "Attributes:", "Example:")


def render() -> str:
    """Return the page."""
    names = [name for name in airflow_dynamic_provider.__all__ if not name.startswith("__")]
    return "\n".join(
        [
            HEAD,
            *(_render_name(airflow_dynamic_provider, name) for name in sorted(names, key=str.lower)),
            EMBEDDED,
            *(_render_name(embedded, name) for name in ("run", "EmbeddedRun", "EmbeddedTaskInstance")),
            LOCAL,
            *(
                _render_name(local, name)
                for name in ("run_local", "LocalResult", "LocalTask", "LocalOutcome")
            ),
        ]
    )


def _render_name(module: ModuleType, name: str) -> str:
    thing = getattr(module, name)
    parts = [f"## `{name}{_signature(thing)}`\n", _render_docstring(thing)]
    if inspect.isclass(thing):
        parts += [_render_method(thing, method) for method in vars(thing) if _is_shown(thing, method)]
    return "\n".join(parts)


def _render_method(owner: type, name: str) -> str:
    method = getattr(owner, name)
    return f"### `{owner.__name__}.{name}{_signature(method)}`\n\n{_render_docstring(method)}"


def _is_shown(owner: type, name: str) -> bool:
    raw = vars(owner)[name]
    raw = getattr(raw, "__wrapped__", raw)
    # Authors do not use the methods that Airflow or the package calls, or those that only refuse a call.
    inner = {
        "resolve",
        "iter_references",
        "update_relative",
        "roots",
        "leaves",
        "about",
        "zip",
        "concat",
        "of",
    }
    return (
        not name.startswith("_")
        and name not in inner
        and (inspect.isfunction(raw) or isinstance(raw, (staticmethod, classmethod)))
    )


def _signature(thing: object) -> str:
    if inspect.isclass(thing) and inspect.isfunction(thing.__init__):
        # For a class, Python 3.10 inspects an inherited ``__new__`` first.
        thing = thing.__init__
    try:
        signature = inspect.signature(thing)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return ""
    shown = [parameter for name, parameter in signature.parameters.items() if name != "self"]
    text = str(signature.replace(parameters=shown, return_annotation=inspect.Signature.empty))
    # Annotations are quoted, and so are defaults. An empty text must stay visible.
    return text.replace("''", '""').replace("'", "")


def _render_docstring(thing: object) -> str:
    lines = []
    in_code = False
    for line in (inspect.getdoc(thing) or "").replace("``", "`").splitlines():
        if line in SECTIONS:
            lines += [f"**{line[:-1]}**", ""]
        elif line.strip().startswith((">>>", "...")):
            lines += [] if in_code else ["```python"]
            in_code = True
            lines.append(line.strip()[4:])
            continue
        elif line.startswith("    ") and not line.startswith("     ") and ": " in line and not in_code:
            name, _, text = line.strip().partition(": ")
            lines.append(f"- `{name}`: {text}")
        else:
            if in_code:
                lines.append("```")
                in_code = False
                if line.strip() and not line.strip().startswith(">>>"):
                    lines += ["", f"returns `{line.strip()}`", ""]
                    continue
            lines.append(f"  {line.strip()}" if line.startswith("        ") else line.strip())
    if in_code:
        lines.append("```")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    REFERENCE.write_text(render(), encoding="utf-8")
