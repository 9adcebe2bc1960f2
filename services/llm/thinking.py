"""Takes a model's thinking out of its stream, however the tags are cut into chunks."""

from __future__ import annotations

from typing import Final

_NAMES: Final = ("think", "thinking", "thought", "thoughts", "reasoning", "reflection", "analysis", "scratchpad", "inner_monologue", "seed:think")
OPENINGS: Final = (
    *(f"<{name}>" for name in _NAMES),
    "[think]", "◁think▷", "<|begin_of_thought|>", "<|channel|>analysis<|message|>", "<|channel>thought",
)  # fmt: skip
"""What begins a block that is not speech; compared without case."""
CLOSINGS: Final = (
    *(f"</{name}>" for name in _NAMES),
    "[/think]", "◁/think▷", "<|end_of_thought|>", "<|end|>", "<channel|>",
)  # fmt: skip
"""What ends one; outside a block it is dropped."""
_STARTS: Final = frozenset("<[◁")
_NOISE: Final = ("<|channel|>final<|message|>", "<|channel|>commentary<|message|>", "<|start|>assistant", "<|message|>")
_OUTSIDE: Final = tuple(sorted((*OPENINGS, *CLOSINGS, *_NOISE), key=len, reverse=True))
_LONGEST: Final = max(len(tag) for tag in _OUTSIDE)


class ThinkingFilter:
    """Text in, speech out. An unclosed block swallows the rest; at most one possible tag is held back."""

    def __init__(self, *, inside: bool = False) -> None:
        """`inside`: the prompt already opened a block, as some chat templates do."""
        self._inside = inside
        self._held = ""

    @property
    def inside(self) -> bool:
        """The model is thinking."""
        return self._inside

    def feed(self, text: str) -> str:
        """What of `text`, and of what was held back, is speech."""
        if not self._held and not self._inside and _STARTS.isdisjoint(text):
            return text
        out: list[str] = []
        for char in text:
            self._held += char
            self._settle(out)
        return "".join(out)

    def finish(self) -> str:
        """What was held back and turned out to be no tag."""
        rest, self._held = ("" if self._inside else self._held), ""
        return rest

    def _settle(self, out: list[str]) -> None:
        while self._held:
            lowered = self._held.lower()
            tags = CLOSINGS if self._inside else _OUTSIDE
            if lowered in tags:
                self._inside = lowered in OPENINGS if not self._inside else False
                self._held = ""
                return
            if len(lowered) <= _LONGEST and any(tag.startswith(lowered) for tag in tags):
                return
            if not self._inside:
                out.append(self._held[0])
            self._held = self._held[1:]
