"""The page in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import recurra
from recurra.inspector.inspected import Inspected
from tests.inspector import browser as real
from tests.laws.tasks.tiny_tasks import MARKUP

WHY_NONE = real.why_none()
pytestmark = pytest.mark.skipif(bool(WHY_NONE), reason=WHY_NONE)
needs_axe = pytest.mark.skipif(not real.AXE.is_file(), reason=f"{real.AXE.name} is not there; make browser fetches it")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with real.browsing() as found:
        yield found


@pytest.fixture(scope="module")
def address(runs: dict[str, recurra.Run], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a page of a language model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECURRA_CACHE", str(tmp_path_factory.mktemp("cache")))
        with real.served([Inspected(runs["language"])]) as found:
            yield found


def test_a_text_is_typed_and_looked_into(browser: Any, address: str) -> None:
    """One page, as somebody uses it: slow to open, so that all is on one."""
    page = real.opened(browser, address)
    real.until(page, "document.querySelectorAll('#inputs option').length > 1")
    assert page.locator("#given").input_value()  # the first of the run's own data

    page.fill("#given", "sun moon rose")
    real.until(page, "document.querySelectorAll('.tokens .t').length === 13")
    real.until(page, "document.querySelectorAll('.thoughts tbody td .chance').length >= 10")
    page.locator("#given").press("End")
    page.keyboard.type("s")
    real.until(page, "document.querySelectorAll('.tokens .t').length === 14")
    assert "Step 14 of 14: s" in page.locator(".text .quiet").inner_text()

    box = page.locator(".heat canvas").bounding_box()
    page.mouse.click(box["x"] + 42 + 3 * 28 + 14, box["y"] + 18 + 10)  # the second unit of the first value, at step 4
    real.until(page, "document.querySelector('.unit input').value === '1'")
    assert "Step 4 of 14: ␣" in page.locator(".text .quiet").inner_text()
    assert page.locator(".text select").nth(1).input_value() == "unit"
    real.until(page, "[...document.querySelectorAll('.tokens .t')].filter((t) => t.style.backgroundColor).length > 5")
    real.until(page, "document.querySelector('.equations tr.here code').textContent.startsWith('i[t] =')")

    page.locator(".tokens").focus()
    page.keyboard.press("ArrowRight")
    assert "Step 5 of 14: m" in page.locator(".text .quiet").inner_text()
    page.locator(".heat > div > .heat, .heat .heat").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("n")
    real.until(page, "document.querySelector('.unit input').value === '2'")
    real.until(page, "document.querySelector('.equations tr.here code').textContent.startsWith('f[t] =')")

    page.click("#erase")
    page.wait_for_selector(".forgetting svg")
    assert page.locator("#given").input_value() == "sun oon roses"
    assert "stack.l0" in page.locator(".forgetting .legend").inner_text()
    page.click("#stop-comparing")
    assert not page.locator(".forgetting svg").is_visible()

    page.fill(".write input[type=number] >> nth=1", "12")
    page.click(".write button.main")
    real.until(page, "document.querySelectorAll('.written .t').length === 12")
    first = page.locator(".written .t").all_text_contents()
    page.locator(".written .t").nth(4).click()
    choice = page.locator(".write .buttons button").nth(6)
    wanted = (choice.text_content() or "").split(" ")[0]
    choice.click()
    real.until(page, "document.querySelectorAll('.written .t').length === 12")
    after = page.locator(".written .t").all_text_contents()
    assert after[:4] == first[:4]
    assert after[4].replace(" ", "␣").replace("\n", "⏎")[:1] == wanted[:1]

    page.click("summary")
    page.wait_for_selector("details svg")
    if real.AXE.is_file():
        assert not real.violations(page)
    page.select_option("#language", "zh")
    real.until(page, "document.getElementById('input-head').textContent === '读入的内容'")
    assert page.locator('#inputs option[value=""]').text_content() == "手动输入"
    assert "语言模型 · " in page.locator(".pane > header p").inner_text()
    assert "每字符 nats" in page.locator(".pane > header p").inner_text()
    page.select_option("#theme", "dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 27)"
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    if real.AXE.is_file():
        assert not real.violations(page)
    assert page.errors == []


@needs_axe
@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("task", ["classify", "tag", "fill", "translate", "generate", "forecast", "frames", "caption"])
def test_the_page_of_every_kind_of_task(
    browser: Any, inspected: Callable[[str], Inspected], task: str, scheme: str
) -> None:
    with real.served([inspected(task)]) as address:
        page = real.opened(browser, address, color_scheme=scheme)
        page.wait_for_timeout(500)
        assert page.locator(".heat canvas").is_visible()
        assert not real.violations(page)
        assert page.errors == []


@pytest.mark.slow
def test_two_runs_stand_side_by_side(browser: Any, inspected: Callable[[str], Inspected]) -> None:
    with real.served([inspected("language"), inspected("classify")]) as address:
        page = real.opened(browser, address)
        page.fill("#given", "abcabc")
        real.until(
            page, "[...document.querySelectorAll('.pane')].every((p) => p.querySelectorAll('.tokens .t').length === 6)"
        )
        first, second = (page.locator(".pane").nth(place).bounding_box() for place in (0, 1))
        assert first["x"] + first["width"] <= second["x"]
        page.set_viewport_size({"width": 500, "height": 800})
        first, second = (page.locator(".pane").nth(place).bounding_box() for place in (0, 1))
        assert first["y"] + first["height"] <= second["y"]
        assert page.errors == []


@pytest.mark.slow
def test_a_page_that_is_a_file_opens_without_a_server(
    browser: Any, inspected: Callable[[str], Inspected], tmp_path: Path
) -> None:
    from recurra.inspector.offline import build_page

    text = f"abc{MARKUP}</script><script>window.hacked = 1</script>"
    path = tmp_path / "page.html"
    path.write_text(build_page([inspected("classify")], [(text, text), ("efg", "efg")]), encoding="utf-8")
    page = real.opened(browser, path.as_uri())
    page.select_option("#inputs", "0")
    real.until(page, "document.querySelector('.tokens').textContent.includes('</script>')")
    assert page.evaluate("window.hacked") is None
    assert MARKUP in page.locator(".ranked").inner_text()
    page.select_option("#inputs", "1")
    real.until(page, "document.querySelectorAll('.tokens .t').length === 3")
    page.locator(".tokens .t").nth(1).click()
    page.wait_for_selector(".equations td.n")
    assert not page.locator("#erase").is_visible()
    if real.AXE.is_file():
        assert not real.violations(page)
    assert page.errors == []


@pytest.mark.slow
def test_ten_thousand_characters_stay_smooth(browser: Any, address: str) -> None:
    """Of 10,000 tokens a screen is there; how fast is measured by benchmarks/inspect_page.py."""
    page = real.opened(browser, address)
    page.fill("#given", "sun moon rose nose " * 526)
    real.until(
        page, "!document.querySelector('.unread') && document.querySelector('#state').textContent === '9994 steps'"
    )
    assert page.locator(".tokens .t").count() < 4000
    page.locator(".tokens").focus()
    page.keyboard.press("Home")
    page.keyboard.press("End")
    assert "Step 9994 of 9994" in page.locator(".text .quiet").inner_text()
    assert page.locator(".tokens .t.here").is_visible()


@pytest.mark.slow
def test_a_file_of_ones_own_is_chosen(browser: Any, inspected: Callable[[str], Inspected]) -> None:
    rows = "".join(f"{one},{step / 4},{-step / 3}\n" for one in ("first", "second") for step in range(7))
    with real.served([inspected("frames")]) as address:
        page = real.opened(browser, address)
        given = {"name": "own.csv", "mimeType": "text/csv", "buffer": f"id,x,y\n{rows}".encode()}
        page.set_input_files("#file", given)
        real.until(page, "document.querySelectorAll('.tokens .t').length === 7")
        assert page.locator("#inputs option:checked").inner_text() == "own.csv: first"
        page.set_input_files("#file", given | {"buffer": b"id,x\n1,2\n"})
        real.until(page, "!document.getElementById('problem').hidden")
        if real.AXE.is_file():
            assert not real.violations(page)
        assert all("400" in error for error in page.errors)
