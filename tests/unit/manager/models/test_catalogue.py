"""The catalogue of models is sound data."""

from __future__ import annotations

import string
from pathlib import Path, PurePosixPath

import pytest

from manager.models.catalogue import Model, ModelFile, catalogue, find, wanted_by_default
from services.core.errors import NotFound

_FOLDERS = {"whisper": "whisper/", "piper": "piper/", "gguf": "gguf/"}


@pytest.mark.parametrize("model", catalogue(), ids=lambda model: model.name)
def test_an_entry_is_whole(model: Model) -> None:
    """Every file has a size, a place in the folder of its kind and within it, and a checksum that is one if it has any."""
    assert model.title
    assert model.license
    assert model.revision
    assert model.files
    for file in model.files:
        assert file.size > 0
        assert file.target.startswith(_FOLDERS[model.kind])
        assert ".." not in PurePosixPath(file.target).parts
        assert not PurePosixPath(file.source).is_absolute()
        assert not file.sha256 or (len(file.sha256) == 64 and set(file.sha256) <= set(string.hexdigits.lower()))


def test_what_the_engines_look_for_is_there() -> None:
    """A Whisper model has the files that faster-whisper opens; a Piper voice has its settings beside it."""
    for model in catalogue():
        names = {PurePosixPath(file.target).name for file in model.files}
        if model.kind == "whisper":
            assert names == {"config.json", "tokenizer.json", "vocabulary.txt", "model.bin"}
        if model.kind == "piper":
            (voice,) = (name for name in names if name.endswith(".onnx"))
            assert names == {voice, f"{voice}.json"}
            assert model.language
            assert voice.startswith(model.language)


def test_names_are_unique() -> None:
    """A name means one model."""
    names = [model.name for model in catalogue()]
    assert len(set(names)) == len(names)


def test_a_near_miss_is_answered_with_what_was_meant() -> None:
    """A misspelt name suggests the right one."""
    with pytest.raises(NotFound, match="whisper-base"):
        find("whisper-bas")


def test_weak_machines_get_the_small_whisper() -> None:
    """Below four cores tiny hears, above base; each sample language has a voice."""
    assert wanted_by_default(2)[0].name == "whisper-tiny"
    assert wanted_by_default(8)[0].name == "whisper-base"
    assert {model.language for model in wanted_by_default(2)} >= {"en", "ru", "zh"}


def test_a_model_is_present_when_all_its_files_are(tmp_path: Path) -> None:
    """Half a model is none."""
    model = Model(name="m", kind="gguf", title="t", license="l", repository="r", revision="1", files=(ModelFile("a", "gguf/a", 1), ModelFile("b", "gguf/b", 1)))
    (tmp_path / "gguf").mkdir()
    (tmp_path / "gguf" / "a").touch()
    assert not model.present(tmp_path)
    (tmp_path / "gguf" / "b").touch()
    assert model.present(tmp_path)


def test_an_address_is_pinned_to_its_revision() -> None:
    """A mirror takes the hub's place, the path stays."""
    model = find("whisper-tiny")
    assert model.url(model.files[0], "http://mirror/") == f"http://mirror/Systran/faster-whisper-tiny/resolve/{model.revision}/config.json"
