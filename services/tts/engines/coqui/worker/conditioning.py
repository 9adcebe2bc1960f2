"""What XTTS takes from reference clips: whose voice it is, and how it feels; kept as long as the clip is there and stays the same."""

from __future__ import annotations

import hashlib
import io
import os
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_KEPT: Final = 64
_CLIP_BYTES: Final = 32 * 1024 * 1024
_CLIP_S: Final = 30
_RATE: Final = 22_050


class ClipChanged(Exception):
    """The clip is not the one that consent was given for."""


@dataclass(frozen=True)
class Kept:
    """What was taken from a clip."""

    sha256: str
    stamp: tuple[int, ...]
    """The file that it was taken from."""
    latents: tuple[Any, Any]


class Conditioning:
    """Latents of clips, by the clip's path."""

    def __init__(self, model: Any, torch: Any) -> None:
        """`model` is a loaded Xtts."""
        self._model = model
        self._torch = torch
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def of(self, asked: dict[str, Any]) -> tuple[Any, Any]:
        """(latents, speaker) for a request: its neutral clip's voice, moved towards the feeling's clip by `strength`.

        The speaker is the neutral clip's for every feeling, so that the voice stays the same person's.
        """
        self._forget()
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
        path = clip["path"]
        if path not in self._kept or self._kept[path].sha256 != clip["sha256"]:
            with Path(path).open("rb") as file:
                data, stamp = file.read(_CLIP_BYTES + 1), _stamp(os.fstat(file.fileno()))
            if hashlib.sha256(data).hexdigest() != clip["sha256"]:
                raise ClipChanged
            self._kept[path] = Kept(clip["sha256"], stamp, self._latents(data))
        self._kept.move_to_end(path)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return self._kept[path].latents

    def _forget(self) -> None:
        """Whose clip is gone or another one by now withdrew their consent."""
        for path in [path for path, kept in self._kept.items() if _stamp_of(path) != kept.stamp]:
            del self._kept[path]

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


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _stamp_of(path: str) -> tuple[int, ...]:
    try:
        return _stamp(Path(path).stat())
    except OSError:
        return ()
