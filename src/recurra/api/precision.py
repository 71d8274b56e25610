"""In which arithmetic products are computed: float32, or bfloat16 where that is faster and as good."""

from __future__ import annotations

import time

import torch

from recurra.api.preparation import engine_of, on_cuda
from recurra.engines.native import library
from recurra.layers.stack import Stack
from recurra.tasks.settings import AnySettings

LAYER, ROWS, STEPS, REPEATS = 256, 32, 16, 3
"""Of what is timed: an LSTM of so many units, rows and steps, the fastest of some."""

FEWEST = 48
"""Units from which on bfloat16 is worth its roundings: layers take 0.6 to 0.7 of their time in float32
then, 0.84 and more below, where a forecast of 144 months was worse by 1.3 % (benchmarks/precision.py)."""


def why_float32(settings: AnySettings) -> str | None:
    """Why products are not computed in bfloat16 unless that is asked for; None if they are."""
    if on_cuda(settings.training.device):
        supported = torch.cuda.is_bf16_supported(including_emulation=False)
        if not supported:
            return "no bfloat16 on this device"
    elif engine_of(settings.network) != "native":
        return "the native engine does not run this network"
    elif not library.load().bf16_in_hardware:
        return "no bfloat16 on this processor"
    return f"fewer than {FEWEST} units gain little by bfloat16" if settings.network.hidden_size < FEWEST else None


def settled(settings: AnySettings) -> AnySettings:
    """The settings of a new run: `auto` becomes bf16 where nothing says why not, and stands for float32 elsewhere.

    So a run goes on in its own arithmetic wherever it is resumed.
    """
    if settings.training.precision != "auto" or why_float32(settings) is not None:
        return settings
    return settings.changed(precision="bf16")


def products(settings: AnySettings) -> str:
    """What is said of it where a run is introduced."""
    asked = settings.training.precision
    if asked == "bf16":
        return "bfloat16"
    why = why_float32(settings) if asked == "auto" else None
    return "float32" + (f" ({why})" if why is not None else "")


def about_bf16(settings: AnySettings) -> list[str]:
    """What is said of bfloat16 that somebody asked for and that is slower here: measured on one layer."""
    if settings.training.precision != "bf16" or on_cuda(settings.training.device):
        return []
    plain, half = (_seconds(enabled) for enabled in (False, True))
    if half <= plain:
        return []
    why = why_float32(settings)
    return [
        f"--precision bf16 is slower here{'' if why is None else f' ({why})'}: a step of an LSTM of {LAYER} units, "
        f"{ROWS} rows of {STEPS}, takes {1e3 * half:.1f} ms and {1e3 * plain:.1f} ms in float32; leave --precision out"
    ]


def _seconds(enabled: bool) -> float:
    """Forward and backward of the layer, under bfloat16 or not; random numbers are left as they are."""
    with torch.random.fork_rng([]):
        layer, x = Stack(LAYER, LAYER, cell="lstm"), torch.randn(ROWS, STEPS, LAYER)
    times = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            y, _ = layer(x)
        y.float().sum().backward()
        times.append(time.perf_counter() - begun)
    return min(times)
