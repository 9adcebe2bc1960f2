"""XTTS: a voice from reference clips, streamed token by token."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from .conditioning import Conditioning
from .tokens import Sampling, latents
from .vocoder import Windows

_TOKENS_PER_LETTER: Final = 4.0
"""About twice what slow speech takes: a model that runs on is cut off there."""
_TOKENS_PER_SIGN: Final = 14.0
_SIGNS: Final = frozenset({"zh", "ja", "ko"})
_LEAST_TOKENS: Final = 24


class Xtts:
    """One loaded model."""

    kind: Final = "xtts"

    def __init__(self, folder: Path, config: Any, device: str, torch: Any) -> None:
        """Load it. Raises whatever the library raises."""
        from torch.nn.utils import parametrize
        from TTS.tts.models.xtts import Xtts as Model

        model = Model(config)
        speakers = folder / "speakers_xtts.pth"
        model.load_checkpoint(config, checkpoint_dir=str(folder), speaker_file_path=str(speakers), eval=True)
        model.to(device)
        # Weights are worked out once instead of at every piece.
        for module in model.hifigan_decoder.waveform_decoder.modules():
            if parametrize.is_parametrized(module, "weight"):
                parametrize.remove_parametrizations(module, "weight")
        self._model = model
        self._torch = torch
        self._conditioning = Conditioning(model, torch)
        self.rate: int = model.args.output_sample_rate
        self.languages = tuple(str(item) for item in config.languages)
        self.speakers = tuple(model.speaker_manager.speaker_names) if model.speaker_manager else ()

    def speak(self, asked: dict[str, Any]) -> Iterator[Any]:
        """Samples as they come (numpy); None where only a step was done, so that others may have the next one."""
        with self._torch.inference_mode():
            conditioning, speaker = self._conditioning.of(asked)
            device = self._model.device
            how, text = self._sampling(asked), self._text(asked["text"], asked["language"])
            windows = Windows(self._model.hifigan_decoder, speaker.to(device), 1.0 / float(asked["speed"]), self._torch)
        steps = latents(self._model, text, conditioning.to(device), how, self._torch)
        made: list[Any] = []
        due = int(asked["first_tokens"])
        while True:
            # Entered anew for every step: between two of them others work in the same thread.
            with self._torch.inference_mode():
                latent = next(steps, None)
                if latent is not None:
                    made.append(latent)
                piece = windows.piece(made, last=latent is None) if latent is None or len(made) >= due else None
            if piece is not None:
                due = len(made) + int(asked["tokens"])
            yield piece if piece is not None and piece.size else None
            if latent is None:
                return

    def _text(self, text: str, language: str) -> Any:
        gpt = self._model.gpt
        ids = self._model.tokenizer.encode(text.strip().lower(), lang=language)
        if len(ids) + 2 > self._model.args.gpt_max_text_tokens:
            raise ValueError("the text is too long for this model")
        return self._torch.tensor([[gpt.start_text_token, *ids, gpt.stop_text_token]], dtype=self._torch.long, device=self._model.device)

    def _sampling(self, asked: dict[str, Any]) -> Sampling:
        config = self._model.config
        each = _TOKENS_PER_SIGN if asked["language"].split("-")[0] in _SIGNS else _TOKENS_PER_LETTER
        return Sampling(
            temperature=float(config.temperature) * float(asked["melody"]),
            top_k=int(config.top_k),
            top_p=float(config.top_p),
            repetition_penalty=float(config.repetition_penalty),
            seed=int(asked["seed"]),
            most=_LEAST_TOKENS + round(each * len(asked["text"])),
        )
