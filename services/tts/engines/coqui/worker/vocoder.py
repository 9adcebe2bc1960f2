"""XTTS's vocoder, piece by piece: each sample is made once, and the pieces are what the whole would have been.

The library's own stream runs the vocoder over everything so far for every piece: the sixth costs six times the first. But a sample depends on
14 frames to each side only, so a window with that much around it gives the same samples.
"""

from __future__ import annotations

from typing import Any, Final

_REACH: Final = 14
"""Frames to each side that a sample depends on: kernels and dilations of the generator, added up."""
_UNSURE: Final = 3
"""The last frames change when more latents come, since they are interpolated between them."""


class Windows:
    """The sound of one sentence under way."""

    def __init__(self, decoder: Any, speaker: Any, stretch: float, torch: Any) -> None:
        """`decoder` is the model's HifiDecoder; `stretch` lengthens speech at the same pitch."""
        self._decoder = decoder
        self._speaker = speaker
        self._stretch = stretch
        self._torch = torch
        self._given = 0

    def piece(self, latents: list[Any], *, last: bool) -> Any:
        """The samples that are certain by now and were not given yet (numpy, may be empty)."""
        frames = self._frames(self._torch.cat(latents, dim=0)[None, :])
        until = frames.shape[-1] if last else max(frames.shape[-1] - _REACH - _UNSURE, self._given)
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
        interpolate = self._torch.nn.functional.interpolate
        frames = latents.transpose(1, 2)
        if self._stretch != 1.0:
            frames = interpolate(frames, scale_factor=self._stretch, mode="linear")
        decoder = self._decoder
        frames = interpolate(frames, scale_factor=decoder.ar_mel_length_compression / decoder.output_hop_length, mode="linear")
        if decoder.output_sample_rate != decoder.input_sample_rate:
            frames = interpolate(frames, scale_factor=decoder.output_sample_rate / decoder.input_sample_rate, mode="linear")
        return frames
