"""The pages inside Airflow's UI, in a real browser, against a real Airflow."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.chromium import chromium
from tests.live.dags.pages import ADDRESS, CUSTOMERS, HANDLER, HOSTILE, SCRIPT
from tests.live.window import TAB, Window, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, FrameLocator, Locator

    from tests.live.local_airflow import LocalAirflow
    from tests.live.rest_client import RestClient, TaskInstance
    from tests.live.shared_runs import SharedRuns

#: Runs whose failed keys are cleared: one that is selected, or all.
TO_CLEAR = ("orders, one key cleared", "orders, all keys cleared")


# Only for these tests: it runs an event loop, and other tests could not start theirs meanwhile.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def opened(browser: Browser, airflow: LocalAirflow) -> Iterator[Window]:
    """A window. A new one for each test would load Airflow's UI again."""
    opened = Window(browser, airflow.url)
    yield opened
    opened.close()


@pytest.fixture
def window(opened: Window) -> Iterator[Window]:
    """The window. It must not meet an error, or request anything from another host."""
    yield opened
    opened.clean()


@pytest.fixture
def picture(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Window, str], None]:
    """Takes a screenshot of a page, for the documentation if requested."""
    folder = request.config.getoption("--pictures") or tmp_path

    def take(window: Window, name: str) -> None:
        # The page may still be moving. A screenshot that is not kept only shows that it can be taken.
        if folder != tmp_path:
            window.page.wait_for_timeout(1000)
        window.page.screenshot(path=folder / f"{name}.png")

    return take


@pytest.fixture(scope="module", autouse=True)
def at_once(shared_runs: SharedRuns) -> None:
    """Start the runs that the tests look at."""
    shared_runs.start("orders", *TO_CLEAR, "hostile", "planned", "without_outputs")


@pytest.fixture(scope="module")
def orders(shared_runs: SharedRuns) -> str:
    """A run in which one key failed."""
    return shared_runs.ended("orders")


@pytest.fixture(scope="module")
def hostile(shared_runs: SharedRuns) -> str:
    return shared_runs.ended("hostile")


def keys_of(frame: FrameLocator) -> list[str]:
    """Return the full keys that a matrix shows."""
    buttons = frame.locator("table.matrix tbody .key-button")
    return [button.get_attribute("title") or "" for button in buttons.all()]


def chips_of(frame: FrameLocator) -> Locator:
    """Return the buttons that filter a matrix by state."""
    return frame.get_by_role("group", name="Filter by state").get_by_role("button")


def instances_of(client: RestClient, dag_id: str, run_id: str) -> dict[tuple[str, int], TaskInstance]:
    return {(ti.task_id, ti.map_index): ti for ti in client.task_instances(dag_id, run_id)}


def tries(client: RestClient, dag_id: str, run_id: str) -> dict[tuple[str, int], int]:
    return {at: ti.try_number for at, ti in instances_of(client, dag_id, run_id).items()}


def test_there_is_a_tab_wherever_there_is_something_to_show(window: Window, orders: str) -> None:
    run = f"/dags/orders/runs/{quote(orders)}"
    for path in (
        "/dags/orders",
        run,
        "/dags/orders/tasks/load",
        f"{run}/tasks/customers",
        f"{run}/tasks/load/mapped/0",
    ):
        window.open(path)
        tab = window.page.get_by_role("link", name=TAB)
        expect(tab).to_be_visible()
        tab.click()
        expect(window.frame.locator("main#page > *").first).to_be_visible()


def test_the_matrix_is_what_the_database_says(
    window: Window, client: RestClient, orders: str, picture: Callable[[Window, str], None]
) -> None:
    frame = window.open_run("orders", orders)
    expect(rows_of(frame)).to_have_count(len(CUSTOMERS))
    assert keys_of(frame) == list(CUSTOMERS)
    headings = frame.locator("table.matrix thead th").all_inner_texts()
    columns = [text.strip() for text in headings[3:]]
    assert columns == ["load", "months", "check"]
    picture(window, "page-run")
    instances = instances_of(client, "orders", orders)
    for position, row in enumerate(rows_of(frame).all()):
        links = row.locator("td a")
        assert links.count() == len(columns)
        for task_id, link in zip(columns, links.all(), strict=True):
            state = str(instances[task_id, position].state)
            assert state.replace("_", " ") in (link.get_attribute("title") or "").lower().replace("_", " ")
    frame.get_by_role("button", name="Timeline").click()
    ran = [instances[task_id, at] for task_id in columns for at in range(len(CUSTOMERS))]
    expect(frame.locator(".time-bar")).to_have_count(sum(each.state in ("success", "failed") for each in ran))
    expect(frame.locator(".duration-card")).to_have_count(len(columns))
    picture(window, "page-timeline")
    frame.get_by_role("button", name="Charts").click()
    expect(frame.get_by_role("list", name="orders (customers)").get_by_role("listitem")).to_have_count(4)
    # The viewer has clicked outside the frame.
    window.page.get_by_role("heading").first.click()
    window.page.keyboard.press("/")
    expect(frame.get_by_role("searchbox")).to_be_focused()


