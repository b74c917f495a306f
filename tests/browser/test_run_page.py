"""The page of a run before a server that says what the test wants: what it asks for, shows and keeps."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

#: Longer than the page waits between two looks at a run that runs.
NEXT_LOOK = 2_500


def rows(page):
    return page.locator("table.matrix > tbody > tr")


def pager(page):
    return page.get_by_role("navigation", name="Pages").locator("span").first


def look_again(page, server):
    """Let the page's own time go on until it has asked once more."""
    before = len(server.asked)
    while len(server.asked) == before:
        page.clock.run_for(NEXT_LOOK)
        page.wait_for_function("true")


def test_a_row_a_key_and_a_column_a_task(run):
    expect(rows(run)).to_have_count(50)
    expect(pager(run)).to_have_text("1\N{EN DASH}50 of 120 keys")
    assert run.locator("thead th").all_inner_texts() == ["Key", "State", "Duration", "price", "send"]
    link = rows(run).nth(3).get_by_role("link", name="group.price: Failed, 2.5s")
    assert link.get_attribute("href") == "/team/a/dags/shop/runs/run%2B1/tasks/group.price/mapped/3"


def test_a_search_waits_until_nothing_more_is_typed(run, server):
    expect(rows(run)).to_have_count(50)
    # Listeners are there as soon as the browser has painted what they belong to.
    run.clock.run_for(500)
    run.keyboard.press("/")
    box = run.get_by_label("Search keys")
    expect(box).to_be_focused()
    # In one go, for how long a key press takes depends on the machine.
    box.evaluate(
        """box => ["k", "key 1", "key 11"].forEach((text) => {
            box.value = text;
            box.dispatchEvent(new Event("input", { bubbles: true }));
        })"""
    )
    run.clock.run_for(1_000)
    expect(rows(run)).to_have_count(10)
    assert {query["search"][0] for query in server.asked if "search" in query} == {"key 11"}
    assert run.evaluate("location.hash") == "#search=key+11"


def test_chips_filter_and_the_view_outlives_a_reload(run, server):
    run.get_by_role("button", name="Failed 2").click()
    expect(rows(run)).to_have_count(2)
    run.reload()
    expect(rows(run)).to_have_count(2)
    expect(run.get_by_role("button", name="Failed 2")).to_have_attribute("aria-pressed", "true")
    run.get_by_role("button", name="All states").click()
    expect(rows(run)).to_have_count(50)


def test_headers_sort_one_way_the_other_and_not_at_all(run, server):
    for state in ("ascending", "descending", "none"):
        run.get_by_role("button", name="Key", exact=True).click()
        expect(run.get_by_role("columnheader", name="Key")).to_have_attribute("aria-sort", state)
    expect(rows(run)).to_have_count(50)
    assert [(query["sort"], "descending" in query) for query in server.asked[-3:]] == [
        (["key"], False),
        (["key"], True),
        (["position"], False),
    ]


def test_another_look_leaves_selection_scroll_and_focus(run, server):
    rows(run).nth(1).get_by_role("checkbox").check()
    link = rows(run).nth(30).get_by_role("link").first
    link.focus()
    scrolled = run.locator(".matrix-scroll").evaluate("element => element.scrollTop")
    assert scrolled > 0
    server.states["key 030"] = "failed"
    look_again(run, server)
    expect(rows(run).nth(30).get_by_text("Failed", exact=True)).to_be_visible()
    expect(link).to_be_focused()
    expect(rows(run).nth(1).get_by_role("checkbox")).to_be_checked()
    assert run.locator(".matrix-scroll").evaluate("element => element.scrollTop") == scrolled


def test_a_selection_spans_pages(run):
    run.get_by_label("Select all on this page").check()
    run.get_by_role("button", name="Next page").click()
    expect(pager(run)).to_have_text("51\N{EN DASH}100 of 120 keys")
    expect(rows(run).first).to_contain_text("key 050")
    rows(run).first.get_by_role("checkbox").check()
    expect(run.get_by_role("button", name="Clear selected (51)")).to_be_enabled()
    run.get_by_role("button", name="Select none").click()
    expect(run.get_by_role("button", name="Clear selected")).to_have_count(0)


