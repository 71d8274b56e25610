"""A watched training as pictures: what it cost, how far its gradient reached, how its matrices and updates grew."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from recurra.report.svg import BLUE, SERIES, drawing, to_svg
from recurra.training.watch.flow import Flow
from recurra.training.watch.record import Series, Watched

MOST_LINES = 8


def draw_diagnosis(watched: Watched) -> str:
    """Four charts: losses and norms of all steps, the last flow of each layer, radii and updates over the looks."""
    with drawing("diagnosis"):
        figure = Figure(figsize=(760 / 72, 520 / 72), layout="constrained")
        axes = figure.subplots(2, 2)
        for each in axes.flat:
            _plain(each)
        _course(axes[0, 0], watched)
        flows = {layer.name: layer.flow for layer in watched.looks[-1].layers} if watched.looks else {}
        draw_flows(axes[0, 1], flows)
        axes[0, 1].set_title("gradient, steps back", fontsize=11)
        steps = [look.step for look in watched.looks]
        radii: dict[str, list[float]] = {}
        updates: dict[str, list[float]] = {}
        for look in watched.looks:
            for layer in look.layers:
                for gate, value in layer.radii.items():
                    radii.setdefault(f"{layer.name} {gate}", []).append(value)
            for name, value in look.updates.items():
                if value > 0 and "bias" not in name:
                    updates.setdefault(name, []).append(value)
        _lines(axes[1, 0], steps, radii, "spectral radius of R")
        _lines(axes[1, 1], steps, updates, "change in a step / weight")
        logarithmic(axes[1, 1])
        return to_svg(figure, "loss and gradient norm, gradient by steps back, spectral radii, updates over training")


def draw_training(watched: Watched) -> str:
    """How the gradient's way back changed: the flow of the layer that reaches furthest at three looks; and over all
    looks its norm and its memory."""
    looks = [look for look in watched.looks if look.layers]
    with drawing("gradient-flow"):
        figure = Figure(figsize=(760 / 72, 260 / 72), layout="constrained")
        left, right = figure.subplots(1, 2)
        for each in (left, right):
            _plain(each)
        chosen = [looks[k] for k in dict.fromkeys((0, len(looks) // 2, len(looks) - 1))] if looks else []
        draw_flows(left, {f"step {look.step:,}: {look.layers[0].name}": look.layers[0].flow for look in chosen})
        left.set_title("gradient, steps back", fontsize=11)
        right.plot(_steps(watched.norms), watched.norms.values, color=BLUE, label="gradient norm", linewidth=1.2)
        logarithmic(right)
        right.set_xlabel("step")
        names = [layer.name for layer in looks[-1].layers][:3] if looks else []
        beside = right.twinx()
        beside.spines["right"].set_visible(False)
        for color, name in zip(SERIES[1:], names, strict=False):
            found = [(look.step, layer.flow.memory) for look in looks for layer in look.layers if layer.name == name]
            steps = [step for step, _ in found]
            beside.plot(
                steps, [memory for _, memory in found], ".-", color=color, label=f"memory of {name}", linewidth=1
            )
        beside.set_ylim(bottom=0)
        beside.set_ylabel("memory, steps")
        handles = [*right.get_lines(), *beside.get_lines()]
        labels = [str(line.get_label()) for line in handles]
        right.legend(handles, labels, fontsize=9.5, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderpad=0)
        return to_svg(figure, "the gradient by steps back at three looks; its norm and memory over the training")


def draw_flows(axes: Axes, flows: Mapping[str, Flow]) -> None:
    """What arrives of the gradient, by steps back, as shares of the last step's."""
    for color, (name, flow) in zip(SERIES, list(flows.items())[:MOST_LINES], strict=False):
        norms = [max(norm, 1e-12) if math.isfinite(norm) else math.nan for norm in flow.norms]
        axes.plot(range(len(norms)), norms, color=color, label=name, linewidth=1.6)
    logarithmic(axes)
    axes.set_ylim(bottom=max(1e-12, axes.get_ylim()[0]))
    axes.set_xlabel("steps back")
    if flows:
        axes.legend(fontsize=9.5)


def _course(axes: Axes, watched: Watched) -> None:
    for series, name, color in ((watched.losses, "loss", BLUE), (watched.norms, "gradient norm", SERIES[1])):
        axes.plot(_steps(series), series.values, color=color, label=name, linewidth=1.2)
    for spike in watched.spikes:
        axes.plot([spike.step], [spike.loss], "v", color=SERIES[4], markersize=5)
    logarithmic(axes)
    axes.set_title("loss and gradient norm", fontsize=11)
    axes.set_xlabel("step")
    axes.legend(fontsize=9.5)


def _steps(series: Series) -> list[int]:
    return [series.each * (place + 1) for place in range(len(series.values))]


def _lines(axes: Axes, steps: Sequence[int], lines: Mapping[str, Sequence[float]], title: str) -> None:
    for color, (name, values) in zip(SERIES, list(lines.items())[:MOST_LINES], strict=False):
        axes.plot(steps[-len(values) :], values, color=color, label=name, linewidth=1.4, marker=".")
    axes.set_title(title, fontsize=11)
    axes.set_xlabel("step")
    if lines:
        axes.legend(fontsize=9.5)


def logarithmic(axes: Axes) -> None:
    """A logarithmic scale whose numbers are written plainly."""
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _plain(axes: Axes) -> None:
    axes.grid(axis="y")
    axes.spines["left"].set_visible(False)
