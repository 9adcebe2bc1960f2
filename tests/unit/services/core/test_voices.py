"""No voice is cloned without a record of consent that covers the very clip."""

from __future__ import annotations

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from services.core.errors import Conflict, ConsentMissing, InvalidRequest, NotFound, SouffleurError, TooLarge
from services.core.voices import MAX_CLIP, MAX_CLIPS, Consent, VoiceStore
from tests.making.coqui_models import CONSENT, clip

NEUTRAL = {"neutral": clip(150, 1.5)}


@pytest.fixture
def store(tmp_path: Path) -> VoiceStore:
    """An empty one."""
    return VoiceStore(tmp_path / "voices")


def test_a_voice_is_kept_with_who_when_what_and_the_clips_checksums(store: VoiceStore, tmp_path: Path) -> None:
    """What was added is what another process reads."""
    added = store.add("mara", "en", CONSENT, {**NEUTRAL, "anger": clip(300, 1.5)})
    read = VoiceStore(tmp_path / "voices").get("mara")
    assert read == added
    assert read.consent == CONSENT
    assert set(read.clips) == {"neutral", "anger"}
    assert all(len(item.sha256) == 64 and item.path.is_file() for item in read.clips.values())
    assert store.all() == (read,)


def test_a_deleted_voice_leaves_nothing(store: VoiceStore, tmp_path: Path) -> None:
    """Neither clip nor record."""
    store.add("mara", "en", CONSENT, NEUTRAL)
    store.delete("mara")
    assert list((tmp_path / "voices").iterdir()) == []
    with pytest.raises(NotFound):
        store.get("mara")
    with pytest.raises(NotFound):
        store.delete("mara")


@pytest.mark.parametrize("clean", ["start", "delete", "add"])
def test_recordings_that_a_killed_process_left_are_removed(store: VoiceStore, tmp_path: Path, clean: str) -> None:
    """Killed between hiding and removing a voice, or before the new one had its name: by the next one who writes, or by the next start."""
    for name in ("mara", "else"):
        store.add(name, "en", CONSENT, NEUTRAL)
    folder = tmp_path / "voices"
    (folder / ".old-abc").mkdir()
    (folder / "mara").rename(folder / ".old-abc" / "mara")
    (folder / ".new-abc").mkdir()
    (folder / ".new-abc" / "neutral.wav").write_bytes(NEUTRAL["neutral"])
    if clean == "start":
        VoiceStore(folder).sweep()
        VoiceStore(tmp_path / "none").sweep()
    elif clean == "delete":
        store.delete("else")
    else:
        store.add("third", "en", CONSENT, NEUTRAL)
    assert {path.name for path in folder.iterdir()} == {"start": {"else"}, "delete": set(), "add": {"else", "third"}}[clean]


