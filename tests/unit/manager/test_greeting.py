"""The welcome."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from manager.greeting import engine_lines, part


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


@pytest.mark.parametrize(("lines", "what"), [(0, ""), (1, "1 line"), (3, "3 lines"), (-1, "lines")])
def test_at_the_end_it_says_what_is_waited_for(lines: int, what: str) -> None:
    """And how to wait no longer; where nothing runs it says nothing."""
    out = io.StringIO()
    part(20.0, lines, Console(file=out, width=200))
    assert out.getvalue().strip() == (f"Waits for {what} to end, 20 s at the most. Ctrl-C ends at once." if what else "")
