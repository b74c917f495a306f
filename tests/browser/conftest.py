"""A Chromium for the tests of the pages, and the pages' modules as a server would send them."""

from __future__ import annotations

import contextlib
import functools
import http.server
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.run_server import PAGE, RunServer
from tests.chromium import chromium
from tests.marking import mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Error, Page

HERE = Path(__file__).parent
STATIC = HERE.parent.parent / "airflow_dynamic_provider" / "ui" / "static"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this folder."""
    mark(items, HERE, "browser")


# No longer than these tests: while it runs there is an event loop, in which others could start none.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A running Chromium without a window."""
    # Milliseconds. A busy machine may need more than the five seconds of the default.
    expect.set_options(timeout=30_000)
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def static_url() -> Iterator[str]:
    """The address of a server that sends the pages' files."""
    handler = functools.partial(_QuietHandler, directory=str(STATIC))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Page]:
    """A tab of the browser; a new one for each test would take most of the time."""
    context = browser.new_context(locale="en-GB", timezone_id="Europe/Berlin")
    yield context.new_page()
    context.close()


@pytest.fixture
def page(tab: Page, static_url: str) -> Iterator[Page]:
    """An empty page, from which the modules can be imported; an error in it fails the test."""
    errors: list[str] = []

    def note(error: Error) -> None:
        errors.append(str(error))

    tab.on("pageerror", note)
    tab.route("**/empty", lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
    tab.goto(f"{static_url}/empty")
    tab.evaluate("localStorage.clear()")
    yield tab
    tab.remove_listener("pageerror", note)
    assert not errors


@pytest.fixture
def server():
    """The server behind the page of a run with 120 keys, two of which failed."""
    server = RunServer(STATIC)
    server.states = {f"key {number:03}": "success" for number in range(120)}
    server.states |= {"key 003": "failed", "key 117": "failed", "key 005": None}
    return server


@contextlib.contextmanager
def watched_page(browser, server):
    """Open an empty page of a server, and collect the errors and what its policy forbids."""
    context = browser.new_context(viewport={"width": 1200, "height": 700})
    page = context.new_page()
    said = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    server.attach(page)
    yield page, said
    context.close()


@pytest.fixture
def run(browser, server):
    """Open the page; errors and what its policy forbids fail the test."""
    with watched_page(browser, server) as (page, said):
        page.clock.install()
        page.goto(PAGE)
        yield page
    assert [text for text in said if "Failed to load resource" not in text] == []


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        """Say nothing."""
