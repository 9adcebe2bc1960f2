"""Which engine speaks, and when engines are made, opened and closed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from services.core.clock import ManualClock
from services.core.errors import EngineMissing, SettingsRejected
from services.core.model.prosody import Voice
from services.core.settings import Settings, overlaid
from services.tts.ensemble import Ensemble
from tests.making.piper_voice import make_piper_voice
from tests.unit.services.tts.engines_in_hand import InHand

HAND = "tests.unit.services.tts.engines_in_hand:InHand"


def _ensemble(settings: Settings) -> Ensemble:
    return Ensemble(settings, ManualClock())


async def test_auto_is_espeak_until_a_piper_voice_of_the_language_is_on_disk(tmp_path: Path) -> None:
    """A Russian voice on disk speaks Russian and nothing else."""
    settings = Settings(data_dir=tmp_path)
    ensemble = _ensemble(settings)
    assert await ensemble.chain(Voice(language="ru"), settings) == ["espeak"]
    make_piper_voice(settings.models / "piper", "ru_RU-handmade-low", language="ru_RU", espeak_voice="ru")
    later = _ensemble(settings)
    assert await later.chain(Voice(language="ru"), settings) == ["piper", "espeak"]
    assert await later.chain(Voice(language="ru-RU"), settings) == ["piper", "espeak"]
    assert await later.chain(Voice(language="en"), settings) == ["espeak"]
    await ensemble.close()
    await later.close()


async def test_whoever_has_the_named_voice_speaks_first(tmp_path: Path) -> None:
    """A voice of eSpeak's stays eSpeak's, although Piper speaks the language."""
    pytest.importorskip("espeakng_loader", reason="the extra `espeak` is not installed")
    settings = Settings(data_dir=tmp_path)
    make_piper_voice(settings.models / "piper", "en_US-handmade-low")
    ensemble = _ensemble(settings)
    assert await ensemble.chain(Voice(name="en-us+f3", language="en"), settings) == ["espeak", "piper"]
    assert await ensemble.chain(Voice(name="en_US-handmade-low"), settings) == ["piper", "espeak"]
    await ensemble.close()


async def test_a_voices_own_engine_comes_before_the_configured_one() -> None:
    """Then the configured one, then those that are always there."""
    settings = overlaid(Settings(), {"tts": {"engine": "scripted"}})
    ensemble = _ensemble(settings)
    assert await ensemble.chain(Voice(engine="openai"), settings) == ["openai", "scripted", "espeak"]
    assert await ensemble.default(settings) == "scripted"
    await ensemble.close()


@pytest.mark.parametrize(
    ("patch", "path"),
    [
        ({"engines": {"espeak": {"words_per_minute": 9000}}}, "tts.engines.espeak.words_per_minute"),
        ({"engines": {"piper": {"nonsense": 1}}}, "tts.engines.piper.nonsense"),
        ({"engines": {"nobody": {}}}, "nobody"),
        ({"engine": "no.such.module:Engine"}, "no.such.module"),
    ],
)
def test_a_wrong_table_stops_the_start_and_names_the_field(patch: dict[str, object], path: str) -> None:
    """The reader learns where to look."""
    with pytest.raises(SettingsRejected, match=path):
        _ensemble(overlaid(Settings(), {"tts": patch}))


async def test_an_engine_is_opened_once_however_many_ask_and_closed_with_the_house() -> None:
    """Ten lines at the same moment share one opening."""
    settings = overlaid(Settings(), {"tts": {"engines": {HAND: {}}}})
    ensemble = _ensemble(settings)
    engines = await asyncio.gather(*(ensemble.engine(HAND) for _ in range(10)))
    (engine,) = set(engines)
    assert isinstance(engine, InHand)
    assert engine.opened == 1
    await ensemble.close()
    assert engine.closed == 1


async def test_what_is_missing_is_described_with_advice(tmp_path: Path) -> None:
    """Describe never fails: it says what to install."""
    settings = Settings(data_dir=tmp_path)
    ensemble = _ensemble(settings)
    infos = {info.name: info for info in await ensemble.describe()}
    assert set(infos) == {"espeak", "piper", "openai", "scripted", "coqui"}
    assert not infos["coqui"].ready
    assert not infos["piper"].ready
    assert "souffleur models" in infos["piper"].remark
    assert not infos["openai"].ready
    assert "tts.engines.openai" in infos["openai"].remark
    with pytest.raises(EngineMissing):
        await ensemble.engine("piper")
    await ensemble.close()


async def test_without_the_library_espeak_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """A home without the extra gets one line that helps, and no crash."""
    monkeypatch.setattr("services.tts.engines.espeak.find_spec", lambda _: None)
    ensemble = _ensemble(Settings())
    info = await ensemble.capabilities("espeak")
    assert not info.ready
    assert "espeakng-loader" in info.remark
    await ensemble.close()
