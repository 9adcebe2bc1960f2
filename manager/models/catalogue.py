"""The catalogue of models, read from its data file, and where each file belongs on disk."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from services.core.errors import NotFound

HUB: Final = "https://huggingface.co"
_DATA: Final = Path(__file__).with_name("catalogue.toml")
_STRONG_CORES: Final = 4


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model."""

    source: str
    """Path within the repository."""
    target: str
    """Path within the models folder."""
    size: int
    """Bytes; exact where `sha256` is set, else about."""
    sha256: str = ""
    """Empty = the hub's own checksum is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Something that can be pulled."""

    name: str
    kind: str
    """whisper, piper or gguf."""
    title: str
    license: str
    repository: str
    revision: str
    language: str = ""
    files: tuple[ModelFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def url(self, file: ModelFile, hub: str = HUB) -> str:
        """Where `file` is downloaded from."""
        return f"{hub.rstrip('/')}/{self.repository}/resolve/{self.revision}/{file.source}"

    def present(self, folder: Path) -> bool:
        """Every file is there; files get their names only when they are whole and checked."""
        return all((folder / file.target).is_file() for file in self.files)


@cache
def catalogue() -> tuple[Model, ...]:
    """All models, in the order of the data file."""
    return tuple(_model(entry) for entry in tomllib.loads(_DATA.read_text(encoding="utf-8"))["model"])


def find(name: str, models: Sequence[Model] | None = None) -> Model:
    """The model of that name. Raises `NotFound` with what comes near."""
    known = {model.name: model for model in models or catalogue()}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
        raise NotFound(f"no model {name!r}; {'perhaps ' + ', '.join(near) if near else '`souffleur models list` shows them all'}")
    return known[name]


def wanted_by_default(cores: int | None = None) -> list[Model]:
    """What hears and speaks well enough on this machine: a Whisper and one voice for each sample language."""
    strong = (cores or os.cpu_count() or 1) >= _STRONG_CORES
    return [find(name) for name in ("whisper-base" if strong else "whisper-tiny", "piper-en-lessac", "piper-ru-dmitri", "piper-zh-huayan")]


def _model(entry: dict[str, object]) -> Model:
    fields = dict(entry)
    files = fields.pop("files")
    assert isinstance(files, list)  # noqa: S101 - our own data file, proved by its test
    read = tuple(ModelFile(item["from"], item["to"], item["size"], item.get("sha256", "")) for item in files)
    return Model(files=read, **{name: str(value) for name, value in fields.items()})
