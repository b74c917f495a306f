"""What axe-core finds on each page, light and dark, wide and narrow: nothing serious."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import STATIC
from tests.browser.run_server import PAGE, RunServer

AXE = Path(__file__).parent / "axe" / "axe.min.js"
WIDE, NARROW = (1200, 700), (480, 640)

#: Draws a workflow and metadata of several kinds.
DRAWN = """async () => {
    const { html, render } = await import("/vendor/preact.js");
    const { WorkflowGraph } = await import("/workflow_graph.js");
    const { MetadataList } = await import("/metadata/list.js");
    for (const name of ["theme", "states", "controls", "run", "graph", "instance"]) {
        const sheet = document.createElement("link");
        Object.assign(sheet, { rel: "stylesheet", href: `/css/${name}.css` });
        const loaded = new Promise((done) => sheet.addEventListener("load", done));
        document.head.append(sheet);
        await loaded;
    }
    Object.assign(document.documentElement, { lang: "en" });
    document.title = "A workflow";
    const main = document.body.appendChild(document.createElement("main"));
    const facts = { kind: "step", task_id: "t", map_index: 0, try_number: 1, duration: 10, waited: 8 };
    const node = (name, state) => ({ name, state, reason: null, from_run: null, ...facts });
    const nodes = [node("first", "success"), node("second", "failed"), node("last", "skipped")];
    const data = { name: "steps", nodes, edges: [["first", "second"], ["second", "last"]] };
    const json = { size: 5, names: ["a", true, null] };
    const table = [{ order: 1, amount: 9.5 }];
    const values = { int: 12, json, url: "https://example.org", path: "/a", table };
    const metadata = Object.entries(values).map(([kind, value]) => ({
        label: kind, kind, value, html: null, is_cut: false,
    }));
    const place = { root: "/r", base: "", dagId: "d", runId: "r", taskId: "", mapIndex: -1, page: "run" };
    const selection = { chosen: new Set(), choose() {}, clear() {} };
    render(html`
        <${WorkflowGraph} place=${place} data=${data} search="" selection=${selection} />
        <${MetadataList} metadata=${metadata} place=${place} empty="" />`, main);
}"""

#: Shows ten keys, which are in all states. What axe-core does grows with the number of rows.
FEW = "#search=key+00"
#: Two numbers of the keys.
SIZE, COST = "[%22size%22,%22items%22,%22result%22]", "[%22cost%22,%22send%22,%22result%22]"
#: The view of a run's page, and what is visible then. The table of all keys has two pages.
VIEWS = {
    "table": ("", "table.matrix"),
    "unfolded": (f"{FEW}&open=%5B%22key+003%22%5D", ".key-details"),
    "timeline": (f"{FEW}&show=timeline", ".time-bar"),
    "bars": (f"{FEW}&show=charts", ".bar"),
    "dots": (f"{FEW}&show=charts&number={SIZE}&number={COST}", ".dot"),
}


def findings(page):
    """Return what axe-core finds that is serious."""
    page.add_script_tag(path=AXE)
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{each['id']}: {node['target']} {node['failureSummary']}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"][:3]
    ]


@pytest.fixture(scope="module")
def server():
    server = RunServer(STATIC)
    server.states = {f"key {number:03}": "success" for number in range(60)}
    server.states |= {"key 003": "failed", "key 004": "skipped", "key 005": None, "key 006": "running"}
    server.stale, server.kept, server.slow = {"key 007"}, {"key 008": "run 0"}, "key 009"
    server.is_running = False
    return server


@pytest.fixture(params=[("light", WIDE), ("dark", NARROW)], ids=["light and wide", "dark and narrow"])
def look(browser, server, request):
    """Open an address, and return the serious findings."""
    scheme, (width, height) = request.param
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        bypass_csp=True,
        has_touch=width == NARROW[0],
    )
    page = context.new_page()
    server.attach(page)

    def look(address, shown, *, click=None):
        # An address that differs only in its fragment would not be loaded.
        page.goto("about:blank")
        page.goto(address)
        expect(page.locator(shown).first).to_be_visible()
        if click:
            page.get_by_role("button", name=click).click()
            expect(page.get_by_role("dialog")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "wider than the window"
        return findings(page)

    yield look
    context.close()


def test_nothing_serious_is_found_on_the_pages_of_a_run(look):
    found = {name: look(f"{PAGE}{fragment}", shown) for name, (fragment, shown) in VIEWS.items()}
    found["dialog"] = look(f"{PAGE}{FEW}", "table.matrix", click="Clear all failed")
    assert "\n".join(f"{name}: {each}" for name, of_view in found.items() for each in of_view) == ""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_serious_is_found_in_a_workflow_and_in_metadata(page, theme):
    page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
    page.evaluate(DRAWN)
    expect(page.locator(".node")).to_have_count(3)
    assert "\n".join(findings(page)) == ""
