"""Model folders of networks that were drawn and not trained, as a run writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from recurra import model_folder
from recurra.cells.catalogue import get


def write(
    folder: Path,
    task: str,
    network: nn.Module,
    preprocessor: Any,
    settings: Any,
    setting: tuple[str, Any] | None = None,
    networks: int = 1,
    **more: Any,
) -> Path:
    """settings: of the network; setting: one of them that is written otherwise; networks: of an ensemble; more: of the
    data
    """
    config = {
        "task": task,
        "cell_fingerprint": get(settings.cell).program().fingerprint,
        "settings": {
            "network": settings.model_dump() | ({} if setting is None else dict([setting])),
            "data": {"max_length": None} | more,
            "training": {"ensemble": networks},
        },
    }
    weights = network.state_dict()
    preprocessing = {} if preprocessor is None else preprocessor.to_json()
    model_folder.write(folder, config=config, preprocessing=preprocessing, weights=weights, metrics={})
    return folder
