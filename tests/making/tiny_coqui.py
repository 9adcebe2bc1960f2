"""Tiny Coqui models with random weights: `<coqui python> tests/making/tiny_coqui.py xtts|vits|large-xtts FOLDER`. Runs in the environment of `make coqui`.

Their shape is right and their speech is noise. A tiny XTTS never says stop: a sentence lasts 40 tokens, which are two seconds.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

ENGINE = Path(__file__).parents[2] / "services" / "tts" / "engines" / "coqui"
TEXT = "good evening traveller come and sit by the fire with me the quick brown fox jumps over the lazy dog"
SPECIAL = ("[STOP]", "[UNK]", "[SPACE]", "[START]", "[en]", "[ru]", "[de]")
LANGUAGES = ["en", "ru", "de"]
CODES = {"gpt_num_audio_tokens": 1026, "gpt_start_audio_token": 1024, "gpt_stop_audio_token": 1025}
TINY = {"gpt_max_audio_tokens": 40, "gpt_layers": 2, "gpt_n_model_channels": 64, "gpt_n_heads": 2} | CODES


def make_xtts(folder: Path, shape: dict[str, int], torch: Any) -> None:
    """What `shape` does not say is as in XTTS v2."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from TTS.tts.configs.xtts_config import XttsArgs, XttsConfig
    from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer
    from TTS.tts.models.xtts import Xtts

    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.train_from_iterator([TEXT], trainers.BpeTrainer(special_tokens=list(SPECIAL), vocab_size=200))
    tokenizer.save(str(folder / "vocab.json"))
    width = shape.get("gpt_n_model_channels", 1024)
    config = XttsConfig(model_args=XttsArgs(gpt_use_perceiver_resampler=True, decoder_input_dim=width, **shape), languages=LANGUAGES)
    model = Xtts(config)
    model.tokenizer = VoiceBpeTokenizer(vocab_file=folder / "vocab.json")
    model.init_models()
    with torch.no_grad():
        model.gpt.mel_head.bias[model.args.gpt_stop_audio_token] = -1e4
        # Random weights whisper; speech has a level.
        model.hifigan_decoder.waveform_decoder.conv_post.weight *= 20.0
    torch.save({"model": model.state_dict()}, folder / "model.pth")
    config.save_json(str(folder / "config.json"))


def make_vits(folder: Path, torch: Any) -> None:
    """Small where its configuration lets it be."""
    from TTS.tts.configs.vits_config import VitsConfig
    from TTS.tts.models.vits import Vits, VitsArgs

    small = VitsArgs(
        hidden_channels=32,
        hidden_channels_ffn_text_encoder=32,
        num_layers_text_encoder=1,
        num_layers_flow=1,
        num_layers_posterior_encoder=1,
        upsample_initial_channel_decoder=64,
        use_sdp=False,
        init_discriminator=False,
    )
    config = VitsConfig(model_args=small, use_phonemes=False, text_cleaner="basic_cleaners", phoneme_language="en")
    model = Vits.init_from_config(config)
    with torch.no_grad():
        # About five frames a letter, some more, some fewer; left to chance it would be one for each.
        model.duration_predictor.proj.weight *= 2.0
        model.duration_predictor.proj.bias.fill_(1.6)
        model.waveform_decoder.conv_post.weight *= 50.0
    torch.save({"model": model.state_dict()}, folder / "model.pth")
    config.save_json(str(folder / "config.json"))


def main(kind: str, target: str) -> None:
    """Make one."""
    sys.path.insert(0, str(ENGINE))
    torch = importlib.import_module("worker.libraries").ready("cpu", 2)
    torch.manual_seed(7)
    folder = Path(target)
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "vits":
        make_vits(folder, torch)
    else:
        make_xtts(folder, TINY if kind == "xtts" else CODES, torch)


if __name__ == "__main__":
    main(*sys.argv[1:])
