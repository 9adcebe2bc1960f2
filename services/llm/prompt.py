"""The prompt: a pure function of the card, the view and the options of one turn, within its budget of tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.core.model.reply import ChatMessage, ReplyOptions
from services.llm.before import before
from services.llm.card import Card
from services.llm.directive import STYLE, language_rule
from services.llm.engine import Cue, Heard, Prompt, Sampling
from services.llm.history import Turn, company, messages_of, newest, scene_text, turns_of
from services.llm.macros import Macros
from services.llm.plan import HEAD_SHARE, Part, Plan, shortened
from services.llm.secrets import told
from services.llm.sentences.scrub import Scrubber
from services.llm.tokens import MESSAGE_TOKENS, estimate, truncated
from services.transcript.view import Member, View

__all__ = ["Part", "bare_prompt", "chat_prompt", "session_prompt"]

_SYSTEM_ROLES: Final = frozenset(("system", "developer"))
_USER: Final = "Stranger"
_MEMORY_SHARE: Final = 0.1
_CUE_TURNS: Final = 40
_SEVERAL: Final = 2


def session_prompt(view: View, part: Part, character: str, options: ReplyOptions, style: str = "", *, memories: Sequence[str] = ()) -> Prompt:
    """What the character is asked in a session: `view` is its own, with what is pending folded in; `memories` are of earlier times, the best first."""
    turns = turns_of(view, character, marks=options.speakable)
    user = _addressee(view, character, turns)
    macros = Macros(char=part.card.called, user=user, seed=len(turns))
    notes = [macros.expand(text) for text in (*(note.text for note in view.notes), *options.notes)]
    scene = view.scene
    around = {
        "scene": "\n".join(filter(None, (scene_text(scene.heading, scene.description) if scene else "", _whereabouts(view, character)))),
        "present": ", ".join(_introduced(member) for member in company(view, character) if member.role != "director"),
        "summary": before(view),
        "memory": _listed(_affordable(memories, int(options.token_budget * _MEMORY_SHARE))),
        "secrets": _listed([macros.expand(secret.text) for secret in told(part.card.secrets, view, character)]),
    }
    directive = "\n".join(text for text in (style or STYLE, language_rule(options.language or part.card.language)) if text) if options.speakable else ""
    system, kept, tail = Plan(part, macros, options.token_budget, around | {"directive": macros.expand(directive)}, notes).fit(turns)
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
    system, kept, tail = Plan(part, macros, options.token_budget, around).fit(turns)
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
    system = truncated(system, int(left * HEAD_SHARE))
    left -= estimate(system)
    last = [shortened(turns[-1], left)] if turns else []
    left -= sum(turn.tokens for turn in last)
    messages = [ChatMessage(turn.role, turn.text) for turn in (*newest(turns[:-1], left), *last)]
    cue = Cue(card=Card(), language=options.language, speakable=False)
    return _prompt([ChatMessage("system", system)] * bool(system) + messages, cue, options, schema)


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


def _whereabouts(view: View, character: str) -> str:
    own = view.members.get(character)
    return f"Where you are: {own.place}" if own is not None and own.place else ""


def _introduced(member: Member) -> str:
    return member.name if member.head_count < _SEVERAL else f"{member.name} ({member.head_count} people)"


def _addressee(view: View, character: str, turns: Sequence[Turn]) -> str:
    """Who {{user}} is: the one who spoke last, else a player who is here."""
    for turn in reversed(turns):
        if turn.role == "user" and turn.spoken is not None:
            return turn.spoken.speaker
    here = [member.name for member in company(view, character) if member.role not in {"character", "director", "operator"}]
    return here[0] if here else _USER


def _prompt(messages: Sequence[ChatMessage], cue: Cue, options: ReplyOptions, schema: Mapping[str, Any] | None = None) -> Prompt:
    # The wire carries them in single precision: 0.1 comes as 0.10000000149.
    temperature, top_p = (None if value is None else round(value, 4) for value in (options.temperature, options.top_p))
    sampling = Sampling(temperature=temperature, top_p=top_p, max_tokens=options.max_tokens, stop=options.stop, seed=options.seed)
    clean = tuple(ChatMessage(message.role, Scrubber().feed(message.content)) for message in messages)
    return Prompt(messages=clean, cue=cue, sampling=sampling, tokens=sum(estimate(item.content) + MESSAGE_TOKENS for item in clean), schema=schema)
