"""The one settings tree: defaults < souffleur.toml < environment < live overrides. Environment is read here and nowhere else.

A field marked `live` may be patched while everything runs; a turn keeps the snapshot it started with.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from services.core.errors import SettingsRejected

_LIVE: Final[dict[str, Any]] = {"live": True}
EngineTable = dict[str, dict[str, Any]]
"""Engine name -> its own options; validated by the engine's `Options` model when it is built."""


class Section(BaseModel):
    """A branch of the tree."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Endpoints(Section):
    """Where services listen and are called: `unix:<path>` or `host:port`. Empty = a socket in the runtime folder."""

    stt: str = ""
    llm: str = ""
    tts: str = ""
    stage: str = ""
    manager: str = ""
    summarizer: str = ""
    corrections: str = ""


class RedisSettings(Section):
    """The transcript's store."""

    url: str = Field("", description="redis://, rediss:// or unix://; empty = a private child of this program")
    durability: Literal["always", "everysec"] = Field("always", description="When a fact counts as written: after fsync, or within a second")


class BusSettings(Section):
    """What carries the director's corrections."""

    url: str = Field("", description="amqp://user:password@host:5672/vhost; empty = streams in the same Redis")
    delivery_limit: int = Field(5, ge=1, le=100, description="Attempts after which a correction is put aside as dead")
    resend_s: float = Field(30.0, gt=0, le=3600, description="A correction that nobody has applied is sent again after this")


class DatabaseSettings(Section):
    """SQLAlchemy URLs; empty = SQLite files in the data folder."""

    application: str = ""
    archive: str = ""
    logs: str = ""


class SttSettings(Section):
    """Hearing."""

    engine: str = Field("auto", description="auto, faster-whisper, pocketsphinx, openai or an import string", json_schema_extra=_LIVE)
    language: str = Field("", description="BCP 47 tag; empty = the session's, else detected", json_schema_extra=_LIVE)
    engines: EngineTable = Field(default_factory=dict)
    final_timeout_s: float = Field(20.0, gt=0, le=120)
    max_streams: int = Field(32, ge=1, le=1024)


class LlmSettings(Section):
    """Roleplay."""

    chain: tuple[str, ...] = Field(("auto",), description="Engine names in order of preference", json_schema_extra=_LIVE)
    engines: EngineTable = Field(default_factory=dict)
    temperature: float | None = Field(0.8, ge=0, le=2, json_schema_extra=_LIVE)
    max_tokens: int = Field(220, ge=16, le=4096, json_schema_extra=_LIVE)
    token_budget: int = Field(6000, ge=512, le=1_000_000, description="Largest prompt, in tokens", json_schema_extra=_LIVE)
    attempt_timeout_s: float = Field(8.0, gt=0, le=120, description="To the first token of one engine", json_schema_extra=_LIVE)
    reply_timeout_s: float = Field(60.0, gt=0, le=600, json_schema_extra=_LIVE)
    style: str = Field("", description="Replaces the directive that makes replies speakable", json_schema_extra=_LIVE)
    prices: dict[str, tuple[float, float]] = Field(
        default_factory=dict, description="Model -> US dollars per million prompt and completion tokens", json_schema_extra=_LIVE
    )


class TtsSettings(Section):
    """Speaking."""

    engine: str = Field("auto", description="auto, espeak, piper, coqui, openai or an import string", json_schema_extra=_LIVE)
    engines: EngineTable = Field(default_factory=dict)
    loudness_dbfs: float = Field(-20.0, ge=-40, le=-6, description="RMS level that every sentence is brought to", json_schema_extra=_LIVE)
    max_streams: int = Field(32, ge=1, le=1024)


class HearingSettings(Section):
    """Voice activity at the gateway."""

    vad: Literal["silero", "energy"] = "silero"
    threshold: float = Field(0.5, gt=0, lt=1)
    release: float = Field(0.35, gt=0, lt=1)
    pre_roll_s: float = Field(0.25, ge=0, le=1)
    onset_windows: int = Field(2, ge=1, le=10, description="Windows of 32 ms above the threshold that begin an utterance")
    pause_s: float = Field(0.1, ge=0.03, le=0.5, description="Silence after which a pause is reported to the stage")


