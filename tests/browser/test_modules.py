"""The pages' modules one by one: what needs no server behind it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page


def call(page: Page, module: str, function: str, *arguments: Any) -> Any:
    """Call a function of a module in the browser."""
    return page.evaluate(
        "async ([module, name, given]) => (await import(`/${module}`))[name](...given)",
        [module, function, list(arguments)],
    )


def test_states_are_counted_from_what_wants_attention_to_what_is_done(page):
    counts = {"success": 3, "none": 1, "failed": 2, "running": 0, "someday": 1}
    assert call(page, "states.js", "inOrder", counts) == [
        ["failed", 2],
        ["none", 1],
        ["success", 3],
        ["someday", 1],
    ]


@pytest.mark.parametrize(
    ("state", "words", "name"),
    [
        ("up_for_retry", "Up For Retry", "up_for_retry"),
        ("success", "Success", "success"),
        (None, "No Status", "none"),
        ("none", "No Status", "none"),
        ("constructor", "Constructor", "none"),
    ],
)
def test_a_state_has_words_and_a_picture(page, state, words, name):
    assert call(page, "states.js", "wordsOf", state) == words
    assert call(page, "states.js", "nameOf", state) == name
    assert call(page, "states.js", "pictureOf", state)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (-1, ""),
        (0, "0.00s"),
        (0.994, "0.99s"),
        (0.996, "1.0s"),
        (9.94, "9.9s"),
        (9.96, "10s"),
        (59.4, "59s"),
        (59.6, "1m 00s"),
        (3599.6, "1h 00m"),
        (11_520, "3h 12m"),
        (86_400 * 2 + 3 * 3600, "2d 03h"),
    ],
)
def test_durations_are_short(page, seconds, text):
    assert call(page, "time.js", "formatDuration", seconds) == text


@pytest.mark.parametrize(
    ("moment", "zone", "text", "name"),
    [
        ("2026-11-20T12:34:56.789+00:00", "Europe/Berlin", "2026-11-20 13:34:56", "CET"),
        ("2026-07-01T22:30:00Z", "Europe/Berlin", "2026-07-02 00:30:00", "CEST"),
        ("2026-11-20T12:34:56Z", "UTC", "2026-11-20 12:34:56", "UTC"),
        ("2026-11-20T12:34:56Z", "Nowhere/At_All", "2026-11-20 13:34:56", "CET"),
        ("yesterday", "UTC", "yesterday", "UTC"),
    ],
)
def test_moments_are_shown_in_the_viewers_zone(page, moment, zone, text, name):
    assert call(page, "time.js", "formatMoment", moment, zone) == text
    assert call(page, "time.js", "zoneName", moment, zone) == name


def test_titles_show_utc(page):
    assert call(page, "time.js", "formatUtc", "2026-11-20T13:34:56.120+01:00") == "2026-11-20 12:34:56.12 UTC"
    assert call(page, "time.js", "formatUtc", "2026-11-20T12:00:00Z") == "2026-11-20 12:00:00 UTC"


def test_what_runs_is_as_old_as_its_start(page):
    assert call(page, "time.js", "secondsSince", "1970-01-01T00:00:10Z", 15_000) == 5
    assert call(page, "time.js", "secondsSince", "1970-01-01T00:00:10Z", 5_000) == 0
    assert call(page, "time.js", "secondsSince", None, 5_000) is None


@pytest.mark.parametrize(
    ("chosen", "zone"),
    [
        ('"Asia/Kolkata"', "Asia/Calcutta"),
        ('"local"', "Europe/Berlin"),
        ("{", "Europe/Berlin"),
        (None, "Europe/Berlin"),
    ],
)
def test_the_zone_chosen_in_airflow_goes_before_the_browsers(page, chosen, zone):
    if chosen is not None:
        page.evaluate("text => localStorage.setItem('timezone', text)", chosen)
    assert call(page, "host.js", "viewersZone") in {zone, "Asia/Kolkata" if zone == "Asia/Calcutta" else zone}


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/dynamic-outputs/dags/a/page", {"page": "dag", "base": "", "dagId": "a"}),
        ("/team/x/dynamic-outputs/dags/a%20b/page", {"page": "dag", "base": "/team/x", "dagId": "a b"}),
        ("/dynamic-outputs/dags/a/tasks/g.t/page", {"page": "task", "taskId": "g.t", "runId": ""}),
        ("/dynamic-outputs/dags/a/runs/m%2B1/page", {"page": "run", "runId": "m+1", "taskId": ""}),
        (
            "/dynamic-outputs/dags/a/runs/r/task-instances/t/7/page",
            {"page": "instance", "runId": "r", "taskId": "t", "mapIndex": 7},
        ),
        ("/dynamic-outputs/dags/a/runs/r/task-instances/t/%7BMAP_INDEX%7D/page", {"mapIndex": -1}),
        ("/dynamic-outputs/dags/a/runs/r/task-instances/t/-1/page", {"mapIndex": -1}),
        ("/dynamic-outputs/dags/dags/page", {"page": "dag", "dagId": "dags"}),
        ("/dynamic-outputs/dags/%E0%A4/page", {"page": "dag", "dagId": "%E0%A4"}),
    ],
)
def test_the_path_names_the_page(page, path, place):
    found = call(page, "address.js", "placeOf", path)
    assert {name: found[name] for name in place} == place
    assert found["root"] == f"{found['base']}/dynamic-outputs"


@pytest.mark.parametrize(
    "path", ["/", "/dags/a", "/dynamic-outputs/dags/a/runs/r/else", "/dynamic-outputs/static/x"]
)
def test_other_paths_name_none(page, path):
    assert call(page, "address.js", "placeOf", path) is None


def test_links_into_airflow_are_encoded(page):
    place = call(page, "address.js", "placeOf", "/base/dynamic-outputs/dags/a%2Fb/runs/r%2B1/page")
    assert (
        call(page, "address.js", "instanceHref", place, "g.t?", 3)
        == "/base/dags/a%2Fb/runs/r%2B1/tasks/g.t%3F/mapped/3"
    )
    assert call(page, "address.js", "instanceHref", place, "t", -1) == "/base/dags/a%2Fb/runs/r%2B1/tasks/t"
    assert (
        call(page, "address.js", "instanceHref", place, "t", None, "other")
        == "/base/dags/a%2Fb/runs/other/tasks/t"
    )


VIEW = {
    "of": "list_files.files",
    "workflow": "",
    "key": '["ä/b","&=#"]',
    "search": "a & b=#c",
    "states": ["failed", "none"],
    "error": "0a1b",
    "where": "size > 1 & 2",
    "column": "size of it",
    "sort": "duration",
    "descending": True,
    "flat": True,
    "compare": True,
    "open": ['["x"]', '["y","z"]'],
    "show": "charts",
    "order": "duration",
    "numbers": ["size of it", "a&b"],
    "offset": 150,
}


def test_a_view_outlives_the_address(page):
    fragment = call(page, "address.js", "fragmentOf", VIEW)
    assert call(page, "address.js", "viewOf", f"#{fragment}") == VIEW


def test_the_first_view_leaves_no_fragment(page):
    assert call(page, "address.js", "fragmentOf", call(page, "address.js", "viewOf", "")) == ""


def test_a_view_that_nobody_wrote_is_read_as_far_as_it_goes(page):
    found = call(page, "address.js", "viewOf", "#sort=colour&offset=-5&search=x&foreign=1")
    assert (found["sort"], found["offset"], found["search"]) == ("position", 0, "x")


@pytest.mark.parametrize(
    ("address", "is_link"),
    [
        ("https://example.org/a?b#c", True),
        ("HTTP://EXAMPLE.ORG", True),
        ("mailto:a@example.org", True),
        ("javascript:alert(1)", False),
        (" javascript:alert(1)", False),
        ("java\nscript:alert(1)", False),
        ("data:text/html,<script>alert(1)</script>", False),
        ("vbscript:x", False),
        ("blob:https://example.org/1", False),
        ("s3://bucket/key", False),
        ("//example.org", False),
        ("report.html", False),
        (None, False),
    ],
)
def test_only_harmless_addresses_become_links(page, address, is_link):
    assert call(page, "address.js", "safeLink", address) == (address if is_link else None)


@pytest.mark.parametrize(
    ("address", "is_inline"),
    [
        ("data:image/png;base64,AAAA", True),
        ("data:image/svg+xml,<svg/>", True),
        ("DATA:image/jpeg;base64,AAAA", True),
        ("data:image/png", False),
        ("data:text/html,<b>", False),
        ("data:image/x-unknown;base64,AA", False),
        ("https://example.org/a.png", False),
        (7, False),
    ],
)
def test_only_pictures_that_are_carried_along_are_shown_inline(page, address, is_inline):
    assert call(page, "address.js", "inlineImage", address) == (address if is_inline else None)


@pytest.mark.parametrize(
    ("value", "entries", "summary"),
    [
        ({"a": 1, "b": [2]}, [["a", 1], ["b", [2]]], "{2 keys}"),
        ([7], [["0", 7]], "[1 item]"),
        ({}, [], "{}"),
        ([], [], "[]"),
        (None, None, "null"),
        ("a\n", None, '"a\\n"'),
        (1.5, None, "1.5"),
    ],
)
def test_json_folds_into_a_few_characters(page, value, entries, summary):
    assert call(page, "metadata/json.js", "entriesOf", value) == entries
    assert call(page, "metadata/json.js", "summaryOf", value) == summary


def test_former_keys_are_cleared_with_the_task_that_lists_the_keys(page):
    space = {"of": "items.result", "lister": "items", "name": "items"}
    wanted = {"of": "items.result", "keys": [], "state": None, "lister": True}
    assert call(page, "former_keys.js", "listingOf", space) == wanted


@pytest.mark.parametrize("column", ["", "size"])
@pytest.mark.parametrize("children", [None, 3])
def test_a_row_of_the_matrix_is_as_wide_as_its_header(page, children, column):
    """A key, and a folded row."""
    width, expected, texts = page.evaluate(
        """async ([children, column]) => {
            const { html, render } = await import("/vendor/preact.js");
            const { TreeRow } = await import("/tree_rows.js");
            const { SUMMARY_COLUMNS, widthOf } = await import("/summary_columns.js");
            const columns = ["a", "b"].map((task_id) => ({ task_id, label: task_id }));
            const row = {
                key_path: ["k"], key: "k", position: 0, children, state: "failed", duration: 90,
                counts: {}, cells: {},
            };
            const view = { open: [], column }, selection = { has: () => false };
            const given = { row, columns, view, selection, level: 0 };
            render(html`<table><tbody><${TreeRow} ...${given} /></tbody></table>`, document.body);
            const cells = [...document.querySelectorAll("tr > *")];
            const summary = cells.slice(1, 1 + SUMMARY_COLUMNS.length).map((cell) => cell.textContent);
            return [cells.reduce((sum, { colSpan }) => sum + colSpan, 0), widthOf(columns, column), summary];
        }""",
        [children, column],
    )
    assert width == expected == (6 if column else 5)
    assert texts == ["Failed", "1m 30s"]


def test_whole_numbers_are_not_rounded(page):
    text = '{"a": 18446744073709551615, "b": 12, "c": 1e300, "d": [-9223372036854775808]}'
    read = page.evaluate("async text => JSON.parse(text, (await import('/api.js')).exactly)", text)
    assert read == {"a": "18446744073709551615", "b": 12, "c": 1e300, "d": ["-9223372036854775808"]}


def test_the_end_of_a_log_has_the_lines_of_one_key_if_it_tells_keys_apart(page):
    lines = [{"event": f"{key} {number}", "mapping_key": key} for number in range(40) for key in "ab"]
    text = "\n".join(map(json.dumps, [{"event": "began"}, *lines])) + "\nnot JSON\n"
    of_key = call(page, "logs.js", "tailOf", text, "a")
    assert (len(of_key["lines"]), of_key["left"], of_key["isOfKey"]) == (30, 10, True)
    assert of_key["lines"][-1] == {"text": "a 39", "isError": False}
    of_all = call(page, "logs.js", "tailOf", text, "c")
    assert (of_all["left"], of_all["isOfKey"], of_all["lines"][-1]["text"]) == (51, False, "b 39")
    assert call(page, "logs.js", "tailOf", "", "a")["problem"] == "The log is empty."


def test_a_selection_keeps_what_another_page_chose(page):
    chosen = page.evaluate(
        """async () => {
            const { withAll } = await import("/selection.js");
            return [...withAll(withAll(new Set(["a"]), ["b", "c"], true), ["a", "b"], false)];
        }"""
    )
    assert chosen == ["c"]


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ('[["a"],["b","c"]]', [["a"], ["b", "c"]]),
        ("", []),
        ("{", []),
        ('"a"', []),
        ('[["a"],[1],2]', [["a"]]),
    ],
)
def test_chosen_keys_are_read_from_the_address(page, text, keys):
    assert call(page, "numbers_view.js", "keysOf", text) == keys


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "\N{EN DASH}"),
        (0, "0"),
        (12, "12"),
        (0.0123456, "0.012346"),
        (1234.5, "1,234.5"),
        (3_400_000, "3.4M"),
        (1e-7, "1.00e-7"),
    ],
)
def test_numbers_are_short_beside_an_axis(page, value, text):
    assert call(page, "plots.js", "formatNumber", value) == text


def test_names_are_cut_between_characters(page):
    assert call(page, "workflow_graph.js", "shortened", "train", 5) == "train"
    assert call(page, "workflow_graph.js", "shortened", "training", 5) == "tr…ng"
    assert call(page, "workflow_graph.js", "shortened", "🎉🎉🎉🎉", 3) == "🎉…🎉"


def test_edges_are_smooth_lines(page):
    points = [{"x": 0, "y": 0}, {"x": 10, "y": 0}, {"x": 20, "y": 10}]
    assert call(page, "workflow_graph.js", "curve", points) == "M0 0Q10 0 20 10"
    assert call(page, "workflow_graph.js", "curve", points[:2]) == "M0 0L10 0"
    assert call(page, "workflow_graph.js", "curve", points[:1]) == ""
