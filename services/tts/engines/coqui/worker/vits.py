"""VITS: the voices of its training, a whole piece of text at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

_PIECE_S: Final = 0.5


class Vits:
    """One loaded model."""

    kind: Final = "vits"

    def __init__(self, folder: Path, config: Any, device: str, torch: Any) -> None:
        """Load it. Raises whatever the library raises."""
        from TTS.tts.models.vits import Vits as Model

        # Paths in a configuration are those of the machine it was trained on.
        for name, field in (("speakers.pth", "speakers_file"), ("speaker_ids.json", "speakers_file"), ("language_ids.json", "language_ids_file")):
            if (folder / name).is_file():
                setattr(config.model_args, field, str(folder / name))
                setattr(config, field, str(folder / name))
        model = Model.init_from_config(config)
        weights = next(folder / name for name in ("model.pth", "model_file.pth", "best_model.pth") if (folder / name).is_file())
        model.load_checkpoint(config, str(weights), eval=True)
        model.to(device)
        self._model = model
        self._torch = torch
        self._usual = (float(model.length_scale), float(model.inference_noise_scale))
        self.rate: int = config.audio.sample_rate
        self.speakers = tuple(model.speaker_manager.speaker_names) if model.speaker_manager else ()
        named = tuple(model.language_manager.language_names) if model.language_manager else ()
        self.languages = named or tuple(filter(None, (str(config.get("phoneme_language") or ""),)))

    def speak(self, asked: dict[str, Any]) -> Iterator[Any]:
        """Samples (numpy) in pieces of half a second, made in one step, since the model has no smaller one."""
        self._torch.manual_seed(int(asked["seed"]))
        length, noise = self._usual
        self._model.length_scale = length / float(asked["speed"])
        self._model.inference_noise_scale = min(noise * float(asked["melody"]), 1.0)
        speaker = asked.get("speaker") or (self.speakers[0] if self.speakers else None)
        language = asked["language"] if asked["language"] in self.languages and len(self.languages) > 1 else None
        with self._torch.inference_mode():
            wave = self._model.synthesize(asked["text"], speaker=speaker, language=language)["wav"]
        step = int(self.rate * _PIECE_S)
        for start in range(0, wave.size, step):
            yield wave[start : start + step]
