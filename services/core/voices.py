"""Voices cloned from somebody's recordings, each with that person's consent; a folder of clips without a record is no voice."""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import re
import shutil
import tempfile
import wave
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog

from services.core.errors import Conflict, ConsentMissing, InvalidRequest, NotFound, TooLarge
from services.core.model.prosody import Emotion, Manner

NEUTRAL: Final = str(Emotion.NEUTRAL)
FEELINGS: Final = frozenset({*map(str, Emotion), *(str(manner) for manner in Manner if manner is not Manner.PLAIN)})
"""What a clip may be of."""
MAX_CLIP: Final = 8 * 1024 * 1024
MAX_CLIPS: Final = 18 * 1024 * 1024
"""All clips of a voice: half a minute of every feeling at 22 050 Hz, which is what XTTS hears of them."""
MAX_VOICES: Final = 500
_NEW: Final = ".new-"
_OLD: Final = ".old-"
"""Folders of voices on their way in and out."""
_RECORD: Final = "voice.json"
_RECORD_BYTES: Final = 64 * 1024
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?")
_LANGUAGE: Final = re.compile(r"(?:[a-zA-Z]{2,3}(?:-[a-zA-Z0-9]{2,8}){0,3})?")
_SECONDS: Final = (1.0, 60.0)
_RATES: Final = (8_000, 96_000)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Consent:
    """Who allowed what, and when."""

    by: str
    """The person whose voice it is."""
    at: str
    """When it was given, ISO 8601 with an offset."""
    statement: str
    """What was agreed to, in words."""

    def problem(self) -> str:
        """What is wrong with it; empty = nothing."""
        try:
            when = datetime.fromisoformat(self.at)
        except ValueError:
            return "consent.at is no ISO 8601 time"
        if when.tzinfo is None:
            return "consent.at needs its offset from UTC"
        if when > datetime.now(UTC):
            return "consent.at lies in the future"
        if not 1 <= len(self.by.strip()) <= 200:
            return "consent.by names the person, in at most 200 characters"
        if not 10 <= len(self.statement.strip()) <= 4_000:
            return "consent.statement says what was agreed to, in 10 to 4000 characters"
        return ""


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording."""

    path: Path
    sha256: str
    """As it was when consent was given; whoever reads the clip compares."""


@dataclass(frozen=True, slots=True)
class ConsentedVoice:
    """A voice that may be cloned."""

    name: str
    language: str
    consent: Consent
    clips: Mapping[str, Clip]
    """Feeling or manner -> its clip; `neutral` is always there."""


class VoiceStore:
    """One folder per voice: WAV files and the record. Blocking; small. One writes at a time, whichever process the others are of."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made by the first `add`."""
        self._folder = folder

    def has(self, name: str) -> bool:
        """Whether there is a folder of that name, with or without a record."""
        return bool(_NAME.fullmatch(name)) and (self._folder / name).is_dir()

    def all(self) -> tuple[ConsentedVoice, ...]:
        """Every voice with a whole record, by name."""
        found: list[ConsentedVoice] = []
        for folder in sorted(self._folder.glob("*/")):
            try:
                found.append(self.get(folder.name))
            except (ConsentMissing, NotFound):
                continue
        return tuple(found)

    def get(self, name: str) -> ConsentedVoice:
        """Raises `NotFound`, or `ConsentMissing` for clips without a whole record."""
        if not self.has(name):
            raise NotFound("there is no voice of that name")
        folder = self._folder / name
        try:
            with (folder / _RECORD).open(encoding="utf-8") as file:
                record = json.loads(file.read(_RECORD_BYTES))
            consent = Consent(**{key: str(record["consent"][key]) for key in ("by", "at", "statement")})
            clips = {str(feeling): Clip(folder / f"{feeling}.wav", str(record["clips"][feeling])) for feeling in record["clips"] if feeling in FEELINGS}
            language = str(record["language"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConsentMissing(f"the voice {name!r} has no consent record, so it is not cloned") from error
        if problem := consent.problem():
            raise ConsentMissing(f"the voice {name!r} has no valid consent record: {problem}")
        if NEUTRAL not in clips:
            raise ConsentMissing(f"the consent record of the voice {name!r} does not cover a neutral clip")
        return ConsentedVoice(name, language, consent, clips)

    def add(self, name: str, language: str, consent: Consent, clips: Mapping[str, bytes]) -> ConsentedVoice:
        """Keep a voice. Raises `InvalidRequest`, `TooLarge` or `Conflict` with nothing changed."""
        if not _NAME.fullmatch(name):
            raise InvalidRequest("a voice's name is lower case letters, digits and hyphens, at most 60")
        if not _LANGUAGE.fullmatch(language):
            raise InvalidRequest("the language is a BCP 47 tag, such as en or pt-BR")
        if problem := consent.problem():
            raise InvalidRequest(problem)
        if NEUTRAL not in clips or not set(clips) <= FEELINGS:
            raise InvalidRequest(f"clips are named by feeling ({', '.join(sorted(FEELINGS))}), and neutral is one of them")
        if sum(map(len, clips.values())) > MAX_CLIPS:
            raise TooLarge(f"the clips of a voice may have {MAX_CLIPS // 1024 // 1024} MB together: 22050 Hz mono is enough")
        for feeling, data in clips.items():
            _checked(feeling, data)
        sums = {feeling: hashlib.sha256(data).hexdigest() for feeling, data in clips.items()}
        record = {"v": 1, "name": name, "language": language, "consent": asdict(consent), "clips": sums}
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._alone():
            if sum(1 for _ in self._folder.glob("*/")) >= MAX_VOICES:
                raise TooLarge(f"there are {MAX_VOICES} voices; delete one first")
            made = Path(tempfile.mkdtemp(prefix=_NEW, dir=self._folder))
            try:
                for feeling, data in clips.items():
                    (made / f"{feeling}.wav").write_bytes(data)
                (made / _RECORD).write_text(json.dumps(record, ensure_ascii=False, indent=2), encoding="utf-8")
                try:
                    # A folder that is there and not empty is not replaced.
                    os.rename(made, self._folder / name)  # noqa: PTH104 - Path.rename reads as if it could replace
                except OSError as error:
                    raise Conflict("there is a voice of that name") from error
            finally:
                shutil.rmtree(made, ignore_errors=True)
            return self.get(name)

    def delete(self, name: str) -> None:
        """Forget a voice, its clips and its consent. Raises `NotFound`."""
        if not self.has(name):
            raise NotFound("there is no voice of that name")
        with self._alone():
            if not self.has(name):
                raise NotFound("there is no voice of that name")
            # Out of sight first: nobody finds half of it.
            gone = Path(tempfile.mkdtemp(prefix=_OLD, dir=self._folder))
            (self._folder / name).rename(gone / name)
            shutil.rmtree(gone)

    def sweep(self) -> None:
        """Remove what a process left that was killed in the middle of adding or deleting a voice."""
        if not self._folder.is_dir():
            return
        try:
            with self._alone():
                pass
        except OSError as error:
            _log.error("voices.not_swept", reason=type(error).__name__)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """As the only one who writes in the folder; so what is half made or half gone there is nobody's."""
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            for left in (path for path in self._folder.iterdir() if path.name.startswith((_NEW, _OLD))):
                try:
                    shutil.rmtree(left)
                except OSError as error:
                    _log.error("voices.recordings_left", folder=left.name, reason=type(error).__name__)
            yield
        finally:
            # The kernel ends the lock with its descriptor, however the process ends.
            os.close(descriptor)


def _checked(feeling: str, data: bytes) -> None:
    """A mono or stereo WAV of ordinary rate and length."""
    if len(data) > MAX_CLIP:
        raise TooLarge(f"a clip may have {MAX_CLIP // 1024 // 1024} MB")
    try:
        with wave.open(io.BytesIO(data)) as clip:
            frames, rate, channels = clip.getnframes(), clip.getframerate(), clip.getnchannels()
            whole = len(clip.readframes(frames)) == frames * channels * clip.getsampwidth()
    except (wave.Error, EOFError) as error:
        raise InvalidRequest(f"the clip {feeling} is no PCM WAV file") from error
    if not whole or channels not in {1, 2} or not _RATES[0] <= rate <= _RATES[1]:
        raise InvalidRequest(f"the clip {feeling} is cut off, or not mono or stereo at {_RATES[0]} to {_RATES[1]} Hz")
    if not _SECONDS[0] <= frames / rate <= _SECONDS[1]:
        raise InvalidRequest(f"the clip {feeling} lasts {frames / rate:.1f} s; {_SECONDS[0]:.0f} to {_SECONDS[1]:.0f} are of use")
