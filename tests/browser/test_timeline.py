"""The timeline and the charts of a run: what they compute, and what they draw of thousands of keys."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import STATIC, watched_page
from tests.browser.run_server import PAGE, RunServer
from tests.browser.test_modules import call


@pytest.fixture
def server():
    server = RunServer(STATIC)
    server.states = {f"key {number:05}": "success" for number in range(10_000)}
    return server


@pytest.fixture
def run(browser, server):
    with watched_page(browser, server) as (page, said):
        yield page
    assert said == []


def test_durations_that_stand_out_are_found(page):
    seconds = [10, 11, 12, 13, 14, 15, 16, 17, 90, 60]
    found = call(page, "durations.js", "statisticsOf", seconds)
    assert (found["count"], found["least"], found["median"], found["most"]) == (10, 10, 14.5, 90)
    assert call(page, "durations.js", "outliersOf", seconds) == [8, 9]
    # Of few durations, or of nearly equal ones, none stands out.
    assert call(page, "durations.js", "outliersOf", [1, 1, 1, 90]) == []
    assert call(page, "durations.js", "outliersOf", [2.0] * 20 + [2.5]) == []
    assert call(page, "durations.js", "statisticsOf", []) is None
    assert call(page, "durations.js", "histogramOf", [0, 1, 9, 10], 5) == [2, 0, 0, 0, 2]
    assert call(page, "durations.js", "histogramOf", [3, 3], 4) == [2, 0, 0, 0]


def test_rows_are_sorted_by_start_by_duration_and_by_key(page):
    times = {"states": ["success"] * 3, "map_indexes": [0, 1, 2]}
    timeline = {
        "keys": [["c"], ["a"], ["b"], ["waits"]],
        "tasks": [{"rows": [0, 1, 2], "starts": [5, 3, 4], "seconds": [1, 9, None], **times}],
    }

    def names(order):
        return [row["name"] for row in call(page, "timeline_order.js", "rowsOf", timeline, order, 10)]

    assert names("start") == ["a", "b", "c", "waits"]
    assert names("duration") == ["a", "b", "c", "waits"]
    assert names("key") == ["a", "b", "c", "waits"]
    timeline["tasks"][0]["seconds"] = [8, 2, None]
    assert names("duration") == ["c", "b", "a", "waits"]
    # Tasks of a key that run at the same time are beside each other.
    timeline["tasks"].append({"rows": [0, 1], "starts": [9, 5], "seconds": [2, 1], **times})
    lanes = {
        row["name"]: row["lanes"] for row in call(page, "timeline_order.js", "rowsOf", timeline, "key", 10)
    }
    assert lanes == {"a": 1, "b": 1, "c": 2, "waits": 1}
    assert call(page, "timeline_rows.js", "ticksOf", {"start": 100, "end": 130}) == [0, 5, 10, 15, 20, 25]
    assert call(page, "scatter.js", "marksOf", 0, 43) == [0, 10, 20, 30, 40]


def test_a_graph_is_drawn_from_the_node_that_is_called_first_down(page):
    def is_upside_down(*places):
        return call(page, "workflow_graph.js", "isUpsideDown", [{"x": x, "y": y} for x, y in places])

    assert is_upside_down((0, 40), (0, 20), (0, 0), (9, 0)) is True
    assert is_upside_down((0, 0), (9, 20), (0, 20), (9, 40)) is False
    assert is_upside_down((0, 0)) is False


def test_a_node_ran_for_a_part_of_its_duration(page):
    assert (
        call(page, "node_times.js", "timesOf", {"duration": 582, "waited": 580}) == "ran 2.0s, waited 9m 40s"
    )
    assert call(page, "node_times.js", "timesOf", {"duration": 2, "waited": 0.1}) == "2.0s"
    assert call(page, "node_times.js", "timesOf", {"duration": None, "waited": None}) == ""


def test_columns_of_runs_have_dates_or_times_of_one_day(page):
    one_day = ["2026-11-29 23:38:05", "2026-11-29 23:51:00"]
    assert call(page, "state_strips.js", "datesOf", one_day) == ["23:38", "23:51"]
    assert call(page, "state_strips.js", "datesOf", [*one_day, "2026-11-30 01:00:00", ""]) == [
        "11-29",
        "11-29",
        "11-30",
        "",
    ]


def test_blanks_that_would_not_be_seen_are_marked(page):
    script = """async (text) => {
        const { marked } = await import("/key_text.js");
        const { html, render } = await import("/vendor/preact.js");
        const box = document.createElement("p");
        render(html`<span>${marked(text)}</span>`, box);
        const marks = [...box.querySelectorAll(".blank")].map((each) => each.dataset.mark);
        return [box.textContent, marks.join("")];
    }"""
    box, tab = "\N{OPEN BOX}", "\N{RIGHTWARDS ARROW TO BAR}"
    for text, marks in (("a b c", ""), ("a b  c", box * 2), (" a\t", box + tab), ("", "empty")):
        assert page.evaluate(script, text) == [text, marks]


def test_the_client_of_airflows_queries_is_found_in_its_tree(page):
    found = """async (depth) => {
        const { findClient } = await import("/host_queries.js");
        const client = { invalidateQueries() {}, getQueryCache() {} };
        let fiber = { memoizedProps: { client } };
        for (let at = 0; at < depth; at += 1) {
            fiber = { memoizedProps: { client: { other: 1 } }, sibling: null, child: fiber };
        }
        return findClient(fiber) === client;
    }"""
    assert page.evaluate(found, 20) is True
    assert page.evaluate(found, 20_000) is False
    assert call(page, "host_queries.js", "findClient", None) is None


def test_a_timeline_of_thousands_of_keys_draws_those_that_are_visible(run, server):
    server.slow = "key 04000"
    run.goto(f"{PAGE}#show=timeline&order=duration")
    rows = run.get_by_role("list", name="Keys over time").get_by_role("listitem")
    expect(rows.first).to_contain_text("key 04000")
    assert rows.count() < 60
    expect(rows.first).to_have_attribute("aria-setsize", "10000")
    # The key that took far longer than the others is named, and its last runs are beside it.
    card = run.locator(".duration-card").first
    expect(card).to_contain_text("Far longer:")
    expect(rows.first.locator(".past-slow")).to_have_text("30.0\N{MULTIPLICATION SIGN}")
    assert len(server.past_keys) < 100
    run.get_by_label("Keys over time").evaluate("list => list.scrollTo(0, list.scrollHeight)")
    expect(rows.last).to_contain_text("key 09999")
    assert rows.count() < 60
    card.get_by_role("button", name="key 04000").click()
    expect(rows).to_have_count(1)
    run.get_by_role("button", name="Charts").click()
    bars = run.get_by_role("list", name="size (items)").get_by_role("listitem")
    expect(bars.first).to_contain_text("key 04000")
    run.get_by_label("against").select_option(label="cost (send)")
    expect(run.locator(".scatter .dot")).to_have_count(1)
    assert "show=charts" in run.evaluate("location.hash")
    run.reload()
    expect(run.locator(".scatter .dot")).to_have_count(1)
