"""Recordings as the report shows them: what is heard over time, labels above it, and the sound itself."""

from __future__ import annotations

import base64
import io
import math
import wave
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from recurra.data.frames.sequences import Frames
from recurra.data.sound.recording import Samples
from recurra.report.sections import Picture
from recurra.report.svg import chart, drawing, to_svg
from recurra.tasks.sequences.label_bars import draw_bars
from recurra.tasks.sequences.sound.log_mel import LogMel, centres

Int64 = npt.NDArray[np.int64]
MOST_BYTES = 400_000
"""Of a recording that a page plays: 25 s at 8,000 samples a second. Longer ones are seen, not heard."""
MOST_COLUMNS = 720
"""Of a picture; of longer recordings the mean of several frames."""
RANGE = 0.05
"""Share of the softest energies that are drawn as nothing."""
HERTZ = (16000, 8000, 4000, 2000, 1000, 500, 250, 125)
"""Named beside the bands, where there is room."""
APART = 0.1
"""Of the height, between two names."""
INK = "#3f86d8"
"""Between the blues of a light and of a dark page: pixels do not follow it."""


def of_recording(one: Frames, sound: LogMel, title: str, name: str) -> Picture:
    """The energies of a recording in bands over time, and the recording."""
    text = f"{title}: its energies in {sound.mels} bands over {len(one) * sound.seconds:.2f} s"
    with drawing(name):
        figure, axes = chart(400, 200)
        axes.grid(visible=False)
        _spectrogram(axes, one, sound)
        _seconds(axes, one, sound)
        return Picture(title, to_svg(figure, text), text, audio=playable(one.samples, sound.rate))


def of_events(
    one: Frames, sound: LogMel, true: Int64, predicted: Int64, classes: Sequence[str], title: str, name: str
) -> Picture:
    """Labels of the frames of a recording, the true ones above the predicted ones, its energies under them."""
    text = f"{title}; the labels of its frames, the true ones above the predicted ones, and its energies"
    with drawing(name):
        figure = Figure(figsize=(440 / 72, 260 / 72), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1, 3))
        draw_bars(figure, above, true, predicted, classes)
        _spectrogram(below, one, sound)
        below.spines["left"].set_visible(False)
        _seconds(below, one, sound)
        return Picture(title, to_svg(figure, text), text, audio=playable(one.samples, sound.rate))


def playable(samples: Samples | None, rate: int) -> str:
    """A WAV of 16 bits as a data URI; empty for one that is over MOST_BYTES."""
    if samples is None or 2 * len(samples) > MOST_BYTES:
        return ""
    loudest = max(1.0, float(np.abs(samples).max(initial=0.0)))
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.round(samples / loudest * 32767).astype("<i2").tobytes())
    return f"data:audio/wav;base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"


def _spectrogram(axes: Any, one: Frames, sound: LogMel) -> None:
    """The louder, the more of one colour, so that it is read on light and on dark."""
    step = -(-len(one) // MOST_COLUMNS)
    values = np.stack([one.values[k : k + step].mean(0) for k in range(0, len(one), step)])
    low, high = np.quantile(values, RANGE), values.max()
    pixels = np.empty((sound.mels, len(values), 4))
    pixels[..., :3] = to_rgb(INK)
    pixels[..., 3] = np.clip((values.T - low) / max(high - low, 1e-9), 0, 1)
    axes.imshow(
        pixels,
        origin="lower",
        aspect="auto",
        interpolation="none",
        extent=(0, len(values) * step, -0.5, sound.mels - 0.5),
    )
    own = centres(sound.rate, sound.mels)
    shown: list[int] = []
    for hertz in (each for each in HERTZ if own[0] <= each <= own[-1]):
        place, before = (
            float(np.interp(each, own, np.arange(sound.mels))) for each in (hertz, shown[-1] if shown else 0)
        )
        if not shown or before - place > APART * sound.mels:
            shown.append(hertz)
    labels = [f"{hertz // 1000} kHz" if hertz >= 1000 else f"{hertz} Hz" for hertz in shown]
    axes.set_yticks(np.interp(shown, own, np.arange(sound.mels)), labels)


def _seconds(axes: Any, one: Frames, sound: LogMel) -> None:
    """Times in place of numbers of frames."""
    whole = len(one) * sound.seconds
    step = 10 ** math.floor(math.log10(max(whole, 1e-3)))
    step = next(each for each in (step / 5, step / 2, step, 2 * step) if whole / each <= 8)
    at = np.arange(0, whole + 1e-9, step)
    axes.set_xticks(at / sound.seconds, [f"{second:g}" for second in at.round(6)])
    axes.set_xlim(0, len(one))
    axes.set_xlabel("seconds")
