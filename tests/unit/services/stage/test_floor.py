"""The floor's table, event by event."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.stage.floor import TABLE, Action, Event, Floor, State, mermaid


def walk(*events: Event) -> tuple[State, list[Action]]:
    floor = Floor(resume_s=2.0)
    actions: list[Action] = []
    for number, event in enumerate(events):
        actions += floor.feed(event, float(number))
    return floor.state, actions


def test_a_plain_turn_goes_from_listening_to_speaking_and_back() -> None:
    """Speech, a turn, a line, silence."""
    state, actions = walk(Event.SPEECH_BEGAN, Event.TURN_READY, Event.LINE_STARTED, Event.LINE_ENDED)
    assert state is State.IDLE
    assert actions == [Action.OPEN_LINE]


def test_confirmed_speech_cuts_the_line() -> None:
    """Onset pauses, half a second of speech cuts."""
    state, actions = walk(Event.TURN_READY, Event.LINE_STARTED, Event.SPEECH_BEGAN, Event.SPEECH_CONFIRMED)
    assert state is State.LISTENING
    assert actions == [Action.OPEN_LINE, Action.PAUSE_LINE, Action.CUT_LINE]


def test_a_cough_resumes_the_line() -> None:
    """Speech that comes to nothing lets the character go on."""
    state, actions = walk(Event.TURN_READY, Event.LINE_STARTED, Event.SPEECH_BEGAN, Event.SPEECH_OVER)
    assert state is State.SPEAKING
    assert actions[-1] is Action.RESUME_LINE


def test_speech_before_the_first_sound_holds_the_line_back() -> None:
    """A character that is still thinking waits too, and may go on."""
    state, actions = walk(Event.TURN_READY, Event.SPEECH_BEGAN, Event.SPEECH_OVER, Event.LINE_STARTED)
    assert state is State.SPEAKING
    assert actions == [Action.OPEN_LINE, Action.PAUSE_LINE, Action.RESUME_LINE]


def test_a_turn_during_a_line_is_kept() -> None:
    """Nobody is forgotten while the floor is taken."""
    _, actions = walk(Event.TURN_READY, Event.LINE_STARTED, Event.TURN_READY)
    assert actions[-1] is Action.KEEP_TURN


def test_a_pause_ends_by_itself() -> None:
    """After `resume_s` the paused line goes on, not a moment before."""
    floor = Floor(resume_s=2.0)
    for event in (Event.TURN_READY, Event.LINE_STARTED, Event.SPEECH_BEGAN):
        floor.feed(event, 10.0)
    assert floor.resume_at == 12.0
    assert floor.tick(11.9) == ()
    assert floor.tick(12.0) == (Action.RESUME_LINE,)
    assert floor.state is State.SPEAKING
    assert floor.resume_at is None


@pytest.mark.parametrize("state", list(State))
def test_late_news_changes_nothing(state: State) -> None:
    """An event that a state does not know asks for nothing."""
    for event in Event:
        if (state, event) not in TABLE:
            floor = Floor(resume_s=1.0, state=state)
            assert floor.feed(event, 0.0) == ()
            assert floor.state is state


@given(st.lists(st.sampled_from(list(Event)), max_size=60))
def test_a_line_is_opened_once_and_ended_once(events: list[Event]) -> None:
    """Whatever happens, a second line never opens over a first, and pauses and resumes alternate."""
    floor, is_open, paused = Floor(resume_s=1.0), False, False
    for event in events:
        for action in floor.feed(event, 0.0):
            if action is Action.OPEN_LINE:
                assert not is_open
                is_open, paused = True, False
            elif action is Action.PAUSE_LINE:
                assert is_open
                assert not paused
                paused = True
            elif action is Action.RESUME_LINE:
                assert paused
                paused = False
            elif action is Action.CUT_LINE:
                assert is_open
                is_open = False
        if event is Event.LINE_ENDED:
            is_open = False


def test_the_documented_diagram_is_the_table() -> None:
    """docs/floor.md holds the diagram that the table generates."""
    documented = Path("docs/floor.md").read_text(encoding="utf-8")
    assert mermaid() in documented
