"""What every test may ask for: a real Redis, and an environment without this machine's own settings."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from functools import cache
from typing import Any

import httpcore2
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, is_hypothesis_test, settings
from redis.asyncio import Redis

from services.compose import redis_client
from tests.redis_server import running_redis
from tests.scheduling import SharedServers

settings.register_profile("ordinary", max_examples=60, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("nightly", settings.get_profile("ordinary"), max_examples=500, derandomize=False)


def pytest_configure(config: pytest.Config) -> None:
    """By day the same examples every time, so that nobody's change fails for another's; at night many new ones."""
    settings.load_profile("nightly" if _nightly(config) else "ordinary")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Whatever holds for every example is among the nightly tests as well."""
    if _nightly(config):
        for item in items:
            if isinstance(item, pytest.Function) and is_hypothesis_test(item.function):
                item.add_marker(pytest.mark.nightly)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> SharedServers | None:
    """What is slow to start is started by one of several workers."""
    return SharedServers(config, log) if config.getvalue("dist") == "loadgroup" else None


def _nightly(config: pytest.Config) -> bool:
    return bool(config.getoption("markexpr") == "nightly")


@pytest.fixture(scope="session", autouse=True)
def scrubbed_environment() -> Iterator[None]:
    """No test sees settings, keys or proxies of whoever runs it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("SOUFFLEUR__", "OPENAI_", "ANTHROPIC_")) or name.lower() in {"http_proxy", "https_proxy", "all_proxy"}:
                patch.delenv(name)
        yield


@pytest.fixture(scope="session", autouse=True)
def certificates_read_once() -> Iterator[None]:
    """Every HTTP client reads the machine's certificates; the hundreds of a test run, which talk to loopback, need them once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpcore2, "default_ssl_context", cache(httpcore2.default_ssl_context))
        yield


@pytest.fixture(scope="session")
def redis_server(request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of one private Redis for the whole test session; parametrise indirectly with a binary's path for another one."""
    with running_redis(*([request.param] if hasattr(request, "param") else [])) as server:
        yield server.url


@pytest_asyncio.fixture
async def redis(redis_server: str) -> AsyncIterator[Redis]:
    """A client made as in production, to an empty server."""
    client = redis_client(redis_server)
    try:
        await client.flushall()
        yield client
    finally:
        await client.aclose()
