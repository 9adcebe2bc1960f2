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
        whole = model.hifigan_decoder(torch.cat(library)[None], g=speaker)[0, 0].numpy()
        windows = vocoder.Windows(model.hifigan_decoder, speaker, 1.0, torch)
        pieces = [windows.piece(worker[:count], last=count == TOKENS) for count in (12, 20, TOKENS)]
    joined = torch.cat([torch.from_numpy(piece) for piece in pieces]).numpy()
    differs = {"latents": max(float((one - two).abs().max()) for one, two in zip(library, worker, strict=True))}
    differs |= {"samples": float(abs(joined - whole).max()), "level": float(abs(whole).max()), "pieces": len(pieces)}
    sys.stdout.write(json.dumps(differs | {"sizes": [joined.size, whole.size]}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
