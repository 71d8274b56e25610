"""Sound from log-mel energies."""

from __future__ import annotations

import numpy as np
import torch

from recurra.tasks.sequences.sound.griffin_lim import inverse, sound_of, spectrum, transform
from recurra.tasks.sequences.sound.log_mel import LogMel, filters
from tests.data.sound.sines import sine


def test_the_sound_has_the_energies_that_it_was_made_of() -> None:
    sound = LogMel(8000)
    x = np.concatenate([sine(300, 0.2, seed=1), sine(900, 0.2, seed=2) + sine(2500, 0.2, level=0.1)])
    frames = sound.of(x)
    made = sound_of(frames, sound)
    assert len(made) == 80 * (len(frames) - 1) + 200
    away = np.abs(sound.of(made) - frames)
    loud = frames > np.log(frames.max()) - 5
    assert away[loud].mean() < 0.35
    assert np.array_equal(made, sound_of(frames, sound))


def test_a_transform_is_inverted() -> None:
    sound = LogMel(8000)
    x = torch.from_numpy(sine(440, 0.3))[: 80 * 20 + 200]
    torch.testing.assert_close(inverse(transform(x, sound), sound)[80:-80], x[80:-80], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(transform(x, sound).abs().square(), sound.power(x), rtol=1e-3, atol=1e-6)


def test_a_spectrum_has_the_bands_that_were_asked_for() -> None:
    sound = LogMel(8000)
    power = sound.power(torch.from_numpy(sine(700, 0.2)))
    found = spectrum(sound.bands(power), sound)
    assert (found >= 0).all()
    wanted = power @ filters(8000, sound.size, 40)
    torch.testing.assert_close(found @ filters(8000, sound.size, 40), wanted, rtol=0.2, atol=float(wanted.max()) * 0.01)


def test_one_short_frame_and_silence() -> None:
    sound = LogMel(8000, mels=12)
    assert sound_of(np.full((1, 12), np.log(1e-8)), sound).shape == (200,)
    assert np.abs(sound_of(np.full((5, 12), np.log(1e-8)), sound)).max() < 1e-3
