"""What clients send, as we understand it."""

from __future__ import annotations

from typing import Any

import pytest

from services.core.errors import InvalidRequest
from services.core.settings import LlmSettings
from services.gateway.openai_api.chat_request import ChatRequest


def _request(**fields: Any) -> ChatRequest:
    return ChatRequest.model_validate({"model": "npc/mirelle", "messages": [{"role": "user", "content": "hi"}], **fields})


def test_fields_of_every_client_are_accepted() -> None:
    """SillyTavern, Open WebUI and LibreChat send much that means nothing here."""
    wanted = _request(
        tools=[{"type": "function"}], tool_choice="auto", logit_bias={}, user="x", metadata={}, top_k=40, min_p=0.1, stream=None, stop=None, n=None
    )
    assert not wanted.stream
    assert wanted.options(LlmSettings()).stop == ()


@pytest.mark.parametrize(
    ("fields", "limit"),
    [({}, None), ({"max_tokens": 0}, None), ({"max_tokens": -1}, None), ({"max_tokens": 9}, 9), ({"max_tokens": 9, "max_completion_tokens": 5}, 5)],
)
def test_the_newer_limit_wins_and_none_is_none(fields: dict[str, Any], limit: int | None) -> None:
    """Zero and minus one are how some clients say that there is no limit."""
    assert _request(**fields).options(LlmSettings()).max_tokens == limit


def test_parts_of_text_are_one_text() -> None:
    """The newer form of content is read too."""
    parts = [{"type": "text", "text": "Good "}, {"type": "input_text", "text": "evening"}]
    assert _request(messages=[{"role": "user", "content": parts}]).history()[0].content == "Good evening"


def test_the_last_words_of_the_user_are_found_behind_everything_else() -> None:
    """An assistant's prefill or an empty message does not hide them."""
    messages = [
        {"role": "user", "content": "first"},
        {"role": "user", "content": "last"},
        {"role": "user", "content": " "},
        {"role": "assistant", "content": "x"},
    ]
    assert _request(messages=messages).last_words() == "last"
    with pytest.raises(InvalidRequest):
        _request(messages=[{"role": "system", "content": "x"}]).last_words()
