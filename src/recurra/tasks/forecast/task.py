"""N to the next H: forecast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from torch import Tensor

from recurra.report.record import Baseline
from recurra.report.sections import Section
from recurra.tasks.forecast import baselines, data
from recurra.tasks.forecast.concluding import before_conclusion, conclude
from recurra.tasks.forecast.data import ForecastData, Part
from recurra.tasks.forecast.evaluation import all_scores, no_better_than_last
from recurra.tasks.forecast.forecasting import calibrated, forecast
from recurra.tasks.forecast.model import Forecaster
from recurra.tasks.forecast.preprocessor import Preprocessor
from recurra.tasks.forecast.report import sections
from recurra.tasks.forecast.settings import ForecastSettings
from recurra.tasks.forecast.skips import thinned
from recurra.tasks.forecast.trainee import ForecastTrainee, validated
from recurra.tasks.own_inputs import OwnInput, spread_over
from recurra.tasks.sources.source import Source
from recurra.tasks.task import Dataset, Encoded, Evaluation
from recurra.topologies import forecaster

MOST_CONCLUDED = 500
"""Validation forecasts that are held against repeating the last value; a tenth of steps that follow steps."""


class ForecastTask:
    """Series ahead; see tasks.task.Task."""

    name: ClassVar[str] = "forecast"
    preprocessor = Preprocessor
    holds_out: ClassVar[bool] = False
    rows: ClassVar[str] = "windows"
    first: ClassVar[int] = 500

    def prepare(
        self, source: Source, settings: ForecastSettings, kept: Preprocessor | None = None
    ) -> Dataset[ForecastData]:
        found = data.prepare(source, settings.data, settings.network.normalise, kept)
        parts = {name: found.part(name) for name in ("train", "validation", "test")}
        train = [one.target[:end] for one, end in zip(found.encoded.panel.series, found.parts.train, strict=True)]
        return Dataset(source, settings, found, found.preprocessor, parts, train, found.facts, found.notes)

    def encode(self, source: Source, settings: ForecastSettings, preprocessor: Preprocessor) -> Encoded:
        return Encoded(data.whole(source, settings.data, preprocessor))

    def network(self, preprocessor: Preprocessor, settings: ForecastSettings) -> forecaster.Forecaster:
        made = preprocessor
        return forecaster.Forecaster(
            made.window,
            made.block,
            made.widths,
            made.levels,
            settings.network,
            by_window=made.by_window,
            by_level=made.by_level,
            gaps=made.gaps,
            drawn=forecaster.Drawn(made.drawn_units, made.drawn_steps),
        )

    def trainee(self, network: forecaster.Forecaster, dataset: Dataset[ForecastData]) -> ForecastTrainee:
        training = dataset.settings.training
        return ForecastTrainee(network, dataset.data, batch_size=training.batch_size, seed=training.seed)

    def model(
        self, network: forecaster.Forecaster, preprocessor: Preprocessor, settings: ForecastSettings
    ) -> Forecaster:
        return Forecaster(network, preprocessor, settings.data)

    def evaluate(self, model: Forecaster, part: Part, settings: ForecastSettings) -> Evaluation:
        """answers: quantiles as the values were [N, H, K, Q]"""
        quantiles, _ = calibrated(model.network, part.encoded, part.origins)
        return Evaluation(all_scores(part.encoded, part.origins, quantiles), len(part), quantiles)

    def baselines(self, dataset: Dataset[ForecastData], part: Part) -> list[Baseline]:
        return baselines.baselines(dataset.data, part)

    def trained_baselines(self, dataset: Dataset[ForecastData], part: Part, seconds: float | None) -> list[Baseline]:
        """Classical methods, which are fitted anew before each forecast."""
        return baselines.classical_baselines(part, dataset.data.preprocessor.season, seconds, dataset.notes)

    def examples(self, dataset: Dataset[ForecastData]) -> int:
        most = dataset.data.most_windows
        return min(len(dataset.data.part("train")), baselines.MOST_WINDOWS if most is None else most)

    def smaller(self, dataset: Dataset[ForecastData], count: int) -> Dataset[ForecastData]:
        """The windows that perceptrons learn from; the linear forecast is fitted already."""
        return replace(dataset, data=replace(dataset.data, most_windows=count))

    def some(self, part: Part, count: int) -> Part:
        return Part(part.encoded, thinned(part.origins, max(1, count)))

    def conclude(
        self, dataset: Dataset[ForecastData], network: forecaster.Forecaster
    ) -> tuple[dict[str, float], list[str]]:
        """The recurrent layers' share of the median; it is also looked at whether repeating the last value would do."""
        found, notes = conclude(network, dataset.data.encoded, validated(dataset.data, dataset.looked_at))
        part = dataset.parts["validation"]
        made = dataset.preprocessor
        most = MOST_CONCLUDED if made.block == made.horizon else MOST_CONCLUDED // 10
        some = Part(part.encoded, thinned(part.origins, most))
        median = made.transform.inverse(forecast(network, some.encoded, some.origins)[..., made.levels.index(0.5)])
        said = no_better_than_last(some, median)
        return found, notes + ([] if said is None else [f"on the validation part: {said[0].lower()}{said[1:]}"])

    def before_conclusion(self, weights: dict[str, Tensor], concluded: Mapping[str, float]) -> dict[str, Tensor]:
        return before_conclusion(weights, concluded)

    def own_inputs(self, dataset: Dataset[ForecastData], part: str, count: int) -> list[OwnInput]:
        """Whole series, whatever the part."""
        panel = dataset.data.encoded.panel

        def made(row: int) -> OwnInput:
            one = panel.series[row]
            return OwnInput(one.name, replace(panel, series=[one]))

        return spread_over(panel.series, count, made)

    def sections(self, dataset: Dataset[ForecastData], model: Forecaster, evaluation: Evaluation) -> list[Section]:
        """Forecasts beside what came, errors by step, what is left in them, what memory and inputs are worth."""
        found: Any = evaluation.answers
        return sections(model.network, dataset.data, dataset.held_out, found)


TASK = ForecastTask()