class StageSettings(Section):
    """Turn-taking."""

    endpointing: Literal["fixed", "text-aware"] = Field("fixed", json_schema_extra=_LIVE)
    hang_over_s: float = Field(0.5, ge=0.1, le=5, description="Silence that ends an utterance", json_schema_extra=_LIVE)
    unfinished_factor: float = Field(2.5, ge=1, le=5, description="text-aware: an unfinished sentence waits this much longer", json_schema_extra=_LIVE)
    speculative_s: float = Field(0.2, ge=0.05, le=5, description="Silence after which a reply is prepared", json_schema_extra=_LIVE)
    speculation: bool = Field(True, json_schema_extra=_LIVE)
    longest_utterance_s: float = Field(30.0, ge=2, le=120, json_schema_extra=_LIVE)
    confirm_s: float = Field(0.5, ge=0.1, le=3, description="Speech that makes a barge-in real", json_schema_extra=_LIVE)
    resume_s: float = Field(2.0, ge=0.3, le=10, description="A paused line goes on after this at the latest", json_schema_extra=_LIVE)
    lead_s: float = Field(0.3, ge=0.04, le=1, description="How far audio is sent ahead of playback")
    auto_release_s: float = Field(0.0, ge=0, le=600, description="A held line is released by itself after this; 0 = never", json_schema_extra=_LIVE)
    claim_s: float = Field(
        60.0,
        ge=1,
        le=3600,
        description="A held line that somebody works on is free for others when nothing was heard of them for so long",
        json_schema_extra=_LIVE,
    )
    filler: bool = Field(False, description="A held character makes a sound of thinking", json_schema_extra=_LIVE)
    wake_name: Literal["auto", "always", "never"] = Field(
        "auto",
        description="When a character must be called by name; auto: as soon as two people are there. A room's microphone always needs the name or the key",
        json_schema_extra=_LIVE,
    )
    address_window_s: float = Field(
        6.0, ge=0, le=60, description="Whom a character has just answered need not call it again for so long", json_schema_extra=_LIVE
    )
    safety_words: tuple[Annotated[str, Field(min_length=1, max_length=100)], ...] = Field(
        (), max_length=16, description="Whoever says one of these silences every character, at every table", json_schema_extra=_LIVE
    )
    idle_prompt_s: float = Field(0.0, ge=0, le=3600, description="A character speaks up after this much silence; 0 = never", json_schema_extra=_LIVE)
    idle_prompts: int = Field(1, ge=1, le=5, description="So often in a row, until somebody says something", json_schema_extra=_LIVE)
    lease_s: float = Field(6.0, ge=1, le=60)
    idle_release_s: float = Field(300.0, ge=5, le=86400)
    drain_s: float = Field(20.0, ge=0, le=600, description="Told to end (SIGTERM), lines that run have so long to come to their end; 0 = they are cut")


class SummarizerSettings(Section):
    """Digests, advice and memory; always behind the play."""

    enabled: bool = Field(True, json_schema_extra=_LIVE)
    light: tuple[str, ...] = Field((), description="Engines that condense, in order; empty = extracts without a model", json_schema_extra=_LIVE)
    strong: tuple[str, ...] = Field((), description="Engines that advise, in order; empty = no advice", json_schema_extra=_LIVE)
    every_turns: int = Field(12, ge=1, le=1000, description="Turns after which a digest is due", json_schema_extra=_LIVE)
    every_tokens: int = Field(2000, ge=100, le=1_000_000, description="Tokens of new dialogue after which a digest is due", json_schema_extra=_LIVE)
    every_s: float = Field(600.0, ge=10, le=86400, description="Time after which a digest is due, if anything was said", json_schema_extra=_LIVE)
    tokens_per_hour: int = Field(60_000, ge=0, description="Most tokens that advice may take in an hour, per session; 0 = none", json_schema_extra=_LIVE)
    timeout_s: float = Field(60.0, gt=0, le=600, json_schema_extra=_LIVE)
    expires_s: float = Field(900.0, ge=10, le=86400, description="A recommendation that nobody decided on is dropped after this", json_schema_extra=_LIVE)
    accepts: tuple[Literal["tone", "continuity", "memory", "plot", "pacing", "safety", "lesson"], ...] = Field(
        (), description="Kinds of recommendation that are accepted without asking", json_schema_extra=_LIVE
    )


