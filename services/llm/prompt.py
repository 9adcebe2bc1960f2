"""The prompt: a pure function of the card, the view and the options of one turn, within its budget of tokens."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from services.core.model.reply import ChatMessage, ReplyOptions
from services.llm.card import Card
from services.llm.directive import STYLE, SYSTEM, language_rule
from services.llm.engine import Cue, Heard, Prompt, Sampling
from services.llm.history import Turn, messages_of, newest, scene_text, turns_of
from services.llm.lore_entry import Entry
from services.llm.lorebook import Book, recalled
from services.llm.macros import Macros
from services.llm.secrets import told
from services.llm.sentences.scrub import Scrubber
from services.llm.tokens import MESSAGE_TOKENS, estimate, truncated
from services.transcript.view import View

_SYSTEM_ROLES: Final = frozenset(("system", "developer"))
_USER: Final = "Stranger"
_HEAD_SHARE: Final = 0.6
_TAIL_SHARE: Final = 0.2
_LAST_SHARE: Final = 0.3
_LORE_SHARE: Final = 0.25
_MEMORY_SHARE: Final = 0.1
_CUE_TURNS: Final = 40
_START: Final = re.compile(r"<START>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """A character as it is played: its card, and the card's book."""

    card: Card
    book: Book


def session_prompt(view: View, part: Part, character: str, options: ReplyOptions, style: str = "", *, memories: Sequence[str] = ()) -> Prompt:
    """What the character is asked in a session: `view` is its own, with what is pending folded in; `memories` are of earlier times, the best first."""
    turns = turns_of(view, character, marks=options.speakable)
    user = _addressee(view, turns)
    macros = Macros(char=part.card.called, user=user, seed=len(turns))
    notes = [macros.expand(text) for text in (*(note.text for note in view.notes), *options.notes)]
    scene = view.scene
    around = {
        "scene": scene_text(scene.heading, scene.description) if scene else "",
        "present": ", ".join(member.name for member in view.members.values() if member.present and member.member != character and member.role != "director"),
        "summary": _before(view),
        "memory": _listed(_affordable(memories, int(options.token_budget * _MEMORY_SHARE))),
        "secrets": _listed([macros.expand(secret.text) for secret in told(part.card.secrets, view, character)]),
    }
    directive = "\n".join(text for text in (style or STYLE, language_rule(options.language or part.card.language)) if text) if options.speakable else ""
    system, kept, tail = _Plan(part, macros, options.token_budget, around | {"directive": macros.expand(directive)}, notes).fit(turns)
    heard = tuple(turn.spoken for turn in turns[-_CUE_TURNS:] if turn.spoken is not None)
    cue = Cue(card=part.card, user=user, heard=heard, scene=around["scene"], language=options.language or part.card.language, speakable=options.speakable)
    return _prompt([ChatMessage("system", system), *messages_of(kept, tail)], cue, options)


def chat_prompt(part: Part, history: Sequence[ChatMessage], options: ReplyOptions, schema: Mapping[str, Any] | None = None) -> Prompt:
    """Stateless chat: the card, then what the client sent; its own system messages go behind the card."""
    macros = Macros(char=part.card.called, user="User", seed=len(history))
    said = [message for message in history if message.role not in _SYSTEM_ROLES]
    turns = [
        Turn("assistant" if item.role == "assistant" else "user", item.content, Heard("" if item.role == "assistant" else "User", item.content))
        for item in said
    ]
    around = {"client": "\n\n".join(message.content for message in history if message.role in _SYSTEM_ROLES), "notes": "\n".join(options.notes)}
    system, kept, tail = _Plan(part, macros, options.token_budget, around).fit(turns)
    cue = Cue(
        card=part.card,
        user="",
        heard=tuple(turn.spoken for turn in turns[-_CUE_TURNS:] if turn.spoken),
        language=options.language or part.card.language,
        speakable=False,
    )
    messages = [ChatMessage(turn.role, turn.text) for turn in kept]
    if tail and messages and messages[-1].role == "user":
        messages[-1] = ChatMessage("user", f"{messages[-1].content}\n\n{tail}")
    return _prompt([ChatMessage("system", system)] * bool(system) + messages, cue, options, schema)


def bare_prompt(history: Sequence[ChatMessage], options: ReplyOptions, schema: Mapping[str, Any] | None = None) -> Prompt:
    """Work that no character does: the messages as they came, the oldest left out where they do not fit, the last one shortened at worst."""
    system = "\n\n".join((*(item.content for item in history if item.role in _SYSTEM_ROLES), *options.notes))
    turns = [Turn("assistant" if item.role == "assistant" else "user", item.content) for item in history if item.role not in _SYSTEM_ROLES]
    left = options.token_budget - MESSAGE_TOKENS
    system = truncated(system, int(left * _HEAD_SHARE))
    left -= estimate(system)
    last = [_shortened(turns[-1], left)] if turns else []
    left -= sum(turn.tokens for turn in last)
    messages = [ChatMessage(turn.role, turn.text) for turn in (*newest(turns[:-1], left), *last)]
    cue = Cue(card=Card(), language=options.language, speakable=False)
    return _prompt([ChatMessage("system", system)] * bool(system) + messages, cue, options, schema)


class _Plan:
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
        last = [_shortened(turns[-1], int(left * _LAST_SHARE))] if turns else []
        left -= sum(turn.tokens for turn in last)
        pieces = self._pieces()
        pieces = dict(zip(pieces, _level(list(pieces.values()), int(left * _HEAD_SHARE) - 8 * len(pieces)), strict=True))
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


def _shortened(turn: Turn, tokens: int) -> Turn:
    return turn if turn.tokens <= tokens else replace(turn, text=truncated(turn.text, max(1, tokens - MESSAGE_TOKENS)))


def _before(view: View) -> str:
    """How earlier evenings ended, and the newest digest of this one."""
    texts = [digest.text for digest in (view.previously, view.summary) if digest is not None]
    return "\n".join(dict.fromkeys(texts))


def _affordable(memories: Sequence[str], tokens: int) -> list[str]:
    """Whole ones, the best first, as many as fit."""
    kept: list[str] = []
    for text in memories:
        tokens -= estimate(text) + 2
        if tokens < 0:
            break
        kept.append(text)
    return kept


def _listed(texts: Sequence[str]) -> str:
    return "\n".join(f"- {text}" for text in texts)


def _addressee(view: View, turns: Sequence[Turn]) -> str:
    """Who {{user}} is: the one who spoke last, else a player who is here."""
    for turn in reversed(turns):
        if turn.role == "user" and turn.spoken is not None:
            return turn.spoken.speaker
    here = [member.name for member in view.members.values() if member.present and member.role not in {"character", "director", "operator"}]
    return here[0] if here else _USER


def _prompt(messages: Sequence[ChatMessage], cue: Cue, options: ReplyOptions, schema: Mapping[str, Any] | None = None) -> Prompt:
    # The wire carries them in single precision: 0.1 comes as 0.10000000149.
    temperature, top_p = (None if value is None else round(value, 4) for value in (options.temperature, options.top_p))
    sampling = Sampling(temperature=temperature, top_p=top_p, max_tokens=options.max_tokens, stop=options.stop, seed=options.seed)
    clean = tuple(ChatMessage(message.role, Scrubber().feed(message.content)) for message in messages)
    return Prompt(messages=clean, cue=cue, sampling=sampling, tokens=sum(estimate(item.content) + MESSAGE_TOKENS for item in clean), schema=schema)
