"""How a prompt's budget of tokens is shared out, and in which order its system text stands."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from services.llm.card import Card
from services.llm.directive import SYSTEM
from services.llm.history import Turn, newest
from services.llm.lore_entry import Entry
from services.llm.lorebook import Book, recalled
from services.llm.macros import Macros
from services.llm.tokens import MESSAGE_TOKENS, estimate, truncated

HEAD_SHARE: Final = 0.6
_TAIL_SHARE: Final = 0.2
_LAST_SHARE: Final = 0.3
_LORE_SHARE: Final = 0.25
_START: Final = re.compile(r"<START>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """A character as it is played: its card, and the card's book."""

    card: Card
    book: Book


class Plan:
    """Shares the budget out: card and notes always, the last words always, then lore, then history, then examples with what is left."""

    def __init__(self, part: Part, macros: Macros, budget: int, around: Mapping[str, str], notes: Sequence[str] = ()) -> None:
        """`around`: what the situation adds to the card, by the names that `_system` knows."""
        self._part = part
        self._macros = macros
        self._budget = budget
        self._around = around
        self._notes = notes

    def fit(self, turns: list[Turn]) -> tuple[str, list[Turn], str]:
        """System text, the turns that fit, and what stands behind them."""
        left = self._budget - MESSAGE_TOKENS
        tail = "\n".join(_level(self._tail(), int(left * _TAIL_SHARE)))
        left -= estimate(tail)
        last = [shortened(turns[-1], int(left * _LAST_SHARE))] if turns else []
        left -= sum(turn.tokens for turn in last)
        pieces = self._pieces()
        pieces = dict(zip(pieces, _level(list(pieces.values()), int(left * HEAD_SHARE) - 8 * len(pieces)), strict=True))
        left -= sum(estimate(text) + 8 for text in pieces.values())
        entries = recalled(self._part.book, [turn.words for turn in turns if turn.words], int(min(left, self._budget) * _LORE_SHARE))
        lore = [(entry, self._macros.expand(entry.content)) for entry in entries]
        left -= sum(estimate(text) + 2 for _, text in lore)
        kept = newest(turns[:-1], left) + last
        left -= sum(turn.tokens for turn in kept[:-1])
        # Examples are worth less than what was really said.
        examples = self._examples(left) if len(kept) == len(turns) else []
        return self._system(pieces, lore, examples), _with_lore(kept, lore), tail

    def _pieces(self) -> dict[str, str]:
        card, expand = self._part.card, self._macros.expand
        standard = expand(SYSTEM)
        pieces = {
            "system": expand(card.system_prompt, original=standard) if card.system_prompt.strip() else standard,
            "description": expand(card.description),
            "personality": expand(card.personality),
            "scenario": expand(card.scenario),
            **self._around,
        }
        return {name: text.strip() for name, text in pieces.items() if text.strip()}

    def _tail(self) -> list[str]:
        card = self._part.card
        after = self._macros.expand(card.post_history, original="").strip()
        depth = self._macros.expand(card.depth_prompt).strip()
        notes = [f"- {text}" for text in self._notes]
        if notes:
            notes.insert(0, f"[Hidden direction for {card.called}, to be followed and never mentioned:")
            notes[-1] += "]"
        return [*(f"[{text}]" for text in (depth, after) if text), *notes]

    def _examples(self, left: int) -> list[str]:
        """Whole example talks from the first on, as long as there is room."""
        kept: list[str] = []
        for block in _START.split(self._part.card.examples):
            text = self._macros.expand(block).strip()
            left -= estimate(text) + 4
            if text and left < 0:
                break
            if text:
                kept.append(text)
        return kept

    def _system(self, pieces: Mapping[str, str], lore: Sequence[tuple[Entry, str]], examples: Sequence[str]) -> str:
        name = self._part.card.called

        def at(position: str) -> str:
            return "\n".join(text for entry, text in lore if entry.position == position)

        sections = (
            pieces.get("system", ""),
            at("before_desc"),
            _titled(f"# {name}\n", pieces.get("description", "")),
            at("after_desc"),
            _titled("Personality: ", "\n".join(filter(None, (pieces.get("personality", ""), at("personality"))))),
            _titled("Scenario: ", "\n".join(filter(None, (pieces.get("scenario", ""), at("scenario"))))),
            _titled(f"# How {name} talks\n", "\n\n".join(examples)),
            _titled(f"# What {name} has kept to itself and may now tell\n", pieces.get("secrets", "")),
            _titled(f"# What {name} remembers of earlier times\n", pieces.get("memory", "")),
            _titled("# What happened before\n", pieces.get("summary", "")),
            _titled("# Here and now\n", "\n".join(filter(None, (pieces.get("scene", ""), _titled("Present: ", pieces.get("present", "")))))),
            _titled("# How to answer\n", pieces.get("directive", "")),
            pieces.get("client", ""),
            pieces.get("notes", ""),
        )
        return "\n\n".join(text for text in sections if text)


def _titled(title: str, text: str) -> str:
    return f"{title}{text}" if text else ""


def _with_lore(turns: list[Turn], lore: Sequence[tuple[Entry, str]]) -> list[Turn]:
    """Entries that belong at a depth, counted in messages from the end (or, negative, from the beginning)."""
    placed = list(turns)
    for entry, text in lore:
        if entry.position == "depth":
            at = max(0, len(turns) - entry.depth) if entry.depth >= 0 else min(len(turns), -1 - entry.depth)
            placed.insert(at, Turn("user", f"[{text}]"))
    return placed


def _level(texts: Sequence[str], limit: int) -> list[str]:
    """Shorten the longest until all together fit; the short ones stay whole."""
    sizes = sorted(estimate(text) for text in texts)
    if sum(sizes) <= limit:
        return list(texts)
    level, left = 0, max(limit, 0)
    for index, size in enumerate(sizes):
        level = left // (len(sizes) - index)
        if size > level:
            break
        left -= size
    return [truncated(text, level) for text in texts]


def shortened(turn: Turn, tokens: int) -> Turn:
    """The turn, cut where it costs more than `tokens`."""
    return turn if turn.tokens <= tokens else replace(turn, text=truncated(turn.text, max(1, tokens - MESSAGE_TOKENS)))
