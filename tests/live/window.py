"""A browser window on Airflow's UI that shows the package's pages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import httpx
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import (
        Browser,
        BrowserContext,
        ConsoleMessage,
        FrameLocator,
        Locator,
        Page,
        Request,
    )

#: Milliseconds until an element has to be visible, on a busy machine.
PATIENCE = 120_000

TAB = "Dynamic outputs"

#: A path of Airflow's UI at which it shows nothing.
NOWHERE = "/nowhere"

#: Goes to another page of Airflow's UI without loading the UI again. Its router listens to this event.
FOLLOW = """path => {
    history.pushState({}, "", path);
    dispatchEvent(new PopStateEvent("popstate", { state: {} }));
}"""

#: What `make ui-build` has put there.
AXE = Path(__file__).parent.parent / "browser" / "axe" / "axe.min.js"


class Window:
    """A browser window that records its errors.

    Args:
        browser: The browser.
        url: The address of Airflow's UI.
        is_dark: Whether its user prefers dark colours.
    """

    def __init__(self, browser: Browser, url: str, *, is_dark: bool = False) -> None:
        self.url = url
        self.errors: list[str] = []
        self.elsewhere: list[str] = []
        self.context: BrowserContext = browser.new_context(
            viewport={"width": 1500, "height": 950},
            color_scheme="dark" if is_dark else "light",
            timezone_id="Europe/Helsinki",
            accept_downloads=True,
        )
        self.context.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        token = httpx.get(f"{url}/auth/token", timeout=PATIENCE).json()["access_token"]
        self.context.add_cookies([{"name": "_token", "value": token, "url": url}])
        self.page: Page = self.context.new_page()
        self.page.on("console", self._note_console)
        self.page.on("pageerror", lambda error: self.errors.append(f"page error: {error}"))
        self.page.on("dialog", lambda dialog: self._note_dialog(dialog.message))
        self.context.on("request", self._note_request)

    def open(self, path: str) -> FrameLocator:
        """Open a page of Airflow, and return the tab's own page in it.

        Only the first page loads Airflow's UI, because that takes seconds of processor time.
        """
        if self.page.url.startswith(self.url):
            self._leave()
            self._follow(path)
        else:
            self.page.goto(f"{self.url}{path}")
        return self.frame

    def _leave(self) -> None:
        """Leave the page, so that nothing of it is taken for a part of the next one."""
        self._follow(NOWHERE)
        expect(self.page.locator("iframe")).to_have_count(0)

    def _follow(self, path: str) -> None:
        self.page.evaluate(FOLLOW, f"{urlsplit(self.url).path}{path}")

    @property
    def frame(self) -> FrameLocator:
        """The tab's own page."""
        return self.page.frame_locator("iframe")

    def open_run(self, dag_id: str, run_id: str, fragment: str = "") -> FrameLocator:
        """Open the tab of a Dag run."""
        return self.open(f"{_run(dag_id, run_id)}/plugin/dynamic-outputs-dag-run{fragment}")

    def open_instance(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> FrameLocator:
        """Open the tab of a task instance."""
        mapped = f"/mapped/{map_index}" if map_index >= 0 else ""
        page = f"{_run(dag_id, run_id)}/tasks/{task_id}{mapped}"
        return self.open(f"{page}/plugin/dynamic-outputs-task-instance")

    def open_dag(self, dag_id: str, task_id: str | None = None) -> FrameLocator:
        """Open the tab of a Dag, or of one of its tasks."""
        if task_id is None:
            return self.open(f"/dags/{dag_id}/plugin/dynamic-outputs-dag")
        return self.open(f"/dags/{dag_id}/tasks/{task_id}/plugin/dynamic-outputs-task")

    def evaluate(self, script: str) -> object:
        """Evaluate JavaScript in the tab's own page."""
        return self.page.locator("iframe").element_handle().content_frame().evaluate(script)  # type: ignore[union-attr]

    def check_accessibility(self) -> None:
        """Check with axe-core that people can use the tab's own page by keyboard and screen reader.

        Raises:
            AssertionError: Something serious was found.
        """
        self.evaluate(AXE.read_text())
        found: Any = self.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        serious = [each for each in found["violations"] if each["impact"] in ("serious", "critical")]
        assert not serious, [
            (each["id"], each["nodes"][0]["target"], each["nodes"][0]["failureSummary"]) for each in serious
        ]

    def clean(self) -> None:
        """Leave the page, and forget what the test has done in it.

        Raises:
            AssertionError: It met an error, or requested something from another host.
        """
        self.page.unroute_all()
        if self.page.url.startswith(self.url):
            self._leave()
            self.page.evaluate("localStorage.clear(); sessionStorage.clear()")
        self._check()

    def close(self) -> None:
        """Close it.

        Raises:
            AssertionError: It met an error, or requested something from another host.
        """
        self.context.close()
        self._check()

    def _check(self) -> None:
        errors, elsewhere = self.errors.copy(), self.elsewhere.copy()
        self.errors.clear()
        self.elsewhere.clear()
        assert not errors, errors
        assert not elsewhere, elsewhere

    def _note_console(self, message: ConsoleMessage) -> None:
        # Messages of Airflow's own pages are not ours.
        if message.type == "error" and "/dynamic-outputs/" in message.location.get("url", ""):
            self.errors.append(message.text)

    def _note_dialog(self, text: str) -> None:
        self.errors.append(f"dialog: {text}")

    def _note_request(self, request: Request) -> None:
        host = urlsplit(request.url).netloc
        if host and host != urlsplit(self.url).netloc:
            self.elsewhere.append(request.url)


def rows_of(frame: FrameLocator) -> Locator:
    """Return the rows of a matrix."""
    return frame.locator("table.matrix tbody tr[aria-rowindex]")


def _run(dag_id: str, run_id: str) -> str:
    # Encoded as in Airflow's own links.
    return f"/dags/{dag_id}/runs/{quote(run_id, safe=':+')}"
