"""Log-mel energies to sound: a spectrum that has these energies, and phases that belong to it."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from recurra.tasks.sequences.sound.log_mel import FLOOR, Float32, LogMel, filters

ROUNDS = 60
"""Of the search for phases."""
MOMENTUM = 0.99
SPECTRUM_ROUNDS = 40
"""Of the search for a spectrum."""


def sound_of(frames: npt.NDArray[np.floating], sound: LogMel, *, seed: int = 0) -> Float32:
    """Samples whose log-mel energies are these, nearly. Phases start from `seed`.

    Shapes: [T, mels], nats of energy -> [N], as many as T frames have
    Source: phases: Griffin & Lim 1984, with the momentum of Perraudin et al. 2013
    """
    magnitude = spectrum(torch.from_numpy(np.asarray(frames, np.float32)), sound).sqrt()
    generator = torch.Generator().manual_seed(seed)
    turned = torch.polar(torch.ones_like(magnitude), 2 * math.pi * torch.rand(magnitude.shape, generator=generator))
    before = torch.zeros_like(turned)
    for _ in range(ROUNDS):
        made = transform(inverse(magnitude * turned, sound), sound)
        ahead = made + MOMENTUM * (made - before)
        turned, before = ahead / ahead.abs().clamp_min(1e-12), made
    return np.asarray(inverse(magnitude * turned, sound).numpy(), np.float32)


def spectrum(frames: Tensor, sound: LogMel) -> Tensor:
    """Energies at each frequency whose bands are these, none negative. Shapes: [T, mels] -> [T, size / 2 + 1]

    Source: Lee & Seung 2001, the multiplicative rule for the divergence, which does not pass over soft bands
    """
    bands = filters(sound.rate, sound.size, sound.mels)
    wanted = (frames.exp() - FLOOR).clamp_min(0)
    shares = (bands / bands.sum(1, keepdim=True).clamp_min(1e-12)).T
    found = wanted @ shares
    for _ in range(SPECTRUM_ROUNDS):
        found = found * ((wanted / (found @ bands).clamp_min(1e-20)) @ shares)
    return found


def transform(samples: Tensor, sound: LogMel) -> Tensor:
    """The Fourier transform of each frame, as `LogMel.power` squares it. [N] -> [T, size / 2 + 1]"""
    found: Tensor = torch.fft.rfft(samples.unfold(0, sound.frame, sound.hop) * sound.window, sound.size)
    return found


def inverse(turned: Tensor, sound: LogMel) -> Tensor:
    """The samples whose transform is nearest. [T, size / 2 + 1] -> [N]"""
    window = sound.window
    pieces = torch.fft.irfft(turned, sound.size)[:, : sound.frame] * window
    weights = window.square().expand_as(pieces)
    count = (len(turned) - 1) * sound.hop + sound.frame
    at = (torch.arange(len(turned)) * sound.hop).unsqueeze(1) + torch.arange(sound.frame)
    summed, weight = (torch.zeros(count).index_add_(0, at.flatten(), each.flatten()) for each in (pieces, weights))
    return summed / weight.clamp_min(1e-3 * float(weight.max()))
