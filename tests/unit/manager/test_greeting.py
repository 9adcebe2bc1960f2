"""The welcome."""

from __future__ import annotations

from manager.greeting import engine_lines


def test_the_engines_that_serve_are_named() -> None:
    """One line each, with the model where there is one."""
    status = {
        "engines": {
            "stt": {"default": "pocketsphinx", "engines": [{"name": "pocketsphinx"}]},
            "llm": {"chain": ["openai", "understudy"], "engines": [{"name": "openai", "model": "small"}]},
            "tts": {"default": "espeak", "engines": []},
        }
    }
    assert [" ".join(line.split()) for line in engine_lines(status)] == [
        "hears with pocketsphinx",
        "thinks with openai, understudy (small)",
        "speaks with espeak",
    ]


def test_a_status_without_engines_is_no_fault() -> None:
    """What is not known is left out."""
    assert engine_lines({}) == []
