"""The headings of the tasks in the matrix: how far their keys are, and when they will have ended."""

from __future__ import annotations

from playwright.sync_api import expect


def test_a_heading_tells_how_far_its_keys_are_and_how_that_was_computed(run, server):
    head = run.get_by_role("columnheader", name="price")
    expect(head.get_by_role("img", name="2 Failed, 1 No Status, 117 Success")).to_be_visible()
    expect(head.locator(".estimate")).to_have_count(0)
    server.estimate = {
        "rate": "24 keys/min",
        "left": "about 6 min left",
        "basis": "from 120 keys done in the last 5 min",
    }
    run.reload()
    expect(head.locator(".estimate")).to_have_text("119/120 \N{MIDDLE DOT} about 6 min left")
    expect(head.locator(".estimate")).to_have_attribute(
        "title", "3 of 120 done. 24 keys/min, about 6 min left, from 120 keys done in the last 5 min."
    )
