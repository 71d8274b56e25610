"""The page's own files, and the page as one of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from recurra.errors import UsageError
from recurra.inspector import offline, page
from recurra.inspector.inspected import Inspected
from recurra.tasks import registry
from recurra.tasks.registry import TASKS

FILES = {name: content.decode("utf-8") for name, (content, _) in page.contents().items()}
SCRIPTS = {name: text for name, text in FILES.items() if name.endswith(".js")}


def test_every_language_says_the_same() -> None:
    english, *others = page.strings().values()
    metrics = {f"metric_{metric.name}" for task in TASKS for metric in registry.get(task).metrics}
    for other in others:  # the English names of metrics stand in their tasks
        assert other.keys() == english.keys() | metrics
        for key, words in english.items():
            assert set(re.findall(r"\{\w+\}", other[key])) == set(re.findall(r"\{\w+\}", words)), key


def test_what_the_page_says_is_in_the_strings_and_all_of_them_are_said() -> None:
    said = {key for text in SCRIPTS.values() for key in re.findall(r'say\(\s*(?:\w+ \? )?"(\w+)"', text)}
    said |= set(re.findall(r'say\(text \? "\w+" : "(\w+)"', "".join(SCRIPTS.values())))
    said |= set(re.findall(r'data-s"?[=:] ?"(\w+)"', "".join(FILES.values())))
    said |= set(re.findall(r'choice\("(\w+)"', SCRIPTS["pane.js"]))
    said |= {f"head_{key}" for key in re.findall(r'\bsection\("(\w+)"', SCRIPTS["pane.js"])}
    said |= {f"task_{task}" for task in TASKS}
    assert said == set(page.strings()["en"])


def test_the_page_has_no_inline_handlers_or_addresses_elsewhere() -> None:
    for name, text in FILES.items():
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text), name
    assert not re.search(r"\son\w+=|style=|javascript:", FILES["index.html"])
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", "".join(SCRIPTS.values()))


def test_the_modules_can_stand_in_one() -> None:
    assert set(offline.MODULES) == set(SCRIPTS)
    loaded = re.findall(r'(?:modulepreload" href|src)="static/([\w.]+)"', FILES["index.html"])
    assert loaded == list(offline.MODULES)
    names = [name for text in SCRIPTS.values() for name in _top(text)]
    assert len(names) == len(set(names)), "two modules have a name in common"
    for place, name in enumerate(offline.MODULES):
        for other in re.findall(r'from "\./([\w.]+)"', SCRIPTS[name]):
            assert other in offline.MODULES[:place], f"{name} stands before {other}"
    whole = offline.script_of(FILES)
    assert not re.search(r"^(import|export)\b", whole, re.M)
    assert "</script" not in whole


def _top(text: str) -> list[str]:
    return re.findall(r"^(?:export )?(?:async )?(?:function|class|const|let) (\w+)", text, re.M)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.content = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.seen[-1:] == [("script", {"type": "application/json", "id": "content"})] and not self.content:
            self.content = data


def test_a_page_that_is_a_file_holds_all_and_loads_nothing(inspected: Callable[[str], Inspected]) -> None:
    text = "abc</script><script>alert(1)</script><b>"
    html = offline.build_page([inspected("classify")], [(text, text), ("efg", "efg")])
    tags = _Tags()
    tags.feed(html)
    assert [attributes for tag, attributes in tags.seen if tag == "script"] == [
        {"type": "application/json", "id": "content"},
        {"type": "module"},
    ]
    assert not [a for _, a in tags.seen if str(a.get("src", a.get("href", "#"))).startswith(("http", "static", "/"))]
    policy = next(a["content"] for tag, a in tags.seen if tag == "meta" and "http-equiv" in a)
    assert policy is not None
    assert re.fullmatch(r"'sha256-[\w+/=]+'", policy.split("script-src ")[1].split(";")[0])
    content = json.loads(tags.content)
    assert content["inputs"][0]["text"] == text
    assert len(content["readings"][0]) == 2


def test_more_numbers_than_a_page_holds_are_refused(
    inspected: Callable[[str], Inspected], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offline, "MOST_BYTES", 1000)
    with pytest.raises(UsageError, match="a page holds"):
        offline.build_page([inspected("language")], [("sun", "sun " * 20)])
