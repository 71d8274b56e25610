"""Pictures of the page of `recurra inspect` for the documentation.

    python scripts/draw_inspector.py LANGUAGE_RUN CLASSIFY_RUN [OTHER ...]

Needs a chromium and playwright. Each OTHER is a run whose page is drawn under its task's name.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import recurra
from recurra.inspector.application import application
from recurra.inspector.inspected import Inspected
from recurra.web import Server
from recurra.web.origins import LOCAL

IMAGES = Path(__file__).parents[1] / "docs" / "images"
TOKEN = "t" * 43
TEXT = "ROMEO:\nBut soft, what light through yonder window breaks?\nIt is the east, and Juliet is the sun.\n"


def draw(
    browser: Any, runs: list[str], name: str, use: Callable[[Any], None], *, part: str | None = None, **context: Any
) -> None:
    """A picture of the page, or of a part of it, after it was used."""
    with Server(application([Inspected(recurra.load(run)) for run in runs], token=TOKEN, hosts=LOCAL)).running() as at:
        size = {"viewport": {"width": 1180, "height": 1000}, "locale": "en-US"}
        page = browser.new_context(**size | context).new_page()
        page.goto(f"{at}/?token={TOKEN}")
        page.wait_for_selector(".tokens .t")
        page.wait_for_timeout(1500)
        use(page)
        page.wait_for_timeout(800)
        target = page if part is None else page.locator(part).first
        place = IMAGES / f"inspect-{name}.png"
        target.screenshot(path=place, **({"full_page": True} if part is None else {}))
        _smaller(place)


def _smaller(place: Path) -> None:
    """256 colours are enough for a page."""
    from PIL import Image

    Image.open(place).convert("RGB").quantize(256).save(place, optimize=True)


def typed(page: Any) -> None:
    page.fill("#given", TEXT)
    page.wait_for_timeout(800)


def unit(page: Any) -> None:
    typed(page)
    page.locator(".unit .buttons button").first.click()
    page.locator(".unit button").last.click()
    page.wait_for_timeout(15_000)


def erased(page: Any) -> None:
    typed(page)
    page.locator(".tokens .t").nth(20).click()
    page.wait_for_timeout(300)
    page.click("#erase")
    page.wait_for_selector(".forgetting svg")


def wrote(page: Any) -> None:
    page.fill("#given", "ROMEO:\n")
    page.wait_for_timeout(500)
    page.click(".write button.main")
    page.wait_for_timeout(6_000)
    page.locator(".written .t").nth(30).click()


def chinese(page: Any) -> None:
    typed(page)
    page.select_option("#language", "zh")


def nothing(page: Any) -> None:
    """As it opens."""


def main() -> None:
    from playwright.sync_api import sync_playwright

    language, classify, *others = sys.argv[1:]
    narrow = {"width": 420, "height": 900}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        draw(browser, [language], "language", unit)
        draw(browser, [language], "dark", typed, color_scheme="dark")
        draw(browser, [language], "erased", erased, part=".forgetting")
        draw(browser, [language], "wrote", wrote, part=".write")
        draw(browser, [language], "chinese", chinese)
        draw(browser, [classify], "hello", nothing, part=".thoughts")
        draw(browser, [classify], "narrow", nothing, viewport=narrow)
        draw(browser, [language, classify], "two", typed, viewport={"width": 1400, "height": 1000})
        for run in others:
            draw(browser, [run], recurra.load(run).task, nothing)
        browser.close()


if __name__ == "__main__":
    main()
