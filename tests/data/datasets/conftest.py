"""A registry with a tiny set, away from the caches and data of this machine."""

from __future__ import annotations

from pathlib import Path

import pooch
import pytest
import requests
from tiny_set import CONTENTS, pinned

from recurra.data.datasets.registry import REGISTRY


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Every test has a cache of its own, no $RECURRA_DATA and, unless it asks for a server, no network."""

    def unplugged(*_: object, **__: object) -> None:
        raise requests.ConnectionError("no network in tests")

    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("RECURRA_DATA", raising=False)
    if "web" not in request.fixturenames:
        monkeypatch.setattr(pooch.HTTPDownloader, "__call__", unplugged)
    monkeypatch.setitem(REGISTRY, "tiny", pinned("http://127.0.0.1:9"))


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """$RECURRA_DATA with the set `tiny` in it; the folder of the set."""
    folder = tmp_path / "sets" / "tiny"
    folder.mkdir(parents=True)
    for label, content in CONTENTS.items():
        (folder / f"{label}.txt").write_bytes(content)
    monkeypatch.setenv("RECURRA_DATA", str(folder.parent))
    return folder
