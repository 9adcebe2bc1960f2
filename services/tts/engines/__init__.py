"""The table of voice engines: name -> where its class is. A new engine is one file here and one line in this table."""

from __future__ import annotations

from typing import Final

ENGINES: Final[dict[str, str]] = {
    "piper": "services.tts.engines.piper:Piper",
    "espeak": "services.tts.engines.espeak:Espeak",
    "coqui": "services.tts.engines.coqui.engine:Coqui",
    "openai": "services.tts.engines.openai:OpenAiSpeech",
    "scripted": "services.tts.engines.scripted:Scripted",
}
