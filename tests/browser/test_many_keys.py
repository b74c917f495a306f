"""The page of a run with many keys: errors, patterns, selections, copies, comparison, the past of a key."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.run_server import PAGE

GROUP = {
    "group": "abc",
    "task_id": "send",
    "error": "ValueError: row 17 has no price",
    "pattern": "ValueError: row <n> has no price",
    "count": 2,
    "names": ["key 003", "key 117"],
}


@pytest.fixture
def server(server):
    server.errors = [GROUP]
    return server


def rows(page):
    return page.locator("table.matrix > tbody > tr")


def act(page, name):
    page.locator("summary", has_text="Keys").click()
    page.get_by_role("button", name=name).click()


def clear(page, server):
    page.get_by_role("dialog").get_by_role("button", name="Clear", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("Cleared")
    return server.cleared[-1]


def test_errors_are_grouped_and_a_group_is_shown_alone_and_cleared(run, server):
    server.errors = [GROUP, {**GROUP, "group": "def", "error": "TimeoutError", "count": 1}]
    run.reload()
    errors = run.get_by_role("region", name="Errors")
    expect(errors.get_by_role("listitem")).to_have_count(1)
    errors.get_by_role("button", name="Show all 2 errors").click()
    expect(errors.get_by_role("listitem").last).to_contain_text("TimeoutError")
    errors.get_by_role("button", name="Show only the most frequent error").click()
    expect(errors).to_contain_text("send \N{MIDDLE DOT} key 003, key 117")
    errors.get_by_role("button", name="Show only keys with this error").click()
    expect(rows(run)).to_have_count(2)
    assert run.evaluate("location.hash") == "#error=abc"
    run.locator("summary", has_text="Download").click()
    expect(run.locator(".menu-note")).to_have_text("Only the 2 keys that match")
    link = run.get_by_role("link", name="States as CSV").get_attribute("href")
    assert "error=abc" in link
    errors.get_by_role("button", name="Clear the keys with this error").click()
    cleared = clear(run, server)
    assert (cleared["state"], cleared["wanted"]["error"]) == ("failed", "abc")


def test_all_that_match_a_pattern_are_selected_and_cleared(run, server):
    box = run.get_by_label("Search keys")
    box.fill("key 0*")
    run.clock.run_for(1_000)
    expect(run.get_by_text("50 of 100")).to_be_visible()
    assert server.asked[-1]["match"] == ["key 0*"]
    run.get_by_label("Select all on this page").check()
    run.get_by_role("button", name="Select all 100 that match").click()
    expect(run.locator(".select-note")).to_have_text("All 100 that match are selected.")
    expect(rows(run).nth(7).get_by_role("checkbox")).to_be_checked()
    run.get_by_role("button", name="Clear selected (100)").click()
    cleared = clear(run, server)
    assert (cleared["keys"], cleared["wanted"]["match"]) == ([], "key 0*")
    run.get_by_role("dialog").get_by_role("button", name="Close").click()
    # Another search selects other keys.
    act(run, "Select all 100 that match")
    box.fill("key 11*")
    run.clock.run_for(1_000)
    expect(rows(run)).to_have_count(10)
    expect(rows(run).first.get_by_role("checkbox")).not_to_be_checked()


def test_lists_of_keys_are_pasted_and_copied(run, server):
    act(run, "Select keys from a list")
    dialog = run.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("key 003\n\n key 110 \nnowhere\n")
    dialog.get_by_role("button", name="Select 3 keys").click()
    expect(dialog).to_contain_text("1 name of the list is no key of this run. The other 2 keys are selected.")
    dialog.get_by_role("button", name="Close").click()
    expect(run.get_by_role("button", name="Clear selected (2)")).to_be_visible()
    run.evaluate("document.execCommand = () => (window.copied = document.activeElement.value, true)")
    act(run, "Copy the selected keys")
    expect(run.get_by_text("2 keys copied").first).to_be_visible()
    assert run.evaluate("window.copied") == "key 003\nkey 110"


def test_metadata_filters_and_is_a_column_to_sort_by(run, server):
    act(run, "Filter by metadata")
    form = run.get_by_role("form", name="Filter by metadata")
    form.get_by_label("Metadata", exact=True).fill("size > 10_000")
    form.get_by_label("Show as column").fill("size")
    form.get_by_role("button", name="Apply").click()
    expect(rows(run).nth(3)).to_contain_text("3,000")
    asked = server.asked[-1]
    assert (asked["where"], asked["column"]) == (["size > 10_000"], ["size"])
    run.get_by_role("button", name="size", exact=True).click()
    expect(run.get_by_role("columnheader", name="size")).to_have_attribute("aria-sort", "descending")
    assert server.asked[-1]["sort"] == ["metadatum"]
    run.reload()
    expect(run.get_by_label("Metadata", exact=True)).to_have_value("size > 10_000")
    run.get_by_role("button", name="Remove the filter by metadata").click()
    expect(form).to_have_count(0)
    assert run.evaluate("location.hash") == ""


def test_a_run_is_shown_beside_the_run_before(run, server):
    act(run, "Compare with the run before")
    panel = run.get_by_role("region", name="Comparison")
    expect(panel).to_contain_text("Newly failed 1")
    expect(panel).to_contain_text("2.0s \N{RIGHTWARDS ARROW} 9.5s")
    expect(panel.get_by_role("button", name="key old")).to_be_disabled()
    panel.get_by_role("button", name="key 003").click()
    expect(rows(run)).to_have_count(1)
    run.get_by_role("button", name="Close the comparison").click()
    expect(panel).to_have_count(0)


def test_an_open_row_has_the_past_of_its_key_and_the_end_of_its_logs(run, server):
    rows(run).nth(3).get_by_role("button").click()
    details = run.locator(".key-details")
    bars = details.get_by_role("list", name="This key in the last runs").get_by_role("link")
    expect(bars).to_have_count(3)
    assert "Failed, 4.0s" in bars.last.get_attribute("title")
    assert bars.first.get_attribute("href") == "/team/a/dags/shop/runs/run%2B-1"
    run.evaluate("document.execCommand = () => (window.copied = document.activeElement.value, true)")
    details.get_by_role("button", name="Copy link to this view").click()
    expect(details.get_by_role("button", name="Copied")).to_be_visible()
    assert run.evaluate("window.copied").startswith(f"{PAGE}#open=")
    details.locator("summary", has_text="Log of send").click()
    expect(details.locator("pre")).to_contain_text("03:04:05 ERROR it broke")
    expect(details).to_contain_text("The last 30 of 41 lines")
    expect(details.locator("pre")).not_to_contain_text("line 10\n")
