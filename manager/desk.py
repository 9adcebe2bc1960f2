"""The settings desk: the only writer of live overrides. Validates a patch on the same model, stores it with a version, announces it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio import Redis

from services.compose import LIVE_SETTINGS_KEY
from services.core.bus import notices
from services.core.errors import Conflict, InvalidRequest, SettingsRejected
from services.core.live import LiveSettings
from services.core.settings import Settings, is_live, masked, merged, overlaid, schema_json

_LARGEST_PATCH: Final = 64 * 1024
_TRIES: Final = 8
# One step, so that of two editors who read the same version only one writes.
_SWAP: Final = """
local version = tonumber(redis.call('HGET', KEYS[1], 'version') or '0')
if version ~= tonumber(ARGV[1]) then return -1 end
redis.call('HSET', KEYS[1], 'version', version + 1, 'overrides', ARGV[2])
return version + 1
"""


@dataclass(frozen=True, slots=True)
class DeskView:
    """What the desk shows; everything is JSON text."""

    settings: str
    schema: str
    version: int
    overrides: str


class Desk:
    """Reads and patches the overrides in the store."""

    def __init__(self, redis: Redis, live: LiveSettings) -> None:
        """`live` holds the base that patches are laid upon, and takes over what is stored."""
        self._redis = redis
        self._live = live
        self._swap = redis.register_script(_SWAP)

    async def view(self) -> DeskView:
        """The tree in force (secrets masked), its schema, and the overrides."""
        version, overrides = await self._stored()
        self._take(version, overrides)
        return DeskView(json.dumps(masked(self._live.current)), schema_json(), version, json.dumps(overrides))

    async def patch(self, text: str, base_version: int = 0) -> tuple[int, Settings]:
        """Lay a merge patch (RFC 7396) over the overrides; null takes an override back. Returns the new version and tree.

        Raises `SettingsRejected` naming the field, or `Conflict` when `base_version` is given and somebody else was faster; then nothing has changed.
        """
        patch = _parsed(text)
        for _ in range(_TRIES):
            version, overrides = await self._stored()
            if base_version not in (0, version):
                raise Conflict(f"the settings are at version {version}, yours was {base_version}; read them again")
            wanted = merged(overrides, patch)
            settings = self._checked(wanted, patch)
            written = int(await self._swap(keys=[LIVE_SETTINGS_KEY], args=[version, json.dumps(wanted)]))
            if written > 0:
                self._take(written, wanted)
                await notices.announce(self._redis, notices.SETTINGS, str(written))
                return written, settings
        raise Conflict("the settings keep changing; try again")

    def _checked(self, overrides: Mapping[str, Any], patch: Mapping[str, Any]) -> Settings:
        settings = overlaid(self._live.base, overrides)
        # Taking something back is always allowed: it can only have been live, or be a left-over of an older version.
        dead = is_live(_without_nulls(patch))
        if dead:
            raise SettingsRejected(f"{', '.join(dead)}: needs a restart; set it in souffleur.toml or the environment")
        return settings

    def _take(self, version: int, overrides: Mapping[str, Any]) -> None:
        self._live.accept(version, json.dumps(overrides))

    async def _stored(self) -> tuple[int, dict[str, Any]]:
        version, overrides = await self._redis.hmget(LIVE_SETTINGS_KEY, ["version", "overrides"])
        return int(version or 0), json.loads(overrides or b"{}")


def _parsed(text: str) -> dict[str, Any]:
    if len(text) > _LARGEST_PATCH:
        raise InvalidRequest(f"a patch may have {_LARGEST_PATCH} characters")
    try:
        patch = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidRequest("the patch is not JSON") from None
    if not isinstance(patch, dict):
        raise InvalidRequest("the patch is not a JSON object")
    return patch


def _without_nulls(patch: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in patch.items():
        if isinstance(value, Mapping):
            inner = _without_nulls(value)
            if inner or not value:
                kept[key] = inner
        elif value is not None:
            kept[key] = value
    return kept
