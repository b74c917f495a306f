"""The types of what the server answers: files made of the application, which must not be older than it."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from pathlib import Path

from fastapi.routing import APIRoute

from airflow_dynamic_provider.ui.app import create_app
from airflow_dynamic_provider.ui.assets import STATIC

FRONTEND = Path(__file__).parent.parent.parent / "frontend"
STORED = FRONTEND / "openapi.json"
TYPES = FRONTEND / "wire.d.ts"

REMEDY = "run: make ui-types"


def described_paths():
    """Return the paths of the routes but those of pages, which answer with HTML, and of commands."""
    routes = [route for route in create_app().routes if isinstance(route, APIRoute)]
    hidden = {route.path for route in routes if not route.include_in_schema}
    assert all(path.endswith("/page") or "/answers/" in path for path in hidden), hidden
    return {route.path for route in routes} - hidden


def test_the_description_is_that_of_the_application():
    sys.path.insert(0, str(FRONTEND))
    try:
        import make_openapi
    finally:
        sys.path.remove(str(FRONTEND))
    assert json.loads(STORED.read_text()) == make_openapi.document(), REMEDY


def test_the_types_are_made_of_the_description():
    head = TYPES.read_text().partition("\n")[0]
    assert head.endswith(hashlib.sha256(STORED.read_bytes()).hexdigest()), REMEDY


def test_the_types_have_every_route_and_every_shape():
    types = TYPES.read_text()
    paths = types.partition("export interface paths {")[2].partition("\n}\n")[0]
    assert set(re.findall(r'^    "(/\S+)": {$', paths, re.MULTILINE)) == described_paths(), REMEDY
    shapes = json.loads(STORED.read_text())["components"]["schemas"]
    assert set(re.findall(r"^export type (\w+) = components", types, re.MULTILINE)) == set(shapes), REMEDY


def test_the_pages_ask_for_each_route_and_for_no_other():
    asked = re.findall(r'"(/dags/\{[^"]+)"', (STATIC / "api.js").read_text())
    assert sorted(asked) == sorted(described_paths())


def test_the_pages_write_no_shape_of_an_answer_by_hand():
    shapes = json.loads(STORED.read_text())["components"]["schemas"]
    for path in STATIC.rglob("*.js"):
        for source, name in re.findall(r"@typedef \{(.*)\} (\w+)", path.read_text()):
            assert name not in shapes or 'import("wire")' in source, f"{path.name}: {name}"
