"""What recognisers call a language."""

from __future__ import annotations

import pytest

from services.stt.languages import code


@pytest.mark.parametrize(
    ("tag", "known"),
    [("en", "en"), ("EN", "en"), ("pt-BR", "pt"), ("en_US", "en"), (" de ", "de"), ("nb-NO", "no"), ("cmn-Hans", "zh"), ("", ""), ("English", ""), ("-", "")],
)  # fmt: skip
def test_a_tag_names_a_language_or_none(tag: str, known: str) -> None:
    """However it is written; what is no tag is for the engine to find out."""
    assert code(tag) == known
