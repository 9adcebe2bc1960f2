"""Who may speak now in one place: a literal table of state x event, told the time.

House rules: every transition stands in `TABLE`; this file knows no socket, no clock and no text. Whoever owns a floor feeds it events and does
what it answers. An event that a state does not know changes nothing and asks for nothing: it is late news about something that is already over.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Who has the floor."""

    IDLE = "idle"
    LISTENING = "listening"
    """A participant is speaking, or has just spoken and the text is awaited."""
    THINKING = "thinking"
    """A character has the floor and has not been heard yet."""
    HESITATING = "hesitating"
    """As thinking, but somebody began to speak: nothing goes out until it is clear whether they mean it."""
    SPEAKING = "speaking"
    WAVERING = "wavering"
    """The character's voice is paused because somebody began to speak."""


class Event(StrEnum):
    """What can happen."""

    SPEECH_BEGAN = "speech began"
    SPEECH_CONFIRMED = "speech confirmed"
    """Half a second of speech, recognised words, or typed ones."""
    SPEECH_OVER = "speech over"
    """Nobody is speaking any more and no turn came of it."""
    TURN_READY = "turn ready"
    """Somebody is to be answered."""
    LINE_STARTED = "line started"
    """The first sound or text of the character went out."""
    LINE_ENDED = "line ended"
    STOP = "stop"
    """A participant or the director stops the character."""
    RESUME_DUE = "resume due"
    """The pause has lasted as long as it may."""


class Action(StrEnum):
    """What is to be done about it."""

    OPEN_LINE = "open line"
    PAUSE_LINE = "pause line"
    RESUME_LINE = "resume line"
    CUT_LINE = "cut line"
    KEEP_TURN = "keep turn"
    """Answer later: the floor is taken."""


TABLE: Final[dict[tuple[State, Event], tuple[State, tuple[Action, ...]]]] = {
    (State.IDLE, Event.SPEECH_BEGAN): (State.LISTENING, ()),
    (State.IDLE, Event.TURN_READY): (State.THINKING, (Action.OPEN_LINE,)),
    (State.LISTENING, Event.SPEECH_OVER): (State.IDLE, ()),
    (State.LISTENING, Event.TURN_READY): (State.THINKING, (Action.OPEN_LINE,)),
    (State.THINKING, Event.SPEECH_BEGAN): (State.HESITATING, (Action.PAUSE_LINE,)),
    (State.THINKING, Event.SPEECH_CONFIRMED): (State.LISTENING, (Action.CUT_LINE,)),
    (State.THINKING, Event.TURN_READY): (State.THINKING, (Action.KEEP_TURN,)),
    (State.THINKING, Event.LINE_STARTED): (State.SPEAKING, ()),
    (State.THINKING, Event.LINE_ENDED): (State.IDLE, ()),
    (State.THINKING, Event.STOP): (State.IDLE, (Action.CUT_LINE,)),
    (State.HESITATING, Event.SPEECH_CONFIRMED): (State.LISTENING, (Action.CUT_LINE,)),
    (State.HESITATING, Event.SPEECH_OVER): (State.THINKING, (Action.RESUME_LINE,)),
    (State.HESITATING, Event.RESUME_DUE): (State.THINKING, (Action.RESUME_LINE,)),
    (State.HESITATING, Event.TURN_READY): (State.HESITATING, (Action.KEEP_TURN,)),
    (State.HESITATING, Event.LINE_ENDED): (State.LISTENING, ()),
    (State.HESITATING, Event.STOP): (State.LISTENING, (Action.CUT_LINE,)),
    (State.SPEAKING, Event.SPEECH_BEGAN): (State.WAVERING, (Action.PAUSE_LINE,)),
    (State.SPEAKING, Event.SPEECH_CONFIRMED): (State.LISTENING, (Action.CUT_LINE,)),
    (State.SPEAKING, Event.TURN_READY): (State.SPEAKING, (Action.KEEP_TURN,)),
    (State.SPEAKING, Event.LINE_ENDED): (State.IDLE, ()),
    (State.SPEAKING, Event.STOP): (State.IDLE, (Action.CUT_LINE,)),
    (State.WAVERING, Event.SPEECH_CONFIRMED): (State.LISTENING, (Action.CUT_LINE,)),
    (State.WAVERING, Event.SPEECH_OVER): (State.SPEAKING, (Action.RESUME_LINE,)),
    (State.WAVERING, Event.RESUME_DUE): (State.SPEAKING, (Action.RESUME_LINE,)),
    (State.WAVERING, Event.TURN_READY): (State.WAVERING, (Action.KEEP_TURN,)),
    (State.WAVERING, Event.LINE_ENDED): (State.LISTENING, ()),
    (State.WAVERING, Event.STOP): (State.LISTENING, (Action.CUT_LINE,)),
}


@dataclass(slots=True)
class Floor:
    """The floor of one place."""

    resume_s: float
    """A paused line goes on after this at the latest."""
    state: State = State.IDLE
    resume_at: float | None = None

    def feed(self, event: Event, now: float) -> tuple[Action, ...]:
        """What is to be done now that `event` has happened."""
        known = TABLE.get((self.state, event))
        if known is None:
            return ()
        self.state, actions = known
        if Action.PAUSE_LINE in actions:
            self.resume_at = now + self.resume_s
        elif self.state not in (State.WAVERING, State.HESITATING):
            self.resume_at = None
        return actions

    def tick(self, now: float) -> tuple[Action, ...]:
        """What is to be done because time has passed; call it at `resume_at`."""
        if self.resume_at is not None and now >= self.resume_at:
            return self.feed(Event.RESUME_DUE, now)
        return ()


def mermaid() -> str:
    """The table as a Mermaid state diagram, for the documentation."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.IDLE}"]
    for (state, event), (after, actions) in TABLE.items():
        label = event if not actions else f"{event} / {', '.join(actions)}"
        lines.append(f"    {state} --> {after}: {label}")
    return "\n".join(lines) + "\n"
