"""Takes the screenshots in ``docs/images`` of an Airflow that runs the examples, in a real browser.

Start Airflow with ``make ui``, install ``playwright`` and a Chromium (playwright's own is not needed), then
run ``python docs/make_screenshots.py http://127.0.0.1:8080 /usr/bin/chromium``. Airflow must run on this
machine, because this script creates the files that the Dag lists.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from playwright.sync_api import Page

IMAGES = Path(__file__).parent / "images"
WIDTH = 1400

CHROMIUM_OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# Names that are easily misread, in the order of their clones.
FILES = ["2026.py", "parser.py", "two words.py", "{{ ds }}.py", "ünïcode.py"]


class Browser:
    """A browser window on an Airflow without login.

    Args:
        page: The window.
        url: The address of Airflow's API server.
    """

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url.rstrip("/")

    def run(self, dag_id: str, conf: dict[str, Any] | None = None, *, seconds: float = 180) -> str:
        """Run a Dag to its end.

        Args:
            dag_id: The Dag.
            conf: The run's parameters.
            seconds: The time limit in seconds.

        Returns:
            The path of the run's page.

        Raises:
            RuntimeError: The run could not be started, or did not succeed in time.
        """
        runs = f"{self.url}/api/v2/dags/{dag_id}/dagRuns"
        answer = self.page.request.post(runs, data={"logical_date": None, "conf": conf or {}})
        if not answer.ok:
            raise RuntimeError(f"{dag_id}: {answer.status} {answer.text()}")
        run_id = answer.json()["dag_run_id"]
        deadline = time.monotonic() + seconds
        state = "queued"
        while state in ("queued", "running") and time.monotonic() < deadline:
            time.sleep(1)
            state = self.page.request.get(f"{runs}/{run_id}").json()["state"]
        if state != "success":
            raise RuntimeError(f"{dag_id}: {run_id} is {state}")
        return f"/dags/{dag_id}/runs/{run_id}"

    def open(self, path: str, *, height: int) -> None:
        """Show a page, and wait until it is complete.

        Args:
            path: The page.
            height: The height of the window and of the screenshot.
        """
        self.page.set_viewport_size({"width": WIDTH, "height": height})
        self.page.goto(self.url + path)
        self.settle()

    def press(self, label: str) -> None:
        """Press a button, and wait until the page is complete.

        Args:
            label: The beginning of its accessible name.
        """
        self.page.locator(f'button[aria-label^="{label}"]').first.click()
        self.settle()

    def settle(self) -> None:
        """Wait until nothing loads or moves."""
        self.page.wait_for_load_state("networkidle")
        self.page.wait_for_timeout(2000)

    def save(self, name: str) -> None:
        """Save a screenshot.

        Args:
            name: The file name of the screenshot.
        """
        self.page.mouse.move(0, 0)
        self.page.wait_for_timeout(500)
        self.page.screenshot(path=IMAGES / name)


def picture_clones(browser: Browser, run: str) -> None:
    """Show the clones of all tasks that are mapped over the files."""
    browser.open(f"{run}/tasks/group/each_python_files?sort=rendered_map_index", height=960)
    browser.press("Expand all task groups")
    browser.save("clones.png")


def picture_metadata(browser: Browser, run: str) -> None:
    """Show the result and the metadata that one clone stored."""
    browser.open(f"{run}/tasks/grade/mapped/{FILES.index('two words.py')}/xcom", height=1000)
    browser.press("Expand all extra JSON")
    browser.save("metadata.png")


def picture_graph(browser: Browser, run: str) -> None:
    """Show a mapped task group, and a second one that depends on the total of the first."""
    browser.open(run, height=600)
    browser.press("Show Graph")
    browser.press("Expand all task groups")
    browser.press("Collapse Details Panel")
    browser.press("Fit View")
    browser.save("graph.png")


def write_files(directory: Path) -> None:
    """Write Python files of different lengths."""
    for number, name in enumerate(FILES, start=1):
        text = "def f():\n    pass\n" * number + "# and so on\n" * 12 * number
        (directory / name).write_text(text, encoding="utf-8")


def main() -> None:
    """Run two examples and save their screenshots."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("url", help="the address of an Airflow without login that has the examples")
    parser.add_argument("chromium", type=Path, help="the browser's executable")
    arguments = parser.parse_args()
    IMAGES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="example-") as files,
        tempfile.TemporaryDirectory() as profile,
        sync_playwright() as playwright,
        playwright.chromium.launch_persistent_context(
            profile, executable_path=arguments.chromium, args=CHROMIUM_OPTIONS
        ) as context,
    ):
        browser = Browser(context.pages[0], arguments.url)
        write_files(Path(files))
        run = browser.run("process_directory", {"path": files})
        picture_clones(browser, run)
        picture_metadata(browser, run)
        picture_graph(browser, browser.run("group_per_key"))


if __name__ == "__main__":
    main()
