"""A real browser before a page: Debian's chromium, driven by playwright."""

from __future__ import annotations

import importlib.util
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recurra.inspector.application import application
from recurra.inspector.inspected import Inspected
from recurra.web import Server
from recurra.web.origins import LOCAL

ROOT = Path(__file__).parents[2]
AXE = Path(os.environ.get("RECURRA_AXE", ROOT / "build" / "axe" / "axe.min.js"))
CHROMIUM = os.environ.get("RECURRA_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or ""
TOKEN = "t" * 43


def why_none() -> str:
    """Why no page can be opened here, empty if one can."""
    if importlib.util.find_spec("playwright") is None:
        return "playwright is not installed"
    return "" if CHROMIUM else "no chromium is installed; on Debian and Ubuntu: the package chromium"


@contextmanager
def browsing() -> Iterator[Any]:
    """A browser. What it prints on a page as an error fails the test that looks at `errors` of `opened`."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def served(runs: Sequence[Inspected]) -> Iterator[str]:
    """The address of a page of runs, its token in it."""
    with Server(application(runs, token=TOKEN, hosts=LOCAL)).running() as address:
        yield f"{address}/?token={TOKEN}"


def opened(browser: Any, address: str, **context: Any) -> Any:
    """A page that has read its first input. errors: what went wrong on it"""
    page = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, "locale": "en-US"} | context).new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda line: page.errors.append(line.text) if line.type == "error" else None)
    page.goto(address)
    page.wait_for_selector(".tokens .t")
    return page


def violations(page: Any) -> list[str]:
    """What axe-core finds on it, a line each."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [f"{one['id']}: {one['help']} {[node['html'][:160] for node in one['nodes'][:3]]}" for one in found]


def until(page: Any, holds: str, seconds: float = 20.0) -> None:
    """Wait until an expression holds; playwright's own waiting would need a policy that allows eval."""
    end = time.monotonic() + seconds
    while not page.evaluate(holds):
        assert time.monotonic() < end, f"never: {holds}\n{page.errors}"
        page.wait_for_timeout(30)
