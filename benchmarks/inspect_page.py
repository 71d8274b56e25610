"""How long the page of `recurra inspect` takes to open and to answer a key, and how smoothly a long text scrolls.

    python benchmarks/inspect_page.py RUN [RUN2]

Needs a chromium and playwright. A key is answered when the text, the probabilities and the heat map show the new token.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import time
from typing import Any

import torch

import recurra
from recurra.inspector.application import application
from recurra.inspector.inspected import Inspected
from recurra.web import Server
from recurra.web.origins import LOCAL

TOKEN = "t" * 43
TEXT = "To be, or not to be, that is the question:\nWhether 'tis nobler in the mind to suffer\n"
LONG = 10_000

TYPED = """async () => {
  const given = document.getElementById("given");
  const times = [];
  for (let key = 0; key < 20; key++) {
    const begun = performance.now();
    given.value += "the quick brown "[key % 16];
    given.dispatchEvent(new Event("input"));
    const wanted = given.value.length;
    const done = () => {
      const here = document.querySelector(".tokens .t.here");
      const head = document.querySelector(".thoughts thead th.here");
      return here && Number(here.dataset.i) === wanted - 1 && head;
    };
    const steps = document.querySelector(".heat input[type=range]").previousElementSibling;
    const heat = () => steps.textContent.endsWith(` ${wanted}`);
    while (!done() || !heat()) await new Promise((go) => requestAnimationFrame(go));
    times.push(performance.now() - begun);
    await new Promise((go) => setTimeout(go, 60));
  }
  return times;
}"""

SCROLLED = """async () => {
  const tokens = document.querySelector(".tokens");
  const steps = document.querySelector(".heat input[type=range]");
  const frames = [];
  let last = performance.now();
  for (let frame = 0; frame < 120; frame++) {
    tokens.scrollTop = (tokens.scrollHeight * frame) / 120;
    steps.value = (Number(steps.max) * frame) / 120;
    steps.dispatchEvent(new Event("input"));
    await new Promise((go) => requestAnimationFrame(go));
    const now = performance.now();
    frames.push(now - last);
    last = now;
  }
  return frames;
}"""


def measure(runs: list[Inspected], playwright: Any) -> None:
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
    with Server(application(runs, token=TOKEN, hosts=LOCAL)).running() as address:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        opened = []
        for _ in range(4):
            for old in context.pages:
                old.close()
            page = context.new_page()
            begun = time.perf_counter()
            page.goto(f"{address}/?token={TOKEN}")
            page.wait_for_selector(".tokens .t")
            opened.append(1000 * (time.perf_counter() - begun))
            page.wait_for_timeout(1500)
        seen = context.new_cdp_session(page)
        seen.send("Performance.enable")
        parameters = sum(p.numel() for p in runs[0].run.network.parameters())
        print(f"{parameters:,} parameters")
        print(f"  opened in {opened[0]:.0f} ms at first, {statistics.median(opened[1:]):.0f} ms again")
        for length in (170, LONG):
            page.fill("#given", (TEXT * (length // len(TEXT) + 1))[:length])
            while "of" in page.locator("#state").inner_text() or str(length) not in page.locator("#state").inner_text():
                page.wait_for_timeout(50)
            before = time.process_time(), _thread_time(seen)
            times = page.evaluate(TYPED)
            server, drawn = time.process_time() - before[0], _thread_time(seen) - before[1]
            print(
                f"  a key at {length:,} characters: median {statistics.median(times):.0f} ms, most "
                f"{max(times):.0f} ms; processor time {1000 * server / len(times):.0f} ms of the server, "
                f"{1000 * drawn / len(times):.0f} of the page"
            )
        before = time.process_time(), _thread_time(seen)
        frames = page.evaluate(SCROLLED)
        drawn = _thread_time(seen) - before[1]
        mean = sum(frames) / len(frames)
        print(
            f"  scrolling {LONG:,} characters: {1000 / mean:.0f} frames a second, slowest {max(frames):.0f} ms; "
            f"processor time of a frame {1000 * drawn / len(frames):.0f} ms"
        )
        browser.close()


def _thread_time(session: Any) -> float:
    """Processor time of the page's own thread, in seconds."""
    found = session.send("Performance.getMetrics")["metrics"]
    return float(next(one["value"] for one in found if one["name"] == "ThreadTime"))


def main() -> None:
    from playwright.sync_api import sync_playwright

    torch.set_num_threads(2)
    with sync_playwright() as playwright:
        measure([Inspected(recurra.load(folder)) for folder in sys.argv[1:]], playwright)


if __name__ == "__main__":
    main()