def test_a_cell_leads_to_the_log_of_its_task_instance(window: Window, orders: str) -> None:
    frame = window.open_run("orders", orders)
    rows_of(frame).nth(1).locator("td a").first.click()
    window.page.wait_for_url(re.compile(r"/tasks/load/mapped/1"))
    expect(window.page.get_by_text("borealis answers at the second try only").first).to_be_visible()


def test_keys_are_searched_filtered_and_sorted(window: Window, orders: str) -> None:
    frame = window.open_run("orders", orders)
    expect(rows_of(frame)).to_have_count(4)
    search = frame.get_by_role("searchbox")
    search.fill("EL")
    expect(rows_of(frame)).to_have_count(1)
    assert keys_of(frame) == ["delta works"]
    # The view is kept over a reload.
    window.page.reload()
    expect(rows_of(frame)).to_have_count(1)
    expect(search).to_have_value("EL")
    search.fill("")
    expect(rows_of(frame)).to_have_count(4)
    frame.get_by_role("group", name="Filter by state").get_by_role(
        "button", name=re.compile("failed", re.I)
    ).click()
    expect(rows_of(frame)).to_have_count(1)
    assert keys_of(frame) == ["borealis"]
    frame.get_by_role("button", name="All states").click()
    expect(rows_of(frame)).to_have_count(4)
    frame.get_by_role("button", name="Key", exact=True).click()
    frame.get_by_role("button", name="Key", exact=True).click()
    expect(frame.locator("table.matrix tbody .key-button").first).to_have_attribute("title", "delta works")
    search.fill("nowhere")
    expect(frame.get_by_text("No key matches")).to_be_visible()


def test_nested_keys_fold(window: Window, orders: str) -> None:
    frame = window.open_run("orders", orders)
    frame.get_by_role("button", name=re.compile(r"months\.result")).click()
    # A customer that could not be loaded has no months, and is seen all the same.
    expect(frame.locator("tr.folded")).to_have_count(4)
    expect(frame.locator("tr.folded").filter(has_text="borealis")).to_be_visible()
    frame.get_by_role("button", name="acme").click()
    expect(frame.locator("tr[aria-rowindex], tr").filter(has_text="jan").first).to_be_visible()
    assert [key for key in keys_of(frame) if key.startswith("acme/")] == ["acme/jan", "acme/feb"]
    # A folded row stands for the keys below it.
    frame.get_by_role("checkbox", name="Select all keys of acme").check()
    frame.get_by_role("button", name="Clear selected (1)").click()
    dialog = frame.get_by_role("dialog")
    expect(dialog.locator("tbody tr")).to_have_count(2)
    expect(dialog).to_contain_text("acme/feb")
    dialog.get_by_role("button", name="Cancel").click()


def test_the_keyboard_is_enough(window: Window, orders: str) -> None:
    frame = window.open_run("orders", orders)
    expect(rows_of(frame)).to_have_count(4)
    rows_of(frame).first.locator("td a").first.focus()
    window.page.keyboard.press("ArrowDown")
    window.page.keyboard.press("ArrowRight")
    focused = window.evaluate("document.activeElement.getAttribute('href')")
    assert "/tasks/months/mapped/1" in str(focused)
    window.page.keyboard.press("/")
    assert window.evaluate("document.activeElement.type") == "search"
    rows_of(frame).nth(2).locator("td a").first.focus()
    window.page.keyboard.press("Enter")
    window.page.wait_for_url(re.compile(r"/tasks/load/mapped/2"))


