"""The engine table: name -> import string. It feeds settings, the doctor and the contract tests."""

from __future__ import annotations

from typing import Final

ENGINES: Final[dict[str, str]] = {
    "faster-whisper": "services.stt.engines.whisper:WhisperEngine",
    "pocketsphinx": "services.stt.engines.pocketsphinx:PocketsphinxEngine",
    "openai": "services.stt.engines.openai:OpenAiEngine",
    "scripted": "services.stt.engines.scripted:ScriptedEngine",
}

AUTOMATIC: Final = ("faster-whisper", "pocketsphinx")
"""What `auto` tries, in this order."""
