"""What the page shows of results of earlier runs in workflows."""

from __future__ import annotations

from playwright.sync_api import expect


def node(name, from_run):
    return {
        **dict.fromkeys(("start_date", "end_date", "reason", "waited")),
        "name": name,
        "kind": name,
        "task_id": f"flow.{name}",
        "map_index": 0,
        "state": "success",
        "try_number": 1,
        "duration": 1.5,
        "from_run": from_run,
    }


def graph(*nodes, from_run=None, **kept_calls):
    return {
        "name": "flow",
        "keys": [],
        "key_path": [],
        "state": "success",
        "message": None,
        "edges": [],
        "is_running": False,
        "counts": {},
        "nodes": list(nodes),
        "from_run": from_run,
        "kept_calls": [{"name": name, "from_run": run} for name, run in kept_calls.items()],
    }


def test_a_workflow_marks_results_of_earlier_runs(run, server):
    server.states = {}
    server.workflow = graph(node("fetch", "run 0"), node("score", None), inner="run -1")
    run.reload()
    drawn = run.get_by_role("group", name="Graph of flow")
    expect(drawn.get_by_role("link", name="fetch")).to_contain_text("Success \N{MIDDLE DOT} kept")
    expect(drawn.get_by_role("link", name="score")).not_to_contain_text("kept")
    calls = run.locator(".kept-calls")
    expect(calls.locator("summary")).to_have_text("1 call with the kept output of an earlier run")
    calls.locator("summary").click()
    expect(calls.get_by_role("listitem")).to_have_text("inner from the run run -1")

    run.get_by_role("button", name="List").click()
    expect(run.get_by_role("row", name="fetch").locator(".kept-mark")).to_have_attribute(
        "title", "Result of the run run 0"
    )
    expect(run.get_by_role("row", name="score").locator(".kept-mark")).to_have_count(0)

    server.workflow = graph(from_run="run 0")
    run.reload()
    expect(run.get_by_text("The output is that of the run run 0, so nothing was planned.")).to_be_visible()
