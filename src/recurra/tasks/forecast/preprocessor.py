"""What a forecaster learned about its data before training, as its network needs it and as it is stored."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter, ValidationError

from recurra.data.series.calendar import feature_names
from recurra.data.series.learned import MOST_AHEAD, Learned, Standard
from recurra.data.series.panel import Panel
from recurra.data.series.scaling import Transform, filled, mean_of, scale_of
from recurra.errors import DataError
from recurra.topologies.forecaster import Widths

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Preprocessor(Learned):
    """From series to what the network reads and back; see data.series.learned."""

    @property
    def input_width(self) -> int:
        """Numbers of a step that the recurrent layers read."""
        widths = self.widths
        return widths.target * (2 if self.gaps else 1) + widths.past + widths.ahead + widths.static

    @property
    def widths(self) -> Widths:
        """Columns of what the network reads."""
        dates = len(feature_names(self.cycles))
        columns = self.columns
        ahead = len(columns.future) + dates
        return Widths(len(columns.target), len(columns.past), ahead, len(columns.static), self.further)

    def to_json(self) -> dict[str, Any]:
        """What preprocessing.json holds."""
        found = asdict(self)
        later = {"by_level", "centres", "drawn_units", "drawn_steps", "further"}
        return {"kind": "series"} | {name: _lists(each) for name, each in found.items() if each or name not in later}

    @classmethod
    def from_json(cls, found: Any) -> Preprocessor:
        """What `to_json` gave. Errors: DataError for anything else"""
        if not isinstance(found, dict) or found.get("kind") != "series":
            raise DataError("this is no preprocessing of series")
        try:
            made = _STORED.validate_python({k: v for k, v in found.items() if k != "kind"})
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise DataError(f"preprocessing of series: {where}: {first['msg']}") from error
        made.check()
        return made


def _lists(value: Any) -> Any:
    """Tuples as JSON has them."""
    if isinstance(value, dict):
        return {name: _lists(each) for name, each in value.items()}
    return [_lists(each) for each in value] if isinstance(value, list | tuple) else value


_STORED = TypeAdapter(Preprocessor)


def fitted(panel: Panel, train: list[int], transform: Transform, **chosen: Any) -> Preprocessor:
    """What is learned from the training parts alone. train: of each series, where its training part ends

    chosen: what else a preprocessor holds
    """
    scales, centres, sizes, past, future = {}, {}, {}, [], []
    for series, end in zip(panel.series, train, strict=True):
        read = transform.forward(series.target[:end])
        scales[series.name], centres[series.name] = (tuple(map(float, of(read))) for of in (scale_of, mean_of))
        sizes[series.name] = tuple(map(float, scale_of(series.target[:end])))
        past.append(filled(series.past[:end]) if series.past.shape[1] else series.past[:end])
        future.append(series.future[:end])
    ahead = len(panel.columns.future)
    return Preprocessor(
        further=ahead if ahead * chosen["block"] <= MOST_AHEAD else 0,
        columns=panel.columns,
        frequency=panel.frequency,
        transform=transform,
        past=Standard.of(np.concatenate(past)),
        future=Standard.of(np.concatenate(future)),
        static=Standard.of(np.stack([s.static for s in panel.series])),
        scales=scales,
        centres=centres,
        sizes=sizes,
        **chosen,
    )
