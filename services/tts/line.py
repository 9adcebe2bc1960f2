"""One line: its sentences in order through one engine, or through the next one when that fails before its first sound."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

from services.core.errors import EngineFailed, SouffleurError, TooLarge, Unavailable
from services.core.model.prosody import Prosody, Voice
from services.core.model.voicing import SentenceStarted, SpeakEvent, SpeakOpened, SpeechAudio, VoiceFellBack
from services.core.settings import Settings
from services.core.telemetry import FALLBACKS
from services.tts.edges import pause_ms
from services.tts.engine import EngineEvent, TtsEngine
from services.tts.ensemble import Ensemble, failed
from services.tts.loudness import Calibration
from services.tts.plain import MAX_SENTENCE, inert, speakable
from services.tts.prosody import decibels
from services.tts.sentence import Sentence, rendered, silence


@dataclass(frozen=True, slots=True)
class Script:
    """What is to be said and how."""

    seq: int
    text: str
    prosody: Prosody


class Line:
    """Keeps its engine and its snapshot of the settings until its end."""

    def __init__(self, ensemble: Ensemble, calibration: Calibration, settings: Settings, voice: Voice) -> None:
        """`voice` has whole factors (see `prosody.whole_voice`)."""
        self._ensemble = ensemble
        self._calibration = calibration
        self._settings = settings
        self._voice = voice
        self._chain: list[str] = []
        self._engine: TtsEngine | None = None

    async def speak(self, scripts: AsyncGenerator[Script, None]) -> AsyncGenerator[SpeakEvent, None]:
        """Events of the whole line, `SpeakOpened` first. Raises `EngineFailed` when no engine can go on."""
        self._chain = await self._ensemble.chain(self._voice, self._settings)
        unknown = bool(self._voice.engine) and not self._ensemble.knows(self._voice.engine)
        # The unknown name comes from a card, so it is no metric's label.
        given_up = [self._fell_back("unknown", self._chain[0], "the voice asks for an engine that does not exist", "unknown_engine")] if unknown else []
        given_up += await self._open()
        info = await self._ensemble.capabilities(self._chain[0])
        yield SpeakOpened(self._chain[0], word_marks=info.word_marks, flat_emotions=info.flat_emotions)
        for passed in given_up:
            yield passed
        async with aclosing(scripts):
            async for script in scripts:
                async with aclosing(self._sentence(script)) as events:
                    async for event in events:
                        yield event

    async def _open(self) -> list[VoiceFellBack]:
        """Open the first engine of the chain that can be; what was passed over on the way."""
        passed: list[VoiceFellBack] = []
        while True:
            name = self._chain[0]
            try:
                resting = self._ensemble.resting(name)
                if resting and len(self._chain) > 1:
                    raise EngineFailed(resting)
                self._engine = await self._ensemble.engine(name)
            except SouffleurError as error:
                passed.append(self._next(error))
            else:
                return passed

    def _next(self, error: SouffleurError) -> VoiceFellBack:
        """Give the first engine up for the rest of the line. Raises `error` when there is no other."""
        if len(self._chain) < 2:
            raise error
        old, self._chain = self._chain[0], self._chain[1:]
        return self._fell_back(old, self._chain[0], error.detail, error.code)

    def _fell_back(self, old: str, new: str, reason: str, code: str) -> VoiceFellBack:
        FALLBACKS.labels("tts", old, new, code).inc()
        return VoiceFellBack(old, new, reason)

    async def _sentence(self, script: Script) -> AsyncGenerator[SpeakEvent, None]:
        if len(script.text) > MAX_SENTENCE:
            raise TooLarge(f"a sentence may have {MAX_SENTENCE} characters")
        yield SentenceStarted(script.seq, script.text)
        text = inert(script.text)
        if not speakable(text):
            for frame in silence(script.seq, 2 * pause_ms(text)):
                yield frame
            return
        async with aclosing(self._attempts(script, text)) as events:
            async for event in events:
                yield event

    async def _attempts(self, script: Script, text: str) -> AsyncGenerator[SpeakEvent, None]:
        """The sentence by the first engine that gets a sound out of it."""
        begun = False
        while True:
            try:
                async with aclosing(self._rendered(script, text)) as events:
                    async for event in events:
                        begun = begun or isinstance(event, SpeechAudio)
                        yield event
            except SouffleurError as error:
                if begun:
                    raise
                if isinstance(error, EngineFailed):  # a missing voice is no fault of the engine's other voices
                    self._ensemble.rest(self._chain[0], error.detail)
                yield self._next(error)
                for passed in await self._open():
                    yield passed
            else:
                return

    async def _rendered(self, script: Script, text: str) -> AsyncGenerator[SpeakEvent, None]:
        if self._engine is None:
            raise Unavailable("the line has no engine")
        name = self._chain[0]
        # Voice names and options belong to the engine that they were made for.
        voice = self._voice if self._voice.engine in {"", name} else replace(self._voice, name="", options="{}")
        sentence = Sentence(
            seq=script.seq,
            text=script.text,
            target_dbfs=self._settings.tts.loudness_dbfs,
            gain_db=self._engine.gain_db(script.prosody) + decibels(voice.volume),
            voice_key=((name, voice.name, voice.language), (script.prosody.emotion, script.prosody.manner)),
        )
        source = _named(name, self._engine.stream(text, script.prosody, voice))
        async with aclosing(rendered(sentence, source, self._calibration)) as events:
            async for event in events:
                yield event


async def _named(name: str, source: AsyncGenerator[EngineEvent, None]) -> AsyncGenerator[EngineEvent, None]:
    """`source` with everything it may raise turned into errors of ours."""
    async with aclosing(source):
        try:
            async for event in source:
                yield event
        except SouffleurError:
            raise
        except Exception as error:
            raise failed(name, error) from error
