"""Products of bfloat16 are taken where the hardware has them, and what is slower is said with figures."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

import recurra
from recurra.api import precision
from recurra.api.precision import FEWEST, about_bf16, products, settled
from recurra.engines.native import library
from recurra.tasks import registry


def settings(**given: Any) -> Any:
    return registry.get("classify").defaults.settings.changed(device="cpu", **given)


@pytest.fixture(params=[True, False], ids=["in hardware", "emulated"])
def hardware(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    if library.why_missing() is not None:
        pytest.skip("needs the native engine")
    found = dataclasses.replace(library.load(), bf16_in_hardware=request.param)
    monkeypatch.setattr(library, "load", lambda: found)
    return bool(request.param)


def test_auto_takes_what_the_hardware_has(hardware: bool) -> None:
    assert settings().training.precision == "auto"
    chosen = settled(settings())
    assert chosen.training.precision == ("bf16" if hardware else "auto")
    expected = "bfloat16" if hardware else "float32 (no bfloat16 on this processor)"
    assert products(chosen) == expected
    assert settled(settings(engine="reference")).training.precision == "auto"
    assert products(settings(engine="reference")).endswith("(the native engine does not run this network)")


def test_few_units_stay_in_float32_unless_bfloat16_is_asked_for(hardware: bool) -> None:
    few, enough = (settings(hidden_size=FEWEST + more) for more in (-1, 0))
    assert settled(few).training.precision == "auto"
    assert settled(enough).training.precision == ("bf16" if hardware else "auto")
    if hardware:
        assert products(few) == "float32 (fewer than 48 units gain little by bfloat16)"
    assert settled(few.changed(precision="bf16")).training.precision == "bf16"
    assert settled(registry.get("forecast").defaults.settings.changed(device="cpu")).training.precision == "auto"


@pytest.mark.parametrize("asked", ["32", "bf16"])
def test_what_is_asked_for_is_kept(hardware: bool, asked: str) -> None:
    assert settled(settings(precision=asked)).training.precision == asked


def test_on_cuda_it_is_what_the_device_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "on_cuda", lambda device: True)
    for there in (True, False):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation, there=there: there)
        assert settled(settings()).training.precision == ("bf16" if there else "auto")


@pytest.mark.parametrize(("plain", "half"), [(0.004, 0.002), (0.002, 0.005)])
def test_slower_products_are_said_with_both_times(plain: float, half: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_seconds", lambda enabled: half if enabled else plain)
    assert about_bf16(settings(precision="32")) == about_bf16(settings()) == []
    notes = about_bf16(settings(precision="bf16"))
    assert bool(notes) == (half > plain)
    assert all("takes 5.0 ms and 2.0 ms in float32" in note for note in notes)


def test_a_run_says_in_one_line_what_it_computes_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data.csv").write_text(
        "text,label\n" + "".join(f"{'ab' if i % 2 else 'cd'}{i},{i % 2}\n" for i in range(40))
    )
    monkeypatch.setattr("recurra.api.training_run.build_report", lambda record: "<html></html>")
    given: dict[str, Any] = {"hidden_size": 4, "embedding_size": 4, "epochs": 0.5, "baselines": "none", "threads": 1}
    run = recurra.train(tmp_path / "data.csv", out=tmp_path / "run", engine="reference", device="cpu", **given)
    assert "; float32 (the native engine does not run this network)" in capsys.readouterr().err
    assert run.settings.training.precision == "auto"
