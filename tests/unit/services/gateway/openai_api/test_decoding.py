"""Recordings from strangers: decoded within caps, or refused."""

from __future__ import annotations

import io
import socket
import threading
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from services.core.errors import InvalidRequest, TooLarge
from services.gateway.openai_api import decoding
from services.gateway.openai_api.decoding import decoded

_GO = threading.Event()


def _opus(seconds: int) -> bytes:
    """Silence, at the few bytes a second that silence costs."""
    sink = io.BytesIO()
    with av.open(sink, "w", format="ogg") as file:
        stream = file.add_stream("libopus", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 48_000), "<i2"), format="s16", layout="mono")
        frame.sample_rate = 48_000
        for second in range(seconds):
            frame.pts = second * 48_000
            for packet in stream.encode(frame):
                file.mux(packet)
        for packet in stream.encode(None):
            file.mux(packet)
    return sink.getvalue()


def test_hours_in_few_bytes_are_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file of long silence is refused once its decoded length passes the cap, not after all of it."""
    monkeypatch.setattr(decoding, "_MAX_SAMPLES_BYTES", 10 * 32_000)
    data = _opus(60)
    assert len(data) < 200_000
    with pytest.raises(TooLarge):
        decoded(data, _GO)
    assert decoding.MAX_SECONDS == 600


def test_a_playlist_fetches_nothing() -> None:
    """Files that name other files or addresses are no recordings, and the addresses are never asked."""
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.setblocking(False)
        url = f"http://127.0.0.1:{canary.getsockname()[1]}/a.ts"
        for text in (
            f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{url}\n#EXT-X-ENDLIST\n",
            f"ffconcat version 1.0\nfile '{url}'\n",
            f"<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011' type='static'><BaseURL>{url}</BaseURL></MPD>",
        ):
            with pytest.raises(InvalidRequest):
                decoded(text.encode(), _GO)
        # Whoever had connected would stand in its queue by now.
        with pytest.raises(BlockingIOError):
            canary.accept()


def test_a_local_file_is_never_read(tmp_path: Path) -> None:
    """A playlist of local paths is refused too."""
    secret = tmp_path / "secret.wav"
    with wave.open(str(secret), "wb") as writer:
        writer.setparams((1, 2, 16_000, 0, "NONE", ""))
        writer.writeframes(bytes(3_200))
    with pytest.raises(InvalidRequest):
        decoded(f"ffconcat version 1.0\nfile '{secret}'\n".encode(), _GO)


@pytest.mark.parametrize("data", [b"", b"RIFF", b"OggS" + bytes(100), b"ID3" + bytes(200), bytes(1_000), b"\xff\xfb" * 300])
def test_broken_files_are_refused(data: bytes) -> None:
    """Whatever the bytes, the answer is an error of ours, never a crash."""
    with pytest.raises(InvalidRequest, match="file:"):
        decoded(data, _GO)


def test_stopping_ends_early() -> None:
    """A client that has left costs no more decoding."""
    stop = threading.Event()
    stop.set()
    assert len(decoded(_opus(5), stop)) < 5 * 32_000


def test_too_many_bytes_are_not_looked_at() -> None:
    """The cap on bytes comes first."""
    with pytest.raises(TooLarge):
        decoded(bytes(decoding.MAX_BYTES + 1), _GO)