class MemorySettings(Section):
    """What characters remember across sessions."""

    enabled: bool = Field(True, json_schema_extra=_LIVE)
    recalled: int = Field(6, ge=0, le=50, description="Memories in a prompt", json_schema_extra=_LIVE)
    embeddings: bool = Field(False, description="Recall by meaning too; needs the extra `memory`")


class GatewaySettings(Section):
    """The edge."""

    host: str = "127.0.0.1"
    port: int = Field(8765, ge=0, le=65535, description="0 = any free port")
    allowed_hosts: tuple[str, ...] = Field((), description="Host names besides loopback that this server answers to")
    allowed_origins: tuple[str, ...] = Field((), description="Origins besides its own that may call it from a browser")
    max_body_bytes: int = Field(25 * 1024 * 1024, ge=1024)
    max_message_bytes: int = Field(256 * 1024, ge=1024)
    max_sockets: int = Field(256, ge=1)
    max_calls: int = Field(32, ge=0, le=1024, description="Calls by WebRTC at once; 0 = none are taken")
    call_addresses: tuple[str, ...] = Field((), max_length=16, description="This machine's addresses that calls are offered at; empty = where it listens")
    call_stun: str = Field("", description="STUN server that tells calls an outer address, e.g. stun:stun.example.org:3478; empty = none is asked")

    @property
    def url(self) -> str:
        """Where it is called from its own machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


class TelemetrySettings(Section):
    """Logs, metrics and traces."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    log_days: float = Field(14.0, gt=0, le=3650, description="How long the log store keeps an entry")
    log_rows: int = Field(500_000, ge=1000, description="How many entries the log store keeps")
    metrics_host: str = Field("127.0.0.1", description="Where a process without a gateway tells its metrics")
    metrics_port: int = Field(0, ge=0, le=65535, description="0 = nowhere; with a gateway they are at its /metrics")
    otlp_endpoint: str = Field("", description="Where traces go (OTLP over HTTP), e.g. http://localhost:4318; empty = nowhere")
    grafana_url: str = Field("", description="Grafana, for the links in the desk, e.g. http://localhost:3000")


class Settings(Section):
    """The whole tree, frozen."""

    data_dir: Path = Field(Path("data"), description="Everything this program keeps")
    runtime_dir: Path | None = Field(None, description="Sockets and run files; empty = a short private folder per data folder")
    models_dir: Path | None = Field(None, description="Model files; empty = `models` in the data folder")
    offline: bool = Field(False, description="Never download anything")
    endpoints: Endpoints = Endpoints()
    redis: RedisSettings = RedisSettings()
    database: DatabaseSettings = DatabaseSettings()
    stt: SttSettings = SttSettings()
    llm: LlmSettings = LlmSettings()
    tts: TtsSettings = TtsSettings()
    hearing: HearingSettings = HearingSettings()
    stage: StageSettings = StageSettings()
    summarizer: SummarizerSettings = SummarizerSettings()
    memory: MemorySettings = MemorySettings()
    bus: BusSettings = BusSettings()
    gateway: GatewaySettings = GatewaySettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    openai_base_url: str = Field("", description="OPENAI_BASE_URL; with key and model a complete LLM configuration")
    openai_api_key: SecretStr = Field(SecretStr(""), description="OPENAI_API_KEY")
    openai_model: str = Field("", description="OPENAI_MODEL")

    @property
    def models(self) -> Path:
        """Where model files are."""
        return self.models_dir or self.data_dir / "models"


