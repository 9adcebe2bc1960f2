"""The table of LLM engines: name -> import string. A settings entry under any other name says with `kind` which of these it is."""

from __future__ import annotations

from typing import Final

ENGINES: Final[dict[str, str]] = {
    "openai": "services.llm.providers.openai:OpenAiEngine",
    "ollama": "services.llm.providers.ollama:OllamaEngine",
    "llama": "services.llm.providers.llama:LlamaEngine",
    "scripted": "services.llm.providers.scripted:ScriptedEngine",
    "understudy": "services.llm.providers.understudy.engine:UnderstudyEngine",
}
