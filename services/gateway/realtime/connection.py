"""One realtime connection, from the accepted socket to its close code."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog
from openai.types.realtime import SessionCreatedEvent

from services.core.errors import Ahead, SouffleurError
from services.core.model.attachment import Attached, AttachOpen, Configure
from services.core.model.principal import Principal
from services.core.model.speech import TranscribeOpen
from services.gateway.edge import Edge
from services.gateway.hearing.ear import Ear, Hearing
from services.gateway.hearing.resample import AudioFormat
from services.gateway.hearing.segmenter import Sensitivity
from services.gateway.realtime.acts import Acts, Rights
from services.gateway.realtime.config import SessionConfig
from services.gateway.realtime.conversation import Conversation
from services.gateway.realtime.emitter import Emitter, dump
from services.gateway.realtime.errors import INTERNAL, POLICY, TOO_BIG, TRY_AGAIN, ClientError, Hangup
from services.gateway.realtime.items import Items
from services.gateway.realtime.link import StageLink
from services.gateway.realtime.outbox import Outbox
from services.gateway.realtime.responses import Responses
from services.gateway.realtime.roster import Roster, Rosters
from services.gateway.realtime.speech import Speech
from services.gateway.realtime.wire import Sound, Wire

_TICK_S: Final = 0.25
_BEAT_S: Final = 10.0
"""A client that has heard nothing for longer than this sits behind a connection that is gone: pings of the protocol are hidden from pages."""
_FAREWELL_S: Final = 2.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the URL asks for, and who asks."""

    principal: Principal
    model: str = ""
    character: str = ""
    session: str = ""
    participant: str = ""
    after_seq: int = 0
    binary: bool = False
    """The client may send audio as bytes."""
    monitor: bool = False
    """A director's desk: watches without being there."""
    platform: str = "realtime"
    place: str = ""
    heads: int = 1
    """People behind the microphone; two or more make it the room's."""
    configured: Mapping[str, Any] | None = None
    """A session object that is in force from the beginning, as `session.update` would set it."""


