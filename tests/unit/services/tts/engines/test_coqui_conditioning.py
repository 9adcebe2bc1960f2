"""What the Coqui worker keeps of a voice: nothing, once its clip is gone."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import Any

import pytest

from services.core.voices import ConsentedVoice, VoiceStore
from services.tts.engines.coqui.worker.conditioning import ClipChanged, Conditioning
from tests.making.coqui_models import consented


class Latents:
    """Stands for a tensor: somebody's voice."""


class Listening(Conditioning):
    """Takes them without a model."""

    def __init__(self) -> None:
        super().__init__(None, None)
        self.times = 0

    def _latents(self, data: bytes) -> tuple[Any, Any]:
        self.times += 1
        return Latents(), Latents()


def _asked(voice: ConsentedVoice) -> dict[str, Any]:
    clip = voice.clips["neutral"]
    return {"neutral": {"path": str(clip.path), "sha256": clip.sha256}}


def test_a_clip_is_listened_to_once(tmp_path: Path) -> None:
    """As long as it stays the same."""
    conditioning = Listening()
    asked = _asked(consented(tmp_path, "mara"))
    assert conditioning.of(asked) == conditioning.of(asked)
    assert conditioning.times == 1


@pytest.mark.parametrize("again", [False, True])
def test_a_voice_that_was_withdrawn_is_forgotten_with_the_next_sentence(tmp_path: Path, *, again: bool) -> None:
    """Of whomever that is; and if another voice has the name and the place of the old one."""
    conditioning = Listening()
    mara, other = consented(tmp_path, "mara"), consented(tmp_path, "else", 200.0)
    latents = weakref.ref(conditioning.of(_asked(mara))[0])
    conditioning.of(_asked(other))
    assert latents() is not None
    VoiceStore(tmp_path / "voices").delete("mara")
    if again:
        consented(tmp_path, "mara", 250.0)
    conditioning.of(_asked(other))
    assert latents() is None
    with pytest.raises(ClipChanged if again else FileNotFoundError):
        conditioning.of(_asked(mara))
