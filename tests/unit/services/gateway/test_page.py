"""The built page, served from a folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio
from fastapi import FastAPI

from services.gateway import page, problems


@pytest_asyncio.fixture
async def http(tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """A page of three files, and a secret beside its folder."""
    root = tmp_path / "static"
    (root / "assets").mkdir(parents=True)
    (root / "index.html").write_text("<!doctype html><p>page")
    (root / "assets" / "app-1a2b.js").write_text("export {}")
    (root / "worklet.js").write_text("registerProcessor")
    (tmp_path / "secret.txt").write_text("secret")
    (root / "link.txt").symlink_to(tmp_path / "secret.txt")
    app = FastAPI()
    problems.install(app)
    app.include_router(page.router(root))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://localhost") as client:
        yield client


async def test_files_have_their_type_and_their_lifetime(http: httpx2.AsyncClient) -> None:
    """Hashed files are kept for ever, the rest is asked for again; scripts are scripts whatever the machine's table says."""
    script = await http.get("/assets/app-1a2b.js")
    assert "immutable" in script.headers["cache-control"]
    assert script.headers["content-type"].startswith("text/javascript")
    assert (await http.get("/worklet.js")).headers["cache-control"] == "no-cache"


async def test_every_path_of_the_page_is_the_page(http: httpx2.AsyncClient) -> None:
    """Its own routes are answered with the index; a missing file is missing."""
    for path in ("/", "/table/01ABC", "/characters/mirelle"):
        answer = await http.get(path, headers={"Accept": "text/html"})
        assert "page" in answer.text
        assert answer.headers["cache-control"] == "no-cache"
    assert (await http.get("/assets/gone.js")).status_code == 404
    assert (await http.get("/v1/gone")).status_code == 404


@pytest.mark.parametrize(
    "path", ["/link.txt", "/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/assets/..%2f..%2fsecret.txt", "/%00", "/" + "a" * 5_000]
)
async def test_nothing_outside_the_folder_is_ever_served(http: httpx2.AsyncClient, path: str) -> None:
    """Neither by dots nor by links nor by strange names."""
    assert "secret" not in (await http.get(path)).text