class _Sources(Settings, BaseSettings):
    """Reads the same tree from the environment and, weaker, from what it is given."""

    model_config = SettingsConfigDict(env_prefix="SOUFFLEUR__", env_nested_delimiter="__", frozen=True, extra="forbid")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment is stronger than the file."""
        return env_settings, init_settings


_STANDARD_NAMES: Final = {"OPENAI_BASE_URL": "openai_base_url", "OPENAI_API_KEY": "openai_api_key", "OPENAI_MODEL": "openai_model"}


def read(config: Path | None = None, arguments: Mapping[str, Any] | None = None) -> Settings:
    """Read file and environment; `arguments` (from the command line) are strongest.

    Raises `SettingsRejected` naming each bad field; the value itself is not repeated, since it may be a secret.
    """
    file: dict[str, Any] = {}
    path = config or Path("souffleur.toml")
    if config is not None or path.exists():
        try:
            file = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise SettingsRejected(f"cannot read {path}: {error}") from error
    file |= {field: os.environ[name] for name, field in _STANDARD_NAMES.items() if os.environ.get(name)}
    try:
        settings = Settings.model_validate(_plain(_Sources(**file)))
    except ValidationError as error:
        raise SettingsRejected(explain(error)) from None
    return overlaid(settings, arguments or {})


def overlaid(settings: Settings, patch: Mapping[str, Any]) -> Settings:
    """`settings` with a merge patch (RFC 7396) on top, validated as a whole. Raises `SettingsRejected`."""
    try:
        return Settings.model_validate(merged(_plain(settings), patch)) if patch else settings
    except ValidationError as error:
        raise SettingsRejected(explain(error)) from None


def merged(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """RFC 7396 merge: null removes, objects merge, everything else replaces."""
    result = dict(base)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            old = result.get(key)
            result[key] = merged(old if isinstance(old, Mapping) else {}, value)
        else:
            result[key] = value
    return result


def _plain(settings: Settings) -> dict[str, Any]:
    return settings.model_dump()


def masked(settings: Settings) -> dict[str, Any]:
    """The tree as JSON values, for people: secrets, anything named like one, and passwords within URLs are masked."""
    return {name: _mask(value, name) for name, value in settings.model_dump(mode="json").items()}


_URL_PASSWORD: Final = re.compile(r"(://[^:/@\s]*:)[^@/\s]+@")


def _mask(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _mask(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_mask(item, name) for item in value]
    if isinstance(value, str):
        value = _URL_PASSWORD.sub(r"\1********@", value)
    lower = name.lower()
    # A number of tokens is a size; a token that is a text is a credential.
    secret = any(part in lower for part in ("key", "secret", "password")) or ("token" in lower and isinstance(value, str))
    return "********" if secret and value else value


def is_live(patch: Mapping[str, Any], schema: Mapping[str, Any] | None = None) -> list[str]:
    """Paths in `patch` that may not be changed while the program runs; empty = all of it is live."""
    root = schema or Settings.model_json_schema()
    return _dead(patch, root, root.get("$defs", {}), "")


def _dead(patch: Mapping[str, Any], node: Mapping[str, Any], defs: Mapping[str, Any], path: str) -> list[str]:
    found: list[str] = []
    for key, value in patch.items():
        spec = node.get("properties", {}).get(key)
        here = f"{path}{key}"
        if spec is None:
            found.append(here)
        elif "$ref" in spec and isinstance(value, Mapping):
            found += _dead(value, defs[spec["$ref"].rsplit("/", 1)[-1]], defs, f"{here}.")
        elif not spec.get("live"):
            found.append(here)
    return found


def explain(error: ValidationError) -> str:
    """Each bad field with what is wrong with it, without the value."""
    return "; ".join(f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors(include_input=False, include_url=False))


def scrubbed_environment() -> dict[str, str]:
    """This process's environment without secrets and without our own settings (addresses may hold passwords), for child processes that need none."""
    hidden = (_Sources.model_config["env_prefix"], "KEY", "TOKEN", "SECRET", "PASSWORD")
    return {key: value for key, value in os.environ.items() if not any(part in key.upper() for part in hidden)}


def schema_json() -> str:
    """The tree's JSON Schema; fields that can be patched live carry `"live": true`."""
    return json.dumps(Settings.model_json_schema())
