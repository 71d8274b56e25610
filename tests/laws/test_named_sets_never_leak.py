"""Parts that we make of the named data sets share no text, as the network sees it; what given parts share is told."""

from __future__ import annotations

import os
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from recurra.api.preparation import settings_for
from recurra.tasks.classify import data as classify_data
from recurra.tasks.fill import data as fill_data
from recurra.tasks.generate import data as generate_data
from recurra.tasks.sources.resolving import resolve
from recurra.tasks.tag import data as tag_data
from recurra.tasks.translate import data as translate_data
from tests.laws.seen_by_networks import seen

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(not os.environ.get("RECURRA_DATA"), reason="RECURRA_DATA is not a folder of data sets"),
]
SETS = {
    "classify": ["surnames", "names", "names_clean", "mr", "sst2", "chnsenticorp", "online_shopping"],
    "generate": ["surnames", "names", "nottingham"],
    "fill": ["ptb", "tinyshakespeare", "online_shopping"],
    "translate": ["multi30k", "eng_fra"],
    "tag": ["ud_english_ewt", "ud_chinese_gsdsimp", "atis", "resume_ner"],
}
READINGS: dict[str, dict[str, Any]] = {
    "as they are": {},
    "normalised": {"normalize": ("nfkc", "lowercase")},
    "few words": {"max_vocabulary": 300},
    "cut": {"max_length": 12},
}
READERS = {
    "classify": classify_data.prepare,
    "generate": generate_data.prepare,
    "fill": fill_data.prepare,
    "translate": translate_data.prepare,
    "tag": tag_data.prepare,
}


@pytest.mark.parametrize("reading", list(READINGS))
@pytest.mark.parametrize(("task", "name"), [(task, name) for task, names in SETS.items() for name in names])
def test_a_named_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str, name: str, reading: str) -> None:
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path))
    source = resolve(name, task)
    settings = settings_for(source, READINGS[reading])
    data = READERS[task](source, settings.data, seed=settings.training.seed)  # type: ignore[operator]
    parts = seen(task, data, settings.data.max_length)
    given = {key.partition(".")[0] for key in source.files}
    counts = {}
    for a, b in combinations(("train", "validation", "test"), 2):
        both = len(parts[a] & parts[b])
        if {a, b} <= given:
            counts[a, b] = both
        else:
            assert not both, f"{both} texts stand in {a} and {b}"
    told = "\n".join(data.notes)
    for (a, b), both in counts.items():
        if task != "translate":  # which tells of pairs, not of distinct sentences
            found = re.findall(rf"(?m)^([\d,]+) texts? stands? in both {a} and {b}|in both {a} and {b}: ([\d,]+)", told)
            assert [int("".join(one).replace(",", "")) for one in found] == ([both] if both else []), told
        else:
            assert bool(both) == bool(re.search(f"of the {b} part|in both {a} and {b}", told)), told
