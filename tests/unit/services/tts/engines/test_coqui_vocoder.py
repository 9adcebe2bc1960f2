"""XTTS's sound piece by piece: the same as made at once, at every pace. Arrays stand for tensors, and a sum over its reach for the generator."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any, Final

import numpy as np
import pytest

from services.tts.engines.coqui.worker.vocoder import _REACH, Windows

WIDTH: Final = 3
LATENTS: Final = 61
PACES: Final = (0.4, 0.76, 1.0, 1.04, 1.3, 1.316, 1.9, 2.0, 3.1, 5.0, 12.5)
"""Down to the slowest voice that is weary and low at the same time."""


class Tensor(np.ndarray[Any, np.dtype[np.float64]]):
    """As much of torch's as the windows touch."""

    def transpose(self, one: int, two: int) -> Tensor:  # type: ignore[override]
        """Two axes change places."""
        return self.swapaxes(one, two)

    def float(self) -> Tensor:
        """As it is."""
        return self

    def cpu(self) -> Tensor:
        """It is there."""
        return self

    def numpy(self) -> Tensor:
        """It is one."""
        return self


def _interpolate(frames: Any, *, scale_factor: float, mode: str) -> Any:
    """As torch does it: positions between the middles of samples, held at both ends."""
    assert mode == "linear"
    count = frames.shape[-1]
    places = (np.arange(math.floor(count * scale_factor)) + 0.5) / scale_factor - 0.5
    return np.apply_along_axis(lambda row: np.interp(places, np.arange(count), row), -1, frames).view(Tensor)


class Decoder:
    """XTTS's figures, one sample a frame; a sample is the sum of the frames around it."""

    ar_mel_length_compression, output_hop_length = 1024, 256
    input_sample_rate, output_sample_rate = 22_050, 24_000

    def waveform_decoder(self, frames: Any, g: Any) -> Any:
        """One channel."""
        heard = np.pad(frames[0].sum(axis=0), _REACH)
        return np.convolve(heard, np.arange(1, 2 * _REACH + 2), mode="valid").repeat(self.output_hop_length)[None, None].view(Tensor)


TORCH: Final = SimpleNamespace(
    cat=lambda parts, dim: np.concatenate(parts, axis=dim).view(Tensor),
    zeros=lambda count: np.zeros(count).view(Tensor),
    nn=SimpleNamespace(functional=SimpleNamespace(interpolate=_interpolate)),
)


def _pieces(latents: list[Any], stretch: float, ends: list[int]) -> list[Any]:
    windows = Windows(Decoder(), None, stretch, TORCH)
    return [windows.piece(latents[:end], last=end == len(latents)) for end in ends]


@pytest.mark.parametrize("stretch", PACES)
def test_pieces_are_what_the_whole_is(stretch: float) -> None:
    """Wherever they end, slowly and quickly spoken: no sample is made from frames that are other ones later."""
    latents = list(np.random.default_rng(5).standard_normal((LATENTS, 1, WIDTH)))
    (whole,) = _pieces(latents, stretch, [LATENTS])
    for first in range(12, 20):
        pieces = _pieces(latents, stretch, [*range(first, LATENTS, 9), LATENTS])
        joined = np.concatenate(pieces)
        assert whole.size == joined.size > 0
        assert np.abs(joined - whole).max() < 1e-6
        assert sum(piece.size > 0 for piece in pieces) > 2
