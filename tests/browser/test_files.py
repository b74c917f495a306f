"""The pages' files as text: what they may not hold, and what has to agree."""

from __future__ import annotations

import re

import pytest

from airflow_dynamic_provider.definitions.metadata import KINDS
from tests.browser.conftest import STATIC

OWN = sorted(
    path
    for path in STATIC.rglob("*")
    if path.suffix in {".js", ".css", ".html"} and "vendor" not in path.parts
)
MARKUP = "dangerouslySetInnerHTML"


def named(path):
    return str(path.relative_to(STATIC))


@pytest.mark.parametrize("path", OWN, ids=named)
def test_nothing_is_loaded_from_other_hosts(path):
    text = path.read_text().replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.findall(r"https?://\S+", text)


@pytest.mark.parametrize("path", OWN, ids=named)
def test_the_pages_policy_allows_all_of_it(path):
    """No inline script, no inline style, nothing that makes code of text."""
    text = path.read_text()
    assert not re.search(
        r"""\sstyle="|\son[a-z]{3,}="|<script(?![^>]*\ssrc=)|\beval\(|new Function|innerHTML\s*=""", text
    )


def test_markup_is_taken_in_one_place_only():
    assert [named(path) for path in OWN if MARKUP in path.read_text()] == ["metadata/markdown.js"]


def test_every_kind_of_metadata_is_shown_in_its_own_way():
    text = (STATIC / "metadata" / "list.js").read_text()
    shown = re.search(r"KINDS = Object.assign\(Object.create\(null\), \{(.*?)\}\)", text, re.DOTALL)
    assert set(re.findall(r"(\w+): \w+,", shown[1])) == KINDS


def test_every_state_has_a_colour():
    states = re.search(r"STATES = Object.freeze\(\[(.*?)\]\)", (STATIC / "states.js").read_text(), re.DOTALL)
    classes, theme = ((STATIC / "css" / name).read_text() for name in ("states.css", "theme.css"))
    names = re.findall(r'"(\w+)"', states[1])
    assert {"success", "failed", "skipped", "upstream_failed", "running"} < set(names)
    assert [name for name in names if f".is-{name} {{" not in classes] == []
    assert [name for name in names if f"--{name}-solid:" not in theme] == []


def test_every_colour_taken_from_airflow_has_one_of_its_own():
    names = re.findall(
        r'"([\w-]+)"', re.search(r"const COLORS = \[(.*?)\];", (STATIC / "host.js").read_text(), re.DOTALL)[1]
    )
    theme = (STATIC / "css" / "theme.css").read_text()
    assert len(names) > 30
    assert [name for name in names if f"--{name}:" not in theme] == []


def test_every_colour_used_is_declared():
    declared = set(
        re.findall(r"(--[\w-]+):", "".join(path.read_text() for path in OWN if path.suffix == ".css"))
    )
    used = {
        name
        for path in OWN
        if path.suffix == ".css"
        for name in re.findall(r"var\((--[\w-]+)", path.read_text())
    }
    assert used - declared == set()


def test_the_page_loads_every_style_sheet():
    loaded = set(re.findall(r'href="\{\{ static \}\}/([^"]+)"', (STATIC / "page.html").read_text()))
    assert loaded == {named(path) for path in STATIC.rglob("*.css")}


def test_each_library_brings_its_licence():
    names = [
        line.split()[0].split("/")[-1] for line in (STATIC / "vendor" / "VERSIONS").read_text().splitlines()
    ]
    assert {path.stem for path in (STATIC / "vendor" / "licences").iterdir()} == set(names)
