"""The only list of services: name -> where its `build(runtime)` is. The order is the order of starting."""

from __future__ import annotations

from typing import Final

SERVICES: Final[dict[str, str]] = {
    "manager": "manager.app:build",
    "stt": "services.stt.app:build",
    "llm": "services.llm.app:build",
    "tts": "services.tts.app:build",
    "stage": "services.stage.app:build",
    "summarizer": "services.summarizer.app:build",
    "corrections": "services.corrections.app:build",
    "gateway": "services.gateway.app:build",
}
