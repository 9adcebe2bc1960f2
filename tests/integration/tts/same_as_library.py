"""Runs in the environment of `make coqui`: how far the worker's tokens and samples are from those of the library's own stream, as JSON.

`<coqui python> same_as_library.py ENGINE_FOLDER MODEL_FOLDER`.
"""

from __future__ import annotations

import importlib
import json
import sys
from itertools import islice
from pathlib import Path
from typing import Any

TOKENS = 30
ENDS = (12, 20, TOKENS)
"""How many there are when a piece is made."""
STRETCHES = (1.0, 1.3)
"""At the model's pace, and slower."""
TEXT = "good evening."


def main(engine: str, folder: str) -> None:
    """Compare, always with the likeliest token, since chance differs."""
    sys.path.insert(0, engine)
    torch = importlib.import_module("worker.libraries").ready("cpu", 1)
    tokens, vocoder, xtts = (importlib.import_module(f"worker.{name}") for name in ("tokens", "vocoder", "xtts"))
    from TTS.config import load_config

    voice = xtts.Xtts(Path(folder), load_config(str(Path(folder, "config.json"))), "cpu", torch)
    model: Any = voice._model
    torch.manual_seed(1)
    hum = torch.randn(1, 22_050 * 3) * 0.1
    with torch.inference_mode():
        latents, speaker = model.get_gpt_cond_latents(hum, 22_050, length=6, chunk_length=6), model.get_speaker_embedding(hum, 22_050)
        ids = torch.IntTensor(model.tokenizer.encode(TEXT, lang="en")).unsqueeze(0)
        theirs = model.gpt.get_generator(
            fake_inputs=model.gpt.compute_embeddings(latents, ids),
            do_sample=True,
            top_k=1,
            top_p=0.85,
            temperature=0.75,
            num_beams=1,
            num_return_sequences=1,
            length_penalty=1.0,
            repetition_penalty=10.0,
            output_attentions=False,
            output_hidden_states=True,
            return_dict_in_generate=True,
        )
        library = [latent for _, latent in islice(theirs, TOKENS)]
        greedy = tokens.Sampling(temperature=0.0, top_k=50, top_p=0.85, repetition_penalty=10.0, seed=0, most=TOKENS)
        worker = list(tokens.latents(model, voice._text(TEXT, "en"), latents, greedy, torch))
        sounds = {}
        for stretch in STRETCHES:
            windows = vocoder.Windows(model.hifigan_decoder, speaker, stretch, torch)
            pieces = [windows.piece(worker[:count], last=count == TOKENS) for count in ENDS]
            whole = _whole(model, torch.cat(library)[None], speaker, stretch, torch)
            sounds[str(stretch)] = _compared(whole, pieces, torch) | {"frames": _changed(windows, worker, torch)}
    differs = max(float((one - two).abs().max()) for one, two in zip(library, worker, strict=True))
    sys.stdout.write(json.dumps({"latents": differs, "sounds": sounds}) + "\n")


def _whole(model: Any, latents: Any, speaker: Any, stretch: float, torch: Any) -> Any:
    """As the library does it for a `speed` of 1 / stretch."""
    if stretch != 1.0:
        latents = torch.nn.functional.interpolate(latents.transpose(1, 2), scale_factor=stretch, mode="linear").transpose(1, 2)
    return model.hifigan_decoder(latents, g=speaker)[0, 0].numpy()


def _compared(whole: Any, pieces: list[Any], torch: Any) -> dict[str, Any]:
    joined = torch.cat([torch.from_numpy(piece) for piece in pieces]).numpy()
    sizes = [joined.size, whole.size]
    least = min(sizes)
    return {"samples": float(abs(joined[:least] - whole[:least]).max()), "level": float(abs(whole).max()), "sizes": sizes}


def _changed(windows: Any, latents: list[Any], torch: Any) -> float:
    """How far frames that count as sure are from what they are at last; of untrained weights little of that is heard at the end of the reach."""
    made = [windows._frames(torch.cat(latents[:end], dim=0)[None]) for end in ENDS]
    sure = [frames[..., : frames.shape[-1] - windows._unsure] for frames in made]
    return max(float((frames - made[-1][..., : frames.shape[-1]]).abs().max()) for frames in sure)


if __name__ == "__main__":
    main(*sys.argv[1:])
