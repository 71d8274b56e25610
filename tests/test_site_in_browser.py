"""Built pages in a browser: what axe-core finds on them, and what they ask the network for. `pytest -m slow`.

They are those of `make docs` where they were built, else built here without executing the lessons.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.inspector import browser as real

ROOT = Path(__file__).resolve().parents[1]
BUILT = ROOT / "build" / "docs"
PAGES = [
    "index.html",
    "course/01-a-neuron-with-a-loop.html",
    "wirings/index.html",
    "wirings/language.html",
    "howto/coming-from.html",
    "inside.html",
    "reference/python.html",
    "reference/errors.html",
    "reference/generated/settings.html",
    "reference/generated/benchmarks.html",
    "explanation/architecture.html",
    "zh/index.html",
    "zh/course/07-both-directions.html",
    "zh/wirings/chinese.html",
    "zh/inside.html",
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(bool(real.why_none()), reason=real.why_none()),
    pytest.mark.skipif(not real.AXE.is_file(), reason=f"{real.AXE.name} is not there; make browser fetches it"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if all((BUILT / page).is_file() for page in PAGES):
        return BUILT
    pytest.importorskip("sphinx", reason="make docs installs it")
    built = tmp_path_factory.mktemp("site")
    sphinx = [sys.executable, "-m", "sphinx", "-q", "-D", "nb_execution_mode=off", "-b", "html"]
    for language, words in (("en", ["docs", str(built)]), ("zh", ["-c", "docs", "docs/zh", str(built / "zh")])):
        environment = {**os.environ, "RECURRA_DOCS_LANGUAGE": language}
        subprocess.run([*sphinx, *words], cwd=ROOT, env=environment, check=True, capture_output=True)
    return built


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with real.browsing() as found:
        yield found


@pytest.mark.parametrize("page", PAGES)
def test_a_page_keeps_nobody_out_and_asks_nobody(browser: Any, site: Path, page: str) -> None:
    for given in ({"color_scheme": "light"}, {"color_scheme": "dark", "viewport": {"width": 380, "height": 800}}):
        context = browser.new_context(**given)
        shown = context.new_page()
        asked: list[str] = []
        shown.on("request", lambda request, asked=asked: asked.append(request.url))
        shown.goto((site / page).as_uri())
        shown.wait_for_load_state("networkidle")
        assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
        found = real.violations(shown)
        wide = shown.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        context.close()
        assert not found, f"{page}, {given}"
        assert wide <= 0, f"{page} is {wide} pixels wider than the window, {given}"
