"""What Fabric says of itself is not shown."""

from __future__ import annotations

import logging

import pytest
from lightning_fabric import Fabric

from recurra.training.processes.alone import Processes


def test_only_recurra_tells_what_is_computed_with(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = logging.getLogger("lightning_fabric.utilities.rank_zero")
    monkeypatch.setattr(logging.getLogger("lightning_fabric"), "propagate", True)
    with caplog.at_level(logging.INFO, log.name):
        Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")
        assert "bfloat16" in caplog.text, "Fabric says it by itself"
        caplog.clear()
        Processes().fabric("cpu", "bf16-mixed")
        assert caplog.text == ""
        assert log.level == logging.INFO
