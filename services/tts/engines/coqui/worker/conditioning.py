"""What XTTS takes from reference clips: whose voice it is, and how it feels; kept as long as the clip stays the same."""

from __future__ import annotations

import hashlib
import io
from collections import OrderedDict
from pathlib import Path
from typing import Any, Final

_KEPT: Final = 64
_CLIP_BYTES: Final = 32 * 1024 * 1024
_CLIP_S: Final = 30
_RATE: Final = 22_050


class ClipChanged(Exception):
    """The clip is not the one that consent was given for."""


class Conditioning:
    """Latents of clips, by the clip's checksum."""

    def __init__(self, model: Any, torch: Any) -> None:
        """`model` is a loaded Xtts."""
        self._model = model
        self._torch = torch
        self._kept: OrderedDict[str, tuple[Any, Any]] = OrderedDict()

    def of(self, asked: dict[str, Any]) -> tuple[Any, Any]:
        """(latents, speaker) for a request: its neutral clip's voice, moved towards the feeling's clip by `strength`.

        The speaker is the neutral clip's for every feeling, so that the voice stays the same person's.
        """
        if asked.get("speaker"):
            # The library, too, goes by their order: published files name them differently.
            latents, speaker = self._model.speaker_manager.speakers[asked["speaker"]].values()
            return latents, speaker
        latents, speaker = self._clip(asked["neutral"])
        if asked.get("feeling"):
            felt, _ = self._clip(asked["feeling"])
            latents = latents + float(asked["strength"]) * (felt - latents)
        return latents, speaker

    def _clip(self, clip: dict[str, str]) -> tuple[Any, Any]:
        key = clip["sha256"]
        if key not in self._kept:
            with Path(clip["path"]).open("rb") as file:
                data = file.read(_CLIP_BYTES + 1)
            if hashlib.sha256(data).hexdigest() != key:
                raise ClipChanged
            self._kept[key] = self._latents(data)
        self._kept.move_to_end(key)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return self._kept[key]

    def _latents(self, data: bytes) -> tuple[Any, Any]:
        # The library reads clips through torchcodec, whose wheel needs CUDA; its two halves take samples just as well.
        import soundfile
        import torchaudio

        samples, rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True, frames=-1)
        audio = self._torch.from_numpy(samples.mean(axis=1)).unsqueeze(0)[:, : rate * _CLIP_S]
        audio = torchaudio.functional.resample(audio, rate, _RATE).clip(-1, 1).to(self._model.device)
        config = self._model.config
        length, piece = int(config.gpt_cond_len), int(config.gpt_cond_chunk_len)
        with self._torch.inference_mode():
            latents = self._model.get_gpt_cond_latents(audio, _RATE, length=length, chunk_length=piece)
            return latents, self._model.get_speaker_embedding(audio, _RATE)
