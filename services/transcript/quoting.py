"""What stands in the transcript, quoted to a model."""

from __future__ import annotations


def one_line(text: str) -> str:
    """As it stands in a prompt: a break in what somebody wrote must not begin somebody else's line, a direction or a section of ours."""
    return " ".join(text.split())