def test_a_voice_on_its_way_is_not_taken_for_a_left_over(store: VoiceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One is being written while another store, as of another process, is swept."""
    store.add("else", "en", CONSENT, NEUTRAL)
    written, go_on = threading.Event(), threading.Event()
    rename = os.rename

    def slow(source: Path, target: Path) -> None:
        written.set()
        assert go_on.wait(20)
        rename(source, target)

    monkeypatch.setattr(os, "rename", slow)
    with ThreadPoolExecutor() as threads:
        added = threads.submit(store.add, "mara", "en", CONSENT, NEUTRAL)
        assert written.wait(20)
        swept = threads.submit(VoiceStore(tmp_path / "voices").sweep)
        with pytest.raises(TimeoutError):
            swept.result(0.1)
        go_on.set()
        assert added.result(20).name == "mara"
        swept.result(20)
    assert [voice.name for voice in store.all()] == ["else", "mara"]


def test_of_two_deletes_at_once_one_finds_nothing(store: VoiceStore, tmp_path: Path) -> None:
    """A typed error, and no folder is left."""
    for _ in range(20):
        store.add("mara", "en", CONSENT, NEUTRAL)
        at_once = threading.Barrier(8)

        def delete(at_once: threading.Barrier = at_once) -> bool:
            at_once.wait(20)
            try:
                VoiceStore(tmp_path / "voices").delete("mara")
            except NotFound:
                return False
            return True

        with ThreadPoolExecutor(8) as threads:
            assert sorted(deleted.result(20) for deleted in [threads.submit(delete) for _ in range(8)]) == [False] * 7 + [True]
    assert list((tmp_path / "voices").iterdir()) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda record: record.pop("consent"),
        lambda record: record["consent"].pop("statement"),
        lambda record: record["consent"].update(by=" "),
        lambda record: record["consent"].update(at="yesterday"),
        lambda record: record["consent"].update(at="2999-01-01T00:00:00+00:00"),
        lambda record: record["clips"].pop("neutral"),
    ],
)
def test_a_record_that_lacks_anything_is_none(store: VoiceStore, tmp_path: Path, damage: Any) -> None:
    """Clips alone are not a voice, and an error says so by its code."""
    store.add("mara", "en", CONSENT, NEUTRAL)
    path = tmp_path / "voices" / "mara" / "voice.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    damage(record)
    path.write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(ConsentMissing) as error:
        store.get("mara")
    assert error.value.code == "consent_missing"
    assert store.all() == ()
    assert store.has("mara")


def test_clips_without_a_record_are_no_voice(store: VoiceStore, tmp_path: Path) -> None:
    """Somebody copied a recording into the folder."""
    folder = tmp_path / "voices" / "stolen"
    folder.mkdir(parents=True)
    (folder / "neutral.wav").write_bytes(clip(150, 1.5))
    with pytest.raises(ConsentMissing):
        store.get("stolen")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"name": "../mara"}, InvalidRequest),
        ({"name": "Mara"}, InvalidRequest),
        ({"name": ""}, InvalidRequest),
        ({"language": "not a tag"}, InvalidRequest),
        ({"consent": Consent("", CONSENT.at, CONSENT.statement)}, InvalidRequest),
        ({"consent": Consent("Mara", "2026-01-02T10:00:00", CONSENT.statement)}, InvalidRequest),
        ({"consent": Consent("Mara", CONSENT.at, "ok")}, InvalidRequest),
        ({"clips": {}}, InvalidRequest),
        ({"clips": {"anger": NEUTRAL["neutral"]}}, InvalidRequest),
        ({"clips": {**NEUTRAL, "../anger": NEUTRAL["neutral"]}}, InvalidRequest),
        ({"clips": {"neutral": b"RIFF....WAVE"}}, InvalidRequest),
        ({"clips": {"neutral": NEUTRAL["neutral"][:-2000]}}, InvalidRequest),
        ({"clips": {"neutral": clip(150, 0.5)}}, InvalidRequest),
        ({"clips": {"neutral": bytes(MAX_CLIP + 1)}}, TooLarge),
        ({"clips": {feeling: bytes(MAX_CLIPS // 3) for feeling in ("neutral", "joy", "anger", "fear")}}, TooLarge),
    ],
)
def test_what_does_not_fit_is_refused_with_nothing_changed(store: VoiceStore, tmp_path: Path, change: dict[str, Any], error: type[SouffleurError]) -> None:
    """Bad names, half consents and broken clips."""
    asked: dict[str, Any] = {"name": "mara", "language": "en", "consent": CONSENT, "clips": NEUTRAL, **change}
    with pytest.raises(error):
        store.add(**asked)
    assert not (tmp_path / "voices").exists() or list((tmp_path / "voices").iterdir()) == []


def test_a_name_is_taken_once(store: VoiceStore, tmp_path: Path) -> None:
    """The first one's consent is not written over."""
    first = store.add("mara", "en", CONSENT, NEUTRAL)
    with pytest.raises(Conflict):
        store.add("mara", "de", Consent("Else", CONSENT.at, CONSENT.statement), NEUTRAL)
    assert store.get("mara") == first
    assert [path.name for path in (tmp_path / "voices").iterdir()] == ["mara"]