def test_arrow_keys_move_between_cells_and_tab_leaves_them(run):
    rows(run).first.get_by_role("checkbox").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        run.keyboard.press(key)
    expect(rows(run).nth(1).get_by_role("link").first).to_be_focused()
    run.keyboard.press("End")
    expect(rows(run).nth(1).get_by_role("link").last).to_be_focused()
    run.keyboard.press("Tab")
    assert run.evaluate("document.activeElement.closest('tbody')") is None
    run.keyboard.press("Shift+Tab")
    expect(rows(run).nth(1).get_by_role("link").last).to_be_focused()


def test_enter_unfolds_what_is_known_of_a_key(run):
    rows(run).first.get_by_role("button").focus()
    run.keyboard.press("Enter")
    expect(run.locator(".key-details")).to_contain_text("number 1 as produced")
    expect(run.locator(".key-details dd")).to_have_text("12")


def test_nobody_is_asked_while_nobody_looks(run, server):
    expect(rows(run)).to_have_count(50)
    show = "isHidden => Object.defineProperty(document, 'hidden', {configurable: true, value: isHidden})"
    run.evaluate(show, True)
    run.clock.run_for(NEXT_LOOK)
    asked = len(server.asked)
    run.clock.run_for(10 * NEXT_LOOK)
    assert len(server.asked) == asked
    run.evaluate(show, False)
    with run.expect_request("**/keys?*"):
        run.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_nobody_is_asked_about_a_run_that_is_over_until_the_viewer_comes_back(run, server):
    expect(rows(run)).to_have_count(50)
    server.is_running = False
    look_again(run, server)
    expect(run.get_by_text("Live")).to_have_count(0)
    # The counts beside the name of the output are asked for less often.
    run.clock.run_for(3 * NEXT_LOOK)
    run.wait_for_function("true")
    asked = server.requests
    run.clock.run_for(100 * NEXT_LOOK)
    run.wait_for_function("true")
    assert server.requests == asked
    server.is_running = True
    with run.expect_request("**/keys?*"):
        run.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(run.get_by_text("Live")).to_be_visible()
    look_again(run, server)


def test_an_unfolded_row_asks_for_its_own_keys_alone_until_the_run_is_over(run, server):
    server.folded = 30
    run.reload()
    expect(rows(run)).to_have_count(4)
    rows(run).nth(1).get_by_role("button").click()
    expect(rows(run)).to_have_count(4 + 30)
    server.asked.clear()
    look_again(run, server)
    run.clock.run_for(NEXT_LOOK)
    run.wait_for_function("true")
    below = [query for query in server.asked if "parent" in query]
    assert {tuple(query["parent"]) for query in below} == {('["outer 1"]',)}
    assert len(below) <= len(server.asked) / 2 + 1
    server.is_running = False
    for _ in range(5):
        run.clock.run_for(NEXT_LOOK)
        run.wait_for_function("true")
    asked = server.requests
    run.clock.run_for(100 * NEXT_LOOK)
    run.wait_for_function("true")
    assert server.requests == asked


def test_without_an_answer_the_page_keeps_what_it_has_and_tries_again(run, server):
    expect(rows(run)).to_have_count(50)
    server.status = 0
    look_again(run, server)
    expect(run.get_by_role("alert").first).to_contain_text("The server does not answer")
    expect(rows(run)).to_have_count(50)
    server.status = 200
    run.clock.run_for(6_000)
    expect(run.get_by_role("alert")).to_have_count(0)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "Log in to Airflow again"),
        (403, "Your user has no permission"),
        (404, "The run may have been deleted"),
        (409, "Use the same release"),
        (500, "Trying again every few seconds"),
    ],
)
def test_errors_say_what_to_do(run, server, status, words):
    server.status = status
    run.reload()
    expect(run.get_by_role("alert")).to_contain_text(words)


def test_a_run_without_dynamic_outputs_says_what_they_are(run, server):
    server.states = {}
    run.reload()
    expect(run.get_by_role("status")).to_contain_text("This run has no dynamic outputs")


