"""What the director's desk is shown, and the live acts that it sends to the stage."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.core.model.principal import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftShown:
    """A sentence that is no fact yet, for the director's desk alone: of a reply prepared while players still talk."""

    line: str
    """The line it will be, if it comes to be one."""
    character: str
    utterance: str = ""
    index: int = 0
    text: str = ""
    emotion: str = "neutral"
    intensity: float = 0.5
    manner: str = "plain"
    state: str = "preparing"
    """preparing, promoted or dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLine:
    """A line that waits for approval, or for the floor."""

    line: str
    character: str
    turn: int
    since_ms: int
    """Wall clock."""
    releases_at_ms: int = 0
    """When it is released by itself; 0 = never."""
    claimed_by: str = ""
    """The principal who works on it."""
    claimed_by_name: str = ""
    stale: bool = False
    """Somebody has spoken since."""
    complete: bool = False
    """Its last sentence is there."""
    place: str = ""
    queued: bool = False
    """Released, and waiting for the floor."""
    claim_lapses_at_ms: int = 0
    """When it is free for others if nothing more is heard of who works on it; 0 = it is free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskShown:
    """What stands on the desk; to directors and operators, whenever it changes."""

    held: tuple[HeldLine, ...] = ()
    muted: tuple[str, ...] = ()
    """Characters."""
    halted: bool = False
    """Everybody is silenced."""
    mode: str = "auto"
    modes: dict[str, str] = field(default_factory=dict)
    """`character:<slug>` or `platform:<name>` -> auto or approve."""
    teleprompted: tuple[str, ...] = ()
    """Characters whose lines are for the director to read out."""
    next: dict[str, str] = field(default_factory=dict)
    """Place -> the character that is to speak next."""
    platforms: tuple[str, ...] = ()
    """Where words have come from so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActRequest:
    """A live act of the director's."""

    session: str
    principal: Principal
    act: str
    """Its own id: told twice it happens once."""
    kind: str
    """halt, resume, mute, unmute, hold, release, reject, retake, puppet, next, claim, unclaim, mode, deliver, stop, move, safety or voices."""
    line: str = ""
    """Empty = the one that is meant: the held, else the open line of the place."""
    character: str = ""
    """Empty = all of them, or whoever it concerns."""
    text: str = ""
    """New wording (release, puppet), a mode (auto, approve, inherit), voice or teleprompter (deliver), a place (move), words one a line
    (safety), one or many (voices)."""
    direction: str = ""
    """How it is to be done, or why it is refused."""
    place: str = ""
    platform: str = ""
    """mode: of one platform only."""


@dataclass(frozen=True, slots=True)
class ActResponse:
    """What became of it."""

    seq: int = 0
    """Of the fact it became; 0 = it is not a fact."""
    line: str = ""
    """The line it concerned."""
