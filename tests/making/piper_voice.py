"""A Piper voice made by hand: a true ONNX model with Piper's inputs and output, whose phonemes are notes of a steady tone."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Final

RATE: Final = 22_050
TONE_HZ: Final = 130.0
PHONEME_S: Final = 0.04
"""Length of each phoneme id at length scale 1; the library puts a pad between any two."""

_IDS: Final = 256


def make_piper_voice(folder: Path, name: str = "en_US-handmade-low", *, language: str = "en_US", espeak_voice: str = "en-us") -> Path:
    """Write `<name>.onnx` and `<name>.onnx.json` into `folder` (made if missing); the real `PiperVoice.load` takes them.

    Skips the calling test when the package `onnx` or `piper` is not installed.
    """
    import pytest

    onnx: Any = pytest.importorskip("onnx", reason="the package onnx, which makes the voice, is not installed")
    ids: Any = pytest.importorskip("piper.phoneme_ids", reason="the extra `piper` is not installed").DEFAULT_PHONEME_ID_MAP
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.onnx"
    onnx.save(_model(onnx, ids), str(path))
    config = {
        "audio": {"sample_rate": RATE, "quality": "low"},
        "espeak": {"voice": espeak_voice},
        "language": {"code": language},
        "inference": {"noise_scale": 0.667, "length_scale": 1.0, "noise_w": 0.8},
        "phoneme_type": "espeak",
        "phoneme_id_map": ids,
        "num_symbols": _IDS,
        "num_speakers": 1,
        "speaker_id_map": {},
    }
    path.with_name(path.name + ".json").write_text(json.dumps(config), encoding="utf-8")
    return path


def _model(onnx: Any, ids: dict[str, list[int]]) -> Any:
    """[phoneme ids, lengths, (noise, length, noise_w)] -> samples: a tone whose loudness follows the phonemes."""
    helper, kinds = onnx.helper, onnx.TensorProto

    def constant(name: str, kind: int, values: list[float] | list[int], shape: list[int]) -> Any:
        return helper.make_tensor(name, kind, shape, values)

    step = 2 * math.pi * TONE_HZ / RATE
    constants = [
        constant("one", kinds.INT64, [1], []),
        constant("zero", kinds.INT64, [0], []),
        constant("flat", kinds.INT64, [-1], [1]),
        constant("shape", kinds.INT64, [1, 1, 1, -1], [4]),
        constant("usual", kinds.FLOAT, [PHONEME_S * RATE], []),
        constant("loudness", kinds.FLOAT, _loudness(ids), [_IDS]),
        *(constant(f"step{k}", kinds.FLOAT, [step * k], []) for k in (1, 2, 3)),
        *(constant(f"part{k}", kinds.FLOAT, [0.4 / k], []) for k in (1, 2, 3)),
    ]
    node = helper.make_node
    nodes = [
        node("Gather", ["scales", "one"], ["length"]),
        node("Mul", ["length", "usual"], ["each_float"]),
        node("Cast", ["each_float"], ["each"], to=kinds.INT64),
        node("Reshape", ["input", "flat"], ["ids"]),
        node("Size", ["ids"], ["count"]),
        node("Mul", ["count", "each"], ["total"]),
        node("Range", ["zero", "total", "one"], ["time"]),
        node("Div", ["time", "each"], ["which"]),
        node("Gather", ["ids", "which"], ["id_now"]),
        node("Gather", ["loudness", "id_now"], ["loud_now"]),
        node("Cast", ["time"], ["moment"], to=kinds.FLOAT),
    ]
    for k in (1, 2, 3):
        nodes += [
            node("Mul", ["moment", f"step{k}"], [f"phase{k}"]),
            node("Sin", [f"phase{k}"], [f"sine{k}"]),
            node("Mul", [f"sine{k}", f"part{k}"], [f"tone{k}"]),
        ]
    nodes += [
        node("Sum", ["tone1", "tone2", "tone3"], ["wave"]),
        node("Mul", ["wave", "loud_now"], ["voiced"]),
        node("Reshape", ["voiced", "shape"], ["output"]),
    ]
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "handmade",
        [info("input", kinds.INT64, [1, "n"]), info("input_lengths", kinds.INT64, [1]), info("scales", kinds.FLOAT, [3])],
        [info("output", kinds.FLOAT, [1, 1, 1, "t"])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model


def _loudness(ids: dict[str, list[int]]) -> list[float]:
    """Vowels are loud, consonants softer, punctuation is a pause; begin and end are silent."""
    table = [0.5] * _IDS
    for phoneme, numbers in ids.items():
        for number in numbers:
            if phoneme in "^$.!?,;:":
                table[number] = 0.0 if phoneme in "^$" else 0.02
            elif phoneme in "aeiouyæøœɐɑɒɔəɚɛɜɪʊʌ":
                table[number] = 1.0
    return table
