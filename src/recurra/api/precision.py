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


def why_float32(settings: AnySettings) -> str | None:
    """Why products are not computed in bfloat16 unless that is asked for; None if they are."""
    if on_cuda(settings.training.device):
        supported = torch.cuda.is_bf16_supported(including_emulation=False)
        return None if supported else "no bfloat16 on this device"
    if engine_of(settings.network) != "native":
        return "the native engine does not run this network"
    if not library.load().bf16_in_hardware:
        return "no bfloat16 on this processor"
    return None


def settled(settings: AnySettings) -> AnySettings:
    """The settings of a new run: `auto` becomes bf16 where that is in the hardware, and stands for float32 elsewhere,
    so that a run goes on in its own arithmetic wherever it is resumed."""
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