def test_a_failed_key_explains_itself(window: Window, orders: str) -> None:
    frame = window.open_run("orders", orders)
    errors = frame.get_by_role("region", name="Errors")
    expect(errors).to_contain_text("ValueError: borealis answers at the second try only")
    errors.get_by_role("button", name=re.compile("^Show only keys")).click()
    expect(rows_of(frame)).to_have_count(1)
    assert keys_of(frame) == ["borealis"]
    frame.locator("summary", has_text="Keys").click()
    frame.get_by_role("button", name="Copy the keys that match").click()
    expect(frame.get_by_text("1 key copied").first).to_be_visible()
    rows_of(frame).first.get_by_role("button", name="borealis").click()
    # Airflow's own API reads the log, with the session of the viewer.
    frame.locator("summary", has_text="Log of load").click()
    expect(frame.locator(".key-log pre")).to_contain_text("borealis answers at the second try only")


def test_failed_keys_are_cleared_and_nothing_else(
    window: Window, client: RestClient, shared_runs: SharedRuns
) -> None:
    run_id = shared_runs.ended(TO_CLEAR[0])
    before = tries(client, "orders", run_id)
    frame = window.open_run("orders", run_id)
    frame.get_by_role("checkbox", name="Select borealis").check()
    frame.get_by_role("button", name="Clear selected (1)").click()
    dialog = frame.get_by_role("dialog")
    expect(dialog.get_by_text("task instances will run again")).to_be_visible()
    listed = {
        (row.locator("td").nth(0).inner_text(), row.locator("td").nth(1).inner_text())
        for row in dialog.locator("tbody tr").all()
    }
    assert {pair for pair in listed if pair[1] == "borealis"} == {
        (task_id, "borealis") for task_id in ("load", "months", "check")
    }
    dialog.get_by_role("button", name="Clear", exact=True).click()
    expect(dialog.get_by_text(re.compile(r"Cleared \d+ task instances"))).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    assert client.wait("orders", run_id) == "success"
    after = tries(client, "orders", run_id)
    again = {at for at, number in after.items() if number > before.get(at, 0)}
    assert {at for at in again if at[0] in ("load", "check", "months")} == {
        (task_id, 1) for task_id in ("load", "check", "months")
    }
    assert {task_id for task_id, _ in again} == {
        *("load", "check", "months", "months__keys", "bill", "summarize", "check__done"),
    } & {task_id for task_id, _ in after}
    assert client.xcom("orders", run_id, "summarize") == sorted(name.upper() for name in CUSTOMERS)
    expect(chips_of(frame)).to_have_count(1)


def test_all_failed_keys_are_cleared_at_once(
    window: Window, client: RestClient, shared_runs: SharedRuns
) -> None:
    run_id = shared_runs.ended(TO_CLEAR[1])
    frame = window.open_run("orders", run_id)
    frame.get_by_role("button", name="Clear all failed").click()
    dialog = frame.get_by_role("dialog")
    expect(dialog.get_by_text("task instances will run again")).to_be_visible()
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).not_to_be_visible()
    assert instances_of(client, "orders", run_id)["load", 1].state == "failed"
    frame.get_by_role("button", name="Clear all failed").click()
    dialog.get_by_role("button", name="Clear", exact=True).click()
    expect(dialog.get_by_text(re.compile(r"Cleared \d+ task instances"))).to_be_visible()
    client.wait("orders", run_id)
    assert {ti.state for ti in client.task_instances("orders", run_id)} == {"success"}


def test_who_may_not_clear_is_told_so(window: Window, orders: str) -> None:
    window.page.route("**/clearing", lambda route: route.fulfill(status=403, body='{"detail": "Forbidden"}'))
    frame = window.open_run("orders", orders)
    frame.get_by_role("button", name="Clear all failed").click()
    expect(frame.get_by_text("You may not clear task instances of this Dag")).to_be_visible()
    window.errors.clear()  # The browser notes the refusal.


def test_states_and_metadata_are_downloaded(window: Window, orders: str) -> None:
    frame = window.open_run("orders", orders)
    frame.locator("summary", has_text="Download").click()
    with window.page.expect_download() as started:
        frame.get_by_role("link", name="States as CSV").click()
    with Path(started.value.path()).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["key"] for row in rows if row["task_id"] == "load"] == list(CUSTOMERS)
    frame.locator("summary", has_text="Download").click()
    with window.page.expect_download() as started:
        frame.get_by_role("link", name="Metadata as JSON").click()
    keys = json.loads(Path(started.value.path()).read_text(encoding="utf-8"))["outputs"][0]["keys"]
    assert keys[0]["metadata"]["orders"] == {"type": "int", "value": 12}


