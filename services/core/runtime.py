"""Runtime: what every service of a process is given, and where it is called."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path

from redis.asyncio import Redis

from services.core.bus.corrections import BusOpener, CorrectionBus
from services.core.calm import Calm
from services.core.clock import Clock, SystemClock
from services.core.draining import Draining
from services.core.errors import Unavailable
from services.core.live import LiveSettings
from services.core.rpc.client import Channels, LlmClient, ManagerClient, StageClient, SttClient, SummarizerClient, TtsClient
from services.core.settings import Settings


def _no_bus() -> AbstractAsyncContextManager[CorrectionBus]:
    raise Unavailable("no bus for corrections was composed")


@dataclass(slots=True, kw_only=True)
class Runtime:
    """Built by `compose`, entered by the launcher, handed to every service's `build`."""

    live: LiveSettings
    redis: Redis
    """Shared connection pool to the transcript store; replies are bytes, RESP2."""
    run_dir: Path
    """Short private folder for sockets and run files."""
    archive_url: str
    """SQLAlchemy URL of the transcript archive."""
    application_url: str
    """SQLAlchemy URL of characters and other application data."""
    logs_url: str = ""
    """SQLAlchemy URL of the log store."""
    bus: BusOpener = _no_bus
    """Opens the bus that carries corrections."""
    clock: Clock = field(default_factory=SystemClock)
    channels: Channels = field(default_factory=Channels)
    calm: Calm = field(default_factory=Calm)
    """Whether turns are being answered here."""
    draining: Draining = field(default_factory=Draining)
    """Whether this process still takes anything new."""

    @property
    def settings(self) -> Settings:
        """The snapshot in force now."""
        return self.live.current

    def address(self, service: str) -> str:
        """Where `service` listens and is called."""
        configured: str = getattr(self.settings.endpoints, service)
        return configured or f"unix:{self.run_dir / service}.sock"

    def stt(self) -> SttClient:
        """Client of the hearing service."""
        return SttClient(self.channels, self.address("stt"))

    def llm(self) -> LlmClient:
        """Client of the roleplay service."""
        return LlmClient(self.channels, self.address("llm"))

    def tts(self) -> TtsClient:
        """Client of the voice service."""
        return TtsClient(self.channels, self.address("tts"))

    def stage(self) -> StageClient:
        """Client of the stages."""
        return StageClient(self.channels, self.address("stage"))

    def summarizer(self) -> SummarizerClient:
        """Client of the summarizer and adviser."""
        return SummarizerClient(self.channels, self.address("summarizer"))

    def manager(self) -> ManagerClient:
        """Client of the settings desk."""
        return ManagerClient(self.channels, self.address("manager"))
