"""Who speaks a sentence and how: the model, the speaker or the reference clips, and what the clips cannot give."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from services.core.errors import EngineMissing, NotFound
from services.core.model.prosody import Emotion, Manner, Prosody, Voice
from services.core.model.voicing import VoiceInfo
from services.core.voices import NEUTRAL, Clip, ConsentedVoice, VoiceStore
from services.tts.engines.coqui.feeling import EMOTIONS, MANNERS
from services.tts.engines.coqui.models import OnDisk, primary
from services.tts.prosody import TRACE, Shape, shape_of
from services.tts.scripts import readable_in


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A sentence's casting."""

    model: OnDisk
    language: str
    speaker: str = ""
    neutral: Clip | None = None
    feeling: Clip | None = None
    strength: float = 0.0
    speed: float = 1.0
    pitch: float = 1.0
    melody: float = 1.0


@dataclass(slots=True)
class Casting:
    """Voices of the store and of the models."""

    store: VoiceStore
    model: str
    voice: str
    told: dict[Path, dict[str, Any]] = field(default_factory=dict)
    """What loaded models said of themselves: languages, speakers, rate."""

    def first(self, found: tuple[OnDisk, ...]) -> OnDisk:
        """The model of voices that name none. Raises `EngineMissing`."""
        chosen = [item for item in found if item.name == self.model] if self.model else sorted(found, key=lambda item: item.kind != "xtts")
        if not chosen:
            raise EngineMissing(f"there is no Coqui model {self.model!r} on disk")
        return chosen[0]

    def voices(self, found: tuple[OnDisk, ...]) -> tuple[VoiceInfo, ...]:
        """Everybody who can be asked for by name."""
        clones = any(item.kind == "xtts" for item in found)
        consented = [VoiceInfo(item.name, item.language, _label(item)) for item in self.store.all()] if clones else []
        own = [
            VoiceInfo(f"{item.name}/{speaker}" if speaker else item.name, item.languages[0] if len(item.languages) == 1 else "", speaker or item.name)
            for item in found
            for speaker in (self.told.get(item.folder, {}).get("speakers") or ([""] if item.kind == "vits" else []))
        ]
        return (*consented, *own)

    def part(self, found: tuple[OnDisk, ...], sentence: str, prosody: Prosody, voice: Voice) -> Part:
        """The casting of a sentence. Raises `ConsentMissing`, or `EngineMissing` when no voice here can say it."""
        name = voice.name if self._known(found, voice.name) else self.voice
        model = self._model(found, name)
        consented = self._consented(name) if model.kind == "xtts" else None
        language = _language(model, readable_in(voice.language or (consented.language if consented else ""), sentence))
        clip = _clip(consented, prosody) if consented else None
        # What a clip gives is not given a second time; loudness is set after levelling, for every engine alike.
        shape = Shape() if clip else shape_of(prosody, EMOTIONS, MANNERS)
        pitch = voice.pitch * shape.pitch
        speaker = "" if consented else self._speaker(model, name)
        return Part(
            model=model,
            language=language,
            speaker=speaker,
            neutral=consented.clips[NEUTRAL] if consented else None,
            feeling=clip,
            strength=TRACE + (1.0 - TRACE) * prosody.intensity,
            speed=voice.rate * shape.rate / pitch,
            pitch=pitch,
            melody=shape.melody,
        )

    def request(self, part: Part) -> dict[str, Any]:
        """What the worker is told of it."""
        speakers = self.told.get(part.model.folder, {}).get("speakers") or []
        speaker = part.speaker if part.speaker in speakers else ""
        if part.model.kind == "xtts" and part.neutral is None:
            if not speakers:
                raise EngineMissing("this XTTS has no speakers of its own: name a voice with a consent record, or set tts.engines.coqui.voice")
            speaker = speaker or speakers[0]
        return {
            "model": str(part.model.folder),
            "language": part.language,
            "speaker": speaker,
            "neutral": _told(part.neutral),
            "feeling": _told(part.feeling),
            "strength": part.strength,
            "speed": part.speed,
            "melody": part.melody,
        }

    def _known(self, found: tuple[OnDisk, ...], name: str) -> bool:
        return bool(name) and (self.store.has(name) or any(name.partition("/")[0] == item.name for item in found))

    def _model(self, found: tuple[OnDisk, ...], name: str) -> OnDisk:
        named = [item for item in found if item.name == name.partition("/")[0]]
        if named and not self.store.has(name):
            return named[0]
        cloning = [item for item in found if item.kind == "xtts" and (not self.model or item.name == self.model)]
        if name and cloning:
            return cloning[0]
        return self.first(found)

    def _consented(self, name: str) -> ConsentedVoice | None:
        if not name or not self.store.has(name):
            return None
        try:
            return self.store.get(name)
        except NotFound:  # deleted meanwhile
            return None

    def _speaker(self, model: OnDisk, name: str) -> str:
        folder, _, speaker = name.partition("/")
        return speaker if folder == model.name else ""


def _clip(voice: ConsentedVoice, prosody: Prosody) -> Clip | None:
    """The manner's clip before the feeling's: a whisper in anger is a whisper first."""
    manner = voice.clips.get(str(prosody.manner)) if prosody.manner is not Manner.PLAIN else None
    return manner or (voice.clips.get(str(prosody.emotion)) if prosody.emotion is not Emotion.NEUTRAL else None)


def _language(model: OnDisk, tag: str) -> str:
    language = primary(tag) or (model.languages[0] if model.languages and "en" not in model.languages else "en")
    if model.languages and language not in model.languages:
        raise EngineMissing("the Coqui model does not speak this language")
    return language


def _label(voice: ConsentedVoice) -> str:
    feelings = sorted(set(voice.clips) - {NEUTRAL})
    return f"{voice.name} ({', '.join(feelings)})" if feelings else voice.name


def _told(clip: Clip | None) -> dict[str, str] | None:
    return {"path": str(clip.path), "sha256": clip.sha256} if clip else None