def test_a_run_is_seen_while_it_runs(window: Window, client: RestClient, tmp_path: Path) -> None:
    run_id = client.trigger("one_by_one", {"folder": str(tmp_path)})
    frame = window.open_run("one_by_one", run_id)
    # All keys appear by name before their clones run, and their states change without a reload.
    expect(rows_of(frame)).to_have_count(3)
    assert keys_of(frame) == ["number 0", "number 1", "number 2"]
    # Airflow itself knows only their number.
    assert instances_of(client, "one_by_one", run_id)["wait", 2].label == "2"
    expect(frame.get_by_text("Live", exact=True)).to_be_visible()
    frame.get_by_role("checkbox", name="Select number 2").check()
    (tmp_path / "go").touch()
    expect(rows_of(frame).filter(has_text=re.compile("success", re.I))).to_have_count(3)
    expect(frame.get_by_role("checkbox", name="Select number 2")).to_be_checked()
    client.wait("one_by_one", run_id)


def test_a_task_instance_shows_its_key_and_metadata_by_kind(
    window: Window, orders: str, picture: Callable[[Window, str], None]
) -> None:
    frame = window.open_instance("orders", orders, "load", 0)
    expect(frame.get_by_text("acme").first).to_be_visible()
    expect(frame.get_by_text("The customers whose orders came in").first).to_be_visible()
    expect(frame.locator("table", has_text="amount").locator("tbody tr")).to_have_count(3)
    expect(frame.locator("strong", has_text="all")).to_be_visible()
    expect(frame.get_by_alt_text("one pixel")).to_be_visible()
    link = frame.get_by_role("link", name="https://example.org/orders").first
    expect(link).to_have_attribute("href", "https://example.org/orders")
    # The viewer is in Helsinki, three hours ahead in September.
    expect(frame.get_by_text(re.compile("2026-09-21.*17:13:20")).first).to_be_visible()
    picture(window, "page-instance")
    window.check_accessibility()
    frame.get_by_role("link", name=re.compile("check")).first.click()
    window.page.wait_for_url(re.compile(r"/tasks/check/mapped/0"))


def test_a_producing_task_shows_what_it_declares(window: Window, orders: str) -> None:
    frame = window.open_instance("orders", orders, "customers")
    expect(frame.get_by_text("The customers whose orders came in").first).to_be_visible()
    expect(frame.get_by_text(re.compile("4 keys")).first).to_be_visible()


def test_a_dag_and_a_task_show_the_last_runs_of_each_key(
    window: Window, orders: str, picture: Callable[[Window, str], None]
) -> None:
    frame = window.open_dag("orders", "load")
    expect(frame.locator("tr", has_text="borealis").first).to_be_visible()
    expect(frame.locator(".u-over").first).to_be_visible()
    expect(frame.get_by_text("rows").first).to_be_visible()
    frame = window.open_dag("orders")
    expect(frame.locator(".u-over").first).to_be_visible()
    picture(window, "page-dag")
    window.check_accessibility()
    expect(frame.locator("tr", has_text="delta works").first).to_be_visible()
    frame.get_by_placeholder("Add a key …").fill("acme")
    expect(frame.get_by_role("listbox", name="Keys").get_by_role("option")).to_have_count(1)
    window.page.keyboard.press("Enter")
    expect(frame.get_by_role("button", name="Leave out acme")).to_be_visible()
    expect(frame.locator(".u-over").first).to_be_visible()