class Connection:
    """`run` it once, over a wire that stands."""

    def __init__(self, wire: Wire, edge: Edge, hearing: Hearing, rosters: Rosters, wanted: Wanted) -> None:
        """Nothing happens before `run`."""
        self._wire = wire
        self._edge = edge
        self._hearing = hearing
        self._rosters = rosters
        self._wanted = wanted
        self._outbox = Outbox()
        self._emitter = Emitter(self._outbox)
        self._session = wanted.session

    async def run(self) -> None:
        """Serve the client until one side has enough. Every way out closes the wire with a code; only cancellation is raised."""
        code, reason = INTERNAL, "internal error"
        try:
            await self._serve()
        except* Hangup as ended:
            code, reason = self._farewell(_first(ended, Hangup))
        except* SouffleurError as failed:
            error = _first(failed, SouffleurError)
            if isinstance(error, Ahead):
                self._rosters.forget(self._session)
            self._emitter.error(ClientError.of(error))
            code, reason = (TRY_AGAIN if error.retryable else POLICY), error.code
        except* Exception:
            _log.exception("realtime.failed")
        await self._close(code, reason)

    async def _serve(self) -> None:
        opening = await self._opening()
        self._session = opening.session
        link = StageLink(self._edge.stage, opening)
        try:
            attached = await link.open()
            roster = await self._rosters.at(opening.session, attached.head)
            async with asyncio.TaskGroup() as group:
                acts, conversation, ear, voice = self._assemble(group, link, roster, opening.session)
                conversation.begin(attached)
                self._greet(acts.config, attached, roster)
                if self._wanted.configured is not None:
                    acts.take(dump({"type": "session.update", "session": self._wanted.configured}))
                try:
                    group.create_task(self._write(), name="realtime-write")
                    group.create_task(link.pump(), name="realtime-up")
                    group.create_task(self._tell(link, conversation), name="realtime-down")
                    group.create_task(_tick(ear), name="realtime-tick")
                    group.create_task(self._beat(), name="realtime-beat")
                    group.create_task(voice.run(), name="realtime-voice")
                    with self._edge.runtime.draining.counting("responses", conversation.running):
                        await self._listen(acts)
                except Hangup as ended:
                    if ended.goodbye:
                        await link.leave()
                    raise
                finally:
                    ear.close()
        finally:
            link.close()

    async def _opening(self) -> AttachOpen:
        session = self._wanted.session
        if not session:
            if not self._wanted.character:
                raise Hangup(POLICY, "model_not_found", ClientError("model_not_found", "the model is npc/<slug>, one of /v1/models", "model"))
            session = (await self._edge.open_session([self._wanted.character])).session
        wanted = self._wanted
        return AttachOpen(
            session=session,
            principal=wanted.principal,
            participant=wanted.participant,
            after_seq=wanted.after_seq,
            hears=not wanted.monitor,
            monitor=wanted.monitor,
            reports_playback=self._wire.reports,
            platform=wanted.platform,
            place=wanted.place,
            head_count=wanted.heads,
        )

    def _assemble(self, group: asyncio.TaskGroup, link: StageLink, roster: Roster, session: str) -> tuple[Acts, Conversation, Ear, Sound]:
        def spawn(work: Coroutine[Any, Any, None]) -> object:
            try:
                return group.create_task(work)
            except RuntimeError:
                # The connection is ending this very moment: nothing new is begun.
                return work.close()

        def config() -> SessionConfig:
            return acts.config

        def opening(utterance: str) -> TranscribeOpen:
            safety = (*self._edge.runtime.live.current.stage.safety_words, *roster.safety_words)
            phrases = config().phrases or roster.phrases
            return TranscribeOpen(
                session=session,
                utterance=utterance,
                language=config().language or self._edge.runtime.settings.stt.language or roster.spoken_language,
                # Where nothing but phrases is listened for, a safety word has to be one of them.
                phrases=(*phrases, *safety) if phrases else (),
                hotwords=(*config().keywords, *safety, *roster.hotwords()),
            )

        settings = self._edge.runtime.settings
        items = Items(self._emitter)
        voice = self._wire.sound(self._outbox, self._emitter, link.send)
        speech = Speech(self._emitter, items, link.send, opening)
        ear = speech.ear = Ear(self._hearing, speech, spawn, Sensitivity.of(settings.hearing), endless=self._wire.microphone is not None)
        if self._wire.microphone is not None:
            ear.set_format(self._wire.microphone)
        responses = Responses(self._emitter, items, voice, config)
        conversation = Conversation(self._emitter, items, responses, speech, roster)
        first = SessionConfig(
            session=session,
            model=self._wanted.model,
            hang_over_ms=round(settings.stage.hang_over_s * 1000),
            threshold=settings.hearing.threshold,
            pre_roll_ms=round(settings.hearing.pre_roll_s * 1000),
        )
        rights = Rights(
            principal=self._wanted.principal,
            character=self._wanted.character if any(member.id == self._wanted.character for member in roster.cast) else "",
            send=link.send,
            tell=self._edge.stage.tell,
            spawn=spawn,
            configured=_InForce(link, ear, voice, settings.hearing, first, self._wire.microphone).apply,
            by_track=self._wire.microphone is not None,
        )
        acts = Acts(first, self._emitter, conversation, ear, rights)
        return acts, conversation, ear, voice

    def _greet(self, config: SessionConfig, attached: Attached, roster: Roster) -> None:
        self._emitter.session(SessionCreatedEvent, config.shown())
        self._emitter.own(
            "attached",
            session_id=config.session,
            participant=attached.participant,
            name=attached.name,
            place=attached.place,
            head=attached.head,
            cast=[member.shown() for member in roster.cast],
        )

    async def _write(self) -> None:
        try:
            await self._outbox.run(self._wire.write)
        except Hangup as ended:
            if not ended.code:
                # Whoever listens meets the same end, and knows whether it was meant.
                await asyncio.sleep(_FAREWELL_S)
            raise

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(_BEAT_S)
            self._emitter.own("beat")

    async def _tell(self, link: StageLink, conversation: Conversation) -> None:
        async for event in link.events():
            conversation.take(event)
            await self._outbox.room()

    async def _listen(self, acts: Acts) -> None:
        most = self._edge.runtime.settings.gateway.max_message_bytes
        while True:
            message = await self._wire.receive()
            if len(message) > most:
                raise Hangup(TOO_BIG, "message too large", ClientError("too_large", f"at most {most} bytes a message"))
            if isinstance(message, str):
                acts.take(message)
            elif self._wanted.binary:
                acts.take_binary(message)
            else:
                self._emitter.error(ClientError("binary_not_agreed", "binary audio needs the subprotocol souffleur.pcm"))

    def _farewell(self, ended: Hangup) -> tuple[int, str]:
        if ended.error is not None:
            self._emitter.error(ended.error)
        return ended.code, ended.reason

    async def _close(self, code: int, reason: str) -> None:
        if not code or not self._wire.open:
            return
        # The client may be gone without having said so; then there is nobody to close for.
        with contextlib.suppress(Hangup, RuntimeError, TimeoutError):
            await self._outbox.drain(self._wire.write, _FAREWELL_S)
            async with asyncio.timeout(_FAREWELL_S):
                await self._wire.close(code, reason)


@dataclass(slots=True)
class _InForce:
    """Carries a changed configuration to everybody whom it concerns."""

    link: StageLink
    ear: Ear
    voice: Sound
    hearing: Any
    last: SessionConfig
    microphone: AudioFormat | None
    """How audio comes in, whatever the session says."""

    def apply(self, config: SessionConfig) -> None:
        """`config` is in force from now on. What did not change is not told again: `souffleur.configure` may have set it otherwise."""
        last, self.last = self.last, config
        detection = config.turn_detection
        self.ear.set_format(self.microphone or config.input)
        self.ear.set_manual(detection is None)
        if detection is not None:
            self.ear.set_sensitivity(Sensitivity.of(self.hearing, getattr(detection, "threshold", None), getattr(detection, "prefix_padding_ms", None)))
        self.voice.set_format(config.output)
        change = config.turns() if config.turns() != last.turns() else Configure()
        if change != Configure() and change.idle_s is None and last.turns().idle_s is not None:
            change = replace(change, idle_s=0.0)
        if config.modality != last.modality:
            change = replace(change, hears=config.modality == "audio")
        if change != Configure():
            self.link.send(change)


async def _tick(ear: Ear) -> None:
    while True:
        await asyncio.sleep(_TICK_S)
        ear.tick()


def _first(group: BaseExceptionGroup[Any], kind: type[Any]) -> Any:
    """The first of that kind, however deep."""
    for error in group.exceptions:
        found = _first(error, kind) if isinstance(error, BaseExceptionGroup) else error
        if isinstance(found, kind):
            return found
    raise AssertionError
