"""Metadata as the pages show it: each kind, and what somebody wrote who means ill."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import STATIC

PLACE = {
    "page": "run",
    "root": "/dynamic-outputs",
    "base": "",
    "dagId": "d",
    "runId": "r",
    "taskId": "",
    "mapIndex": -1,
}

#: What would tell that markup came alive.
EVIL = '<img src=x onerror="window.pwned = 1"><script>window.pwned = 1</script>'


def show(page: Any, kind: str, value: Any, *, html: str | None = None, is_cut: bool = False) -> Any:
    """Render one metadatum, and return the element that holds its value."""
    meta = {"label": "label", "kind": kind, "value": value, "html": html, "is_cut": is_cut}
    page.evaluate(
        """async ([meta, place]) => {
            const { html, render } = await import("/vendor/preact.js");
            const { MetadataList } = await import("/metadata/list.js");
            render(html`<${MetadataList} metadata=${[meta]} place=${place} empty="" />`, document.body);
        }""",
        [meta, PLACE],
    )
    return page.locator("dd")


def test_a_kind_that_only_a_later_release_knows_is_shown_as_it_is_stored(page):
    shown = show(page, "geo point", {"lat": 1.5, "of": EVIL})
    expect(shown).to_contain_text("lat: 1.5")
    expect(shown).to_contain_text("<img src=x")
    expect(page.locator(".kind")).to_have_text("geo point")
    assert page.evaluate("window.pwned") is None


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("text", "one two", "one two"),
        ("path", "/a/b", "/a/b"),
        ("notebook", "/a.ipynb", "/a.ipynb"),
        ("int", 1234567, "1,234,567"),
        ("int", "18446744073709551615", "18446744073709551615"),
        ("float", 0.5, "0.5"),
        ("float", "NaN", "NaN"),
        ("bool", False, "false"),
        ("null", None, "null"),
        ("timestamp", "2026-11-20T12:34:56+00:00", "2026-11-20 13:34:56 CET"),
        ("python_artifact", {"module": "a.b", "name": "f"}, "a.b.f"),
        ("asset", {"name": "orders", "uri": "s3://b/o"}, "orders s3://b/o"),
        ("asset", {"name": "s3://b/o", "uri": "s3://b/o"}, "s3://b/o"),
        ("image", {"source": "", "alt": "pie"}, "pie: a picture too large to be shown"),
        ("md", "**raw**", "**raw**"),
    ],
)
def test_kinds_of_one_line(page, kind, value, text):
    assert show(page, kind, value).inner_text() == text


def test_the_title_of_a_timestamp_is_utc(page):
    shown = show(page, "timestamp", "2026-11-20T12:34:56+00:00")
    assert shown.locator("time").get_attribute("title") == "2026-11-20 12:34:56 UTC"


def test_a_table_is_a_table(page):
    shown = show(
        page, "table", {"columns": ["a", "b"], "rows": [{"a": 1, "b": EVIL}, {"a": None}]}, is_cut=True
    )
    assert shown.locator("th").all_inner_texts() == ["a", "b"]
    assert shown.locator("td").all_inner_texts() == ["1", EVIL, "", ""]
    assert "Only the beginning" in shown.inner_text()


def test_json_opens_level_by_level(page):
    shown = show(page, "json", {"a": {"b": {"c": [1, 2]}}})
    assert "{1 key}" in shown.inner_text()
    assert "[2 items]" not in shown.inner_text()
    shown.locator("summary", has_text="b:").click()
    expect(shown).to_contain_text("c: [2 items]")


def test_long_json_comes_in_parts(page):
    shown = show(page, "json", list(range(250)))
    shown.locator("summary").click()
    expect(shown.locator(".json-line")).to_have_count(100)
    shown.get_by_role("button", name="150 more").click()
    expect(shown.locator(".json-line")).to_have_count(200)


def test_a_link_leads_to_another_window(page):
    link = show(page, "url", "https://example.org/a").locator("a")
    assert (link.get_attribute("target"), link.get_attribute("rel")) == ("_blank", "noopener noreferrer")


def test_a_run_leads_into_airflow(page):
    link = show(page, "dag_run", {"dag_id": "a b", "run_id": "m+1"}).locator("a")
    assert link.get_attribute("href") == "/dags/a%20b/runs/m%2B1"


@pytest.mark.parametrize(
    "address", ["javascript:window.pwned=1", "data:text/html,<script>parent.pwned=1</script>", "s3://b/k"]
)
@pytest.mark.parametrize("kind", ["url", "asset", "image"])
def test_other_addresses_are_text(page, kind, address):
    value = {
        "url": address,
        "asset": {"name": "n", "uri": address},
        "image": {"source": address, "alt": "a"},
    }[kind]
    shown = show(page, kind, value)
    assert shown.locator("a, img, iframe, object").count() == 0
    assert address in shown.inner_text()


def test_half_an_address_is_no_link(page):
    shown = show(page, "url", "https://example.org/" + "a" * 20_000, is_cut=True)
    assert shown.locator("a").count() == 0


def test_a_picture_from_elsewhere_is_a_link(page):
    shown = show(page, "image", {"source": "https://example.org/a.png", "alt": "far away"})
    assert shown.locator("img").count() == 0
    assert shown.locator("a").get_attribute("href") == "https://example.org/a.png"


def test_a_picture_that_is_carried_along_is_shown(page):
    markup = "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9' onload='parent.pwned=1'/>"
    source = f"data:image/svg+xml,{markup}"
    image = show(page, "image", {"source": source, "alt": "nine"}).locator("img")
    image.wait_for()
    assert (image.get_attribute("alt"), image.get_attribute("src")) == ("nine", source)
    assert page.evaluate("window.pwned") is None


@pytest.mark.parametrize(
    "kind", ["text", "path", "url", "json", "int", "timestamp", "asset", "table", "image", "hologram"]
)
@pytest.mark.parametrize("value", [EVIL, {"a": EVIL}, [EVIL], None, {"columns": 7, "rows": 7}])
def test_nothing_that_is_stored_comes_alive(page, kind, value):
    if kind == "table" and isinstance(value, dict) and "columns" in value:
        value = {"columns": [EVIL], "rows": [{EVIL: EVIL}]}
    shown = show(page, kind, value)
    assert shown.locator("script, img").count() == 0
    assert page.evaluate("window.pwned") is None


def test_a_very_long_text_does_not_widen_the_page(page):
    for name in ("theme.css", "instance.css"):
        page.add_style_tag(path=STATIC / "css" / name)
    shown = show(page, "text", "x" * 1_000_000)
    assert "1,000,000 characters" in shown.inner_text()
    shown.locator("summary").click()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
