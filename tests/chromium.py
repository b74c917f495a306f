"""A real browser for the tests: the machine's Chromium, driven by Playwright."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser. If there is none, install Debian's package if that is allowed.

    Raises:
        RuntimeError: There is no browser, and it cannot be installed.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=_OPTIONS)
        try:
            yield browser
        finally:
            browser.close()


def find_chromium() -> str:
    """Return the path of a Chromium, installed by Debian's package manager if necessary.

    Raises:
        RuntimeError: There is no Chromium, and it cannot be installed.
    """
    if (found := _find()) is None and os.geteuid() == 0 and shutil.which("apt-get"):
        for command in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
            subprocess.run(["apt-get", "--quiet", *command], check=True, stdin=subprocess.DEVNULL)
        found = _find()
    if found is None:
        raise RuntimeError(f"the tests of the pages need a browser: install one of {', '.join(_NAMES)}")
    return found


def _find() -> str | None:
    return next((path for name in _NAMES if (path := shutil.which(name))), None)