def test_the_graph_of_a_workflow_and_its_nodes_are_cleared(
    window: Window,
    client: RestClient,
    shared_runs: SharedRuns,
    picture: Callable[[Window, str], None],
) -> None:
    run_id = shared_runs.ended("planned", "failed")
    frame = window.open_run("planned", run_id)
    for name in ("first", "second", "third", "last"):
        expect(frame.get_by_text(name, exact=True).first).to_be_visible()
    picture(window, "page-workflow")
    window.check_accessibility()
    frame.get_by_role("button", name="Clear all failed").click()
    dialog = frame.get_by_role("dialog")
    expect(dialog.get_by_text("task instances will run again")).to_be_visible()
    dialog.get_by_role("button", name="Clear", exact=True).click()
    expect(dialog.get_by_text(re.compile(r"Cleared \d+ task instances"))).to_be_visible()
    # Airflow's own page follows. By itself, it would not look at an ended run again.
    expect(window.page.get_by_text("Failed", exact=True)).to_have_count(0)
    assert client.wait("planned", run_id) == "success"
    labels = {ti.label: ti.try_number for ti in client.task_instances("planned", run_id) if ti.label}
    assert labels["first"] == labels["third"] == 1
    assert labels["second"] == 2


def test_hostile_keys_and_metadata_are_only_text(window: Window, hostile: str) -> None:
    frame = window.open_run("hostile", hostile)
    expect(rows_of(frame)).to_have_count(len(HOSTILE))
    assert keys_of(frame) == list(HOSTILE)
    for button in frame.locator("table.matrix tbody .key-button").all()[:3]:
        button.click()
    window.open_instance("hostile", hostile, "touch", 0)
    expect(frame.get_by_text(SCRIPT).first).to_be_visible()
    expect(frame.get_by_text(HANDLER).first).to_be_visible()
    window.page.wait_for_timeout(500)
    addresses = [link.get_attribute("href") or "" for link in frame.locator("a").all()]
    assert addresses
    assert [each for each in addresses if each.lower().startswith("javascript:")] == []
    expect(frame.get_by_text(ADDRESS).first).to_be_visible()
    assert frame.locator("script:not([src]), [onerror], [onload], iframe, object").count() == 0
    window.open_dag("hostile")
    expect(frame.locator("tr", has_text="onerror").first).to_be_visible()
    assert window.evaluate("window.hacked === undefined && window.parent.hacked === undefined")
    # A megabyte is cut, and the page is no wider than the window.
    assert window.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_ten_thousand_keys(window: Window, client: RestClient, airflow: LocalAirflow) -> None:
    client.wait_for_dag("thousands")
    airflow.python("tests.large_run", "thousands", "names", "read,write", "10000")
    frame = window.open_run("thousands", "large")
    expect(rows_of(frame)).to_have_count(50)
    expect(frame.get_by_text("1–50 of 10,000")).to_be_visible()
    frame.get_by_role("button", name="Last page").click()
    expect(frame.get_by_text("9,951–10,000 of 10,000")).to_be_visible()
    expect(rows_of(frame).last).to_contain_text("customer_09999")
    assert keys_of(frame) == [f"customer_0{number}" for number in range(9950, 10_000)]
    frame.get_by_role("searchbox").fill("09007")
    expect(rows_of(frame)).to_have_count(1)
    expect(rows_of(frame).first).to_contain_text(re.compile("failed", re.I))


def test_dark_mode_is_airflows(
    window: Window,
    browser: Browser,
    airflow: LocalAirflow,
    orders: str,
    picture: Callable[[Window, str], None],
) -> None:
    dark = Window(browser, airflow.url, is_dark=True)
    dark.context.add_init_script("localStorage.setItem('theme', 'dark')")
    colors = set()
    for each in (window, dark):
        frame = each.open_run("orders", orders)
        expect(rows_of(frame)).to_have_count(4)
        own = each.evaluate("getComputedStyle(document.body).backgroundColor")
        assert own == each.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        colors.add(each.evaluate("getComputedStyle(document.body).color"))
    assert len(colors) == 2
    picture(dark, "page-run-dark")
    dark.close()


def test_a_run_without_dynamic_outputs_says_so(window: Window, shared_runs: SharedRuns) -> None:
    frame = window.open_run("without_outputs", shared_runs["without_outputs"])
    expect(frame.get_by_text("This run has no dynamic outputs")).to_be_visible()


def test_a_server_that_does_not_answer_is_told_in_words(window: Window, orders: str) -> None:
    window.page.route("**/keys?*", lambda route: route.abort())
    frame = window.open_run("orders", orders)
    expect(frame.get_by_text(re.compile("does not answer", re.I)).first).to_be_visible()
    window.page.unroute("**/keys?*")
    expect(rows_of(frame)).to_have_count(4)
    window.errors.clear()  # The browser reports what it could not load.
