"""XTTS's vocoder, piece by piece: each sample is made once, and the pieces are what the whole would have been.

The library's own stream runs the vocoder over everything so far for every piece: the sixth costs six times the first. But a sample depends on
14 frames to each side only, so a window with that much around it gives the same samples.
"""

from __future__ import annotations

import math
from typing import Any, Final

_REACH: Final = 14
"""Frames to each side that a sample depends on: kernels and dilations of the generator, added up."""


def unsure(scales: list[float]) -> int:
    """How many of the last frames may change when more latents come, after interpolations by `scales` in this order.

    Of n samples, of which the last d are unsure, k times as many are made: the new i-th lies at (i + 0.5) / k - 0.5 between two old ones and
    is sure up to the last sure one, n - d - 1. The floor(k * n) new ones therefore end in at most k * (d + 0.5) - 0.5 unsure ones, rounded up.
    """
    last = 0
    for scale in scales:
        last = math.ceil(scale * (last + 0.5) - 0.5)
    return last


class Windows:
    """The sound of one sentence under way."""

    def __init__(self, decoder: Any, speaker: Any, stretch: float, torch: Any) -> None:
        """`decoder` is the model's HifiDecoder; `stretch` lengthens speech at the same pitch."""
        self._decoder = decoder
        self._speaker = speaker
        self._torch = torch
        self._scales = [stretch, decoder.ar_mel_length_compression / decoder.output_hop_length, decoder.output_sample_rate / decoder.input_sample_rate]
        self._unsure = unsure(self._scales)
        self._given = 0

    def piece(self, latents: list[Any], *, last: bool) -> Any:
        """The samples that are certain by now and were not given yet (numpy, may be empty)."""
        frames = self._frames(self._torch.cat(latents, dim=0)[None, :])
        until = frames.shape[-1] if last else max(frames.shape[-1] - _REACH - self._unsure, self._given)
        start = max(self._given - _REACH, 0)
        if until <= self._given:
            return self._torch.zeros(0).numpy()
        wave = self._decoder.waveform_decoder(frames[..., start : until + _REACH], g=self._speaker)[0, 0]
        hop = self._decoder.output_hop_length
        made = wave[(self._given - start) * hop : (until - start) * hop]
        self._given = until
        return made.float().cpu().numpy()

    def _frames(self, latents: Any) -> Any:
        """Latents at the vocoder's pace, as the library does it."""
        frames = latents.transpose(1, 2)
        for scale in self._scales:
            if scale != 1.0:
                frames = self._torch.nn.functional.interpolate(frames, scale_factor=scale, mode="linear")
        return frames