def test_clearing_shows_first_what_runs_again(run, server):
    rows(run).nth(3).get_by_role("checkbox").check()
    run.get_by_role("button", name="Clear selected (1)").click()
    dialog = run.get_by_role("dialog")
    expect(dialog).to_contain_text("1 task instance will run again")
    expect(dialog).to_contain_text("The report runs again.")
    assert dialog.locator("td").all_inner_texts() == ["send", "key 003", "Failed"]
    assert server.cleared == []
    dialog.get_by_role("button", name="Clear", exact=True).click()
    expect(dialog).to_contain_text("Cleared 1 task instance")
    (cleared,) = server.cleared
    assert cleared == {
        "of": "items.result",
        "keys": [["key 003"]],
        "state": None,
        "wanted": None,
        "confirmed": 1,
        "keep_results": False,
    }
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
    expect(run.get_by_role("button", name="Clear selected")).to_have_count(0)


def test_results_of_earlier_runs_are_marked_and_a_clear_may_keep_them(run, server):
    server.kept = {"key 003": "run 0"}
    run.reload()
    expect(rows(run).nth(3).locator(".kept-mark").first).to_have_text("kept")
    expect(rows(run).nth(2).locator(".kept-mark")).to_have_count(0)
    cell = rows(run).nth(3).locator("a.cell").first
    assert "Result of the run run 0" in cell.get_attribute("title")
    rows(run).nth(3).get_by_role("checkbox").check()
    run.get_by_role("button", name="Clear selected (1)").click()
    dialog = run.get_by_role("dialog")
    dialog.get_by_label("Cached tasks may use kept results").check()
    dialog.get_by_role("button", name="Clear", exact=True).click()
    expect(dialog).to_contain_text("Cleared 1 task instance")
    assert [body["keep_results"] for body in server.cleared] == [True]


def test_where_clones_ran_for_former_keys_the_page_offers_the_clear_that_mends_it(run, server):
    remedy = run.get_by_role("button", name="Clear items with its downstream tasks")
    expect(remedy).to_have_count(0)
    server.stale = {"key 003"}
    run.reload()
    expect(rows(run).nth(3)).to_contain_text("old key")
    remedy.click()
    dialog = run.get_by_role("dialog")
    expect(dialog).to_contain_text("1 task instance will run again")
    dialog.get_by_role("button", name="Clear", exact=True).click()
    expect(dialog).to_contain_text("Cleared 1 task instance")
    assert [body["lister"] for body in server.cleared] == [True]


def test_escape_clears_nothing_and_gives_the_focus_back(run, server):
    run.get_by_role("button", name="Clear all failed").click()
    expect(run.get_by_role("dialog")).to_contain_text("2 task instances will run again")
    run.keyboard.press("Escape")
    expect(run.get_by_role("dialog")).to_have_count(0)
    expect(run.get_by_role("button", name="Clear all failed")).to_be_focused()
    assert server.cleared == []


def test_very_many_are_cleared_in_one_request(run, server):
    server.states = {f"key {number:04}": "failed" for number in range(950)}
    run.reload()
    run.get_by_role("button", name="Clear all failed").click()
    dialog = run.get_by_role("dialog")
    expect(dialog).to_contain_text("950 task instances will run again")
    expect(dialog.locator("tbody tr")).to_have_count(200)
    expect(dialog).to_contain_text("and 750 more")
    dialog.get_by_role("button", name="Clear", exact=True).click()
    expect(dialog).to_contain_text("Cleared 950 task instances")
    assert [(body["state"], body["keys"], body["confirmed"]) for body in server.cleared] == [
        ("failed", [], 950)
    ]


def test_what_has_changed_since_is_not_cleared(run, server):
    server.changed = True
    run.get_by_role("button", name="Clear all failed").click()
    dialog = run.get_by_role("dialog")
    dialog.get_by_role("button", name="Clear", exact=True).click()
    expect(dialog).to_contain_text("Not cleared")
    expect(dialog).to_contain_text("Nothing was cleared.")


FORBIDDEN = "You may not clear task instances of this Dag."


@pytest.mark.parametrize("answer", [{"status": 403}, {"refusal": FORBIDDEN}])
def test_who_may_not_clear_is_told_so(run, server, answer):
    rows(run).first.get_by_role("checkbox").check()
    vars(server).update(answer)
    run.get_by_role("button", name="Clear selected (1)").click()
    expect(run.get_by_role("dialog")).to_contain_text(FORBIDDEN)
    expect(run.get_by_role("dialog").get_by_role("button", name="Clear", exact=True)).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_outside_airflow_the_browsers_preference_holds(run, scheme):
    run.emulate_media(color_scheme=scheme)
    expect(run.locator("html")).to_have_attribute("data-theme", scheme)
