"""Writes ``openapi.json`` beside it, what the pages' server answers: ``python frontend/make_openapi.py``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from airflow_dynamic_provider.ui.app import create_app

STORED = Path(__file__).parent / "openapi.json"

# How FastAPI says that a request is wrong. Its releases differ in it, and no page reads it.
_OF_FASTAPI = ("HTTPValidationError", "ValidationError")


def document() -> dict[str, Any]:
    """Return what the application says of its routes, without what is of the release of it or of FastAPI."""
    described = create_app().openapi()
    del described["info"]["version"]
    for methods in described["paths"].values():
        for method in methods.values():
            method["responses"].pop("422", None)
    for name in _OF_FASTAPI:
        described["components"]["schemas"].pop(name, None)
    return described


if __name__ == "__main__":
    STORED.write_text(json.dumps(document(), indent=2, ensure_ascii=False) + "\n")
