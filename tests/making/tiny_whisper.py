"""A tiny Whisper with random weights that the true faster-whisper loads: its shape is right, its words are nonsense."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

_WORDS = 50257
_SPECIALS = ("translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps")
_TIMESTAMPS = 1501
_CONTEXT, _POSITIONS = 1500, 448


@dataclass(frozen=True, slots=True)
class Shape:
    """How large it is."""

    width: int = 64
    layers: int = 1
    heads: int = 2
    mels: int = 80


TINY = Shape()


def make_tiny_whisper(folder: Path, seed: int = 7, shape: Shape = TINY) -> Path:
    """Write the files of a CTranslate2 Whisper model into `folder` (about 4 MB, under a second; a benchmark asks for a larger shape)."""
    from ctranslate2.specs import WhisperSpec

    folder.mkdir(parents=True, exist_ok=True)
    tokens, languages = _tokens()
    spec = WhisperSpec(shape.layers, shape.heads, shape.layers, shape.heads)
    _fill(spec, np.random.default_rng(seed), len(tokens), shape)
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = []
    spec.config.lang_ids = languages
    spec.config.alignment_heads = [(0, 0)]
    spec.register_vocabulary(tokens)
    spec.validate()
    spec.optimize(quantization="int8")
    spec.save(str(folder))
    _write_tokenizer(folder, tokens)
    (folder / "preprocessor_config.json").write_text(json.dumps({"feature_size": shape.mels}), encoding="utf-8")
    return folder


def _tokens() -> tuple[list[str], list[int]]:
    """Whisper's layout; that id 50256 is the empty string is how CTranslate2 knows a multilingual model."""
    from faster_whisper.tokenizer import _LANGUAGE_CODES
    from tokenizers.pre_tokenizers import ByteLevel

    alphabet = sorted(ByteLevel.alphabet())
    words = alphabet + [f"Ġword{number}" for number in range(_WORDS - 1 - len(alphabet))] + [""]
    codes = [code for code in _LANGUAGE_CODES if code != "yue"][:99]
    named = ["endoftext", "startoftranscript", *codes, *_SPECIALS]
    stamps = [f"{number * 0.02:.2f}" for number in range(_TIMESTAMPS)]
    first = _WORDS + 2
    return words + [f"<|{name}|>" for name in (*named, *stamps)], list(range(first, first + len(codes)))


def _write_tokenizer(folder: Path, tokens: list[str]) -> None:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    tokenizer = Tokenizer(models.BPE(vocab={token: number for number, token in enumerate(tokens)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in tokens[_WORDS:]])
    tokenizer.save(str(folder / "tokenizer.json"))


def _fill(spec: Any, random: np.random.Generator, vocabulary: int, shape: Shape) -> None:
    width = shape.width

    def weights(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
        return (random.standard_normal(shape) * 0.05).astype(np.float32)

    def linear(target: Any, out: int, into: int, *, bias: bool = True) -> None:
        target.weight = weights(out, into)
        if bias:
            target.bias = weights(out)

    def norm(target: Any) -> None:
        target.gamma = np.ones(width, dtype=np.float32)
        target.beta = np.zeros(width, dtype=np.float32)

    def block(layer: Any) -> None:
        norm(layer.self_attention.layer_norm)
        linear(layer.self_attention.linear[0], 3 * width, width)
        linear(layer.self_attention.linear[1], width, width)
        norm(layer.ffn.layer_norm)
        linear(layer.ffn.linear_0, 4 * width, width)
        linear(layer.ffn.linear_1, width, 4 * width)

    encoder, decoder = spec.encoder, spec.decoder
    for conv, channels in ((encoder.conv1, shape.mels), (encoder.conv2, width)):
        conv.weight, conv.bias = weights(width, channels, 3), weights(width)
    encoder.position_encodings.encodings = weights(_CONTEXT, width)
    decoder.position_encodings.encodings = weights(_POSITIONS, width)
    decoder.embeddings.weight = weights(vocabulary, width)
    linear(decoder.projection, vocabulary, width, bias=False)
    norm(encoder.layer_norm)
    norm(decoder.layer_norm)
    for layer in encoder.layer:
        block(layer)
    for layer in decoder.layer:
        block(layer)
        norm(layer.attention.layer_norm)
        linear(layer.attention.linear[0], width, width)
        linear(layer.attention.linear[1], 2 * width, width)
        linear(layer.attention.linear[2], width, width)
