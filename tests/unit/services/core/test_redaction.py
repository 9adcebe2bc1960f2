"""No credential and no word that people said gets into a log, but into a field that is marked."""

from __future__ import annotations

import json
import logging

import pytest
import structlog
from pydantic import BaseModel

from services.core import logs
from services.core.errors import EngineFailed
from services.core.redaction import redacted
from services.core.settings import TelemetrySettings

CANARY = "the duke's blue heron sleeps"
KEY = "sk-canary0123456789abcdefghij"


class _Card(BaseModel):
    age: int


@pytest.mark.parametrize(
    "fields",
    [
        {"api_key": KEY},
        {"authorization": f"Bearer {KEY}"},
        {"detail": f"401 for Bearer {KEY}"},
        {"reason": f"the key {KEY} is refused"},
        {"url": f"redis://user:{KEY}@host:6379"},
        {"options": {"deep": {"api_key": KEY}}},
        {"headers": [{"x_token": KEY}]},
        {"session_token": KEY},
    ],
)
def test_no_key_is_kept(fields: dict[str, object]) -> None:
    assert KEY not in json.dumps(redacted(None, "info", dict(fields)))


@pytest.mark.parametrize("name", ["text", "tagged", "prompt", "said", "content", "messages", "words", "body", "card"])
def test_words_stand_in_marked_fields_only(name: str) -> None:
    event = redacted(None, "info", {name: CANARY, "deep": {name: [CANARY]}, f"personal_{name}": CANARY})
    assert event.pop(f"personal_{name}") == CANARY
    assert CANARY not in json.dumps(event)


def test_figures_and_names_are_left_alone() -> None:
    fields = {"tokens": 12, "token_budget": 6000, "session": "s1", "engine": "groq", "key_count": 2, "monkey": "yes", "parts": ["stt", "tts"]}
    assert redacted(None, "info", dict(fields)) == fields


def test_a_traceback_does_not_quote_what_was_said(capsys: pytest.CaptureFixture[str], restored_logging: None) -> None:
    logs.configure(TelemetrySettings())
    log = structlog.get_logger("services.llm.card")

    def fails(kind: str) -> None:
        if kind == "value":
            raise ValueError(CANARY)
        if kind == "model":
            _Card.model_validate({"age": CANARY})
        if kind == "key":
            raise KeyError(CANARY)
        raise EngineFailed("no engine could answer")

    for kind in ("value", "model", "ours"):
        try:
            fails(kind)
        except Exception:
            log.exception("it.broke")
    try:
        fails("key")
    except KeyError:
        logging.getLogger("uvicorn.error").exception("it broke there")
    text = capsys.readouterr().err
    assert CANARY not in text
    assert text.count("Traceback") == 4
    assert "in fails" in text
    assert "EngineFailed: no engine could answer" in text
    assert [json.loads(line)["service"] for line in text.splitlines()] == ["llm", "llm", "llm", "uvicorn"]
