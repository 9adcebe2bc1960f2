"""Session settings without a connection."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.model.attachment import Configure
from services.gateway.hearing.resample import AudioFormat
from services.gateway.realtime.config import MOST_PHRASES, SessionConfig, updated
from services.gateway.realtime.errors import ClientError

START = SessionConfig(session="s", model="npc/x", hang_over_ms=500)


def test_nothing_chosen_keeps_the_session_s_turn_taking() -> None:
    """Server turn detection without values leaves the silence to the session."""
    assert START.turns() == Configure(endpointing="fixed", answers=True, interrupts=True)


def test_null_turn_detection_is_manual() -> None:
    """The client owns the utterance: nothing is answered or interrupted by itself."""
    config, _ = updated(START, {"type": "realtime", "audio": {"input": {"turn_detection": None}}})
    assert config.turns() == Configure(answers=False, interrupts=False)
    assert config.shown()["audio"]["input"]["turn_detection"] is None


def test_silence_is_kept_within_what_the_stage_takes() -> None:
    """Nobody sets a hang-over of a minute or of nothing."""
    for given_ms, seconds in ((1, 0.1), (60_000, 5.0), (650, 0.65)):
        detection = {"type": "server_vad", "silence_duration_ms": given_ms}
        config, _ = updated(START, {"audio": {"input": {"turn_detection": detection}}})
        assert config.turns().hang_over_s == seconds


def test_prompt_lines_are_phrases() -> None:
    """Blank lines and doubles are left out; too many are refused."""
    config, _ = updated(START, {"audio": {"input": {"transcription": {"prompt": " yes \n\nno\nyes"}}}})
    assert config.phrases == ("yes", "no")
    with pytest.raises(ClientError) as refused:
        updated(START, {"audio": {"input": {"transcription": {"prompt": "\n".join(map(str, range(MOST_PHRASES + 1)))}}}})
    assert refused.value.code == "too_large"


def test_voice_and_speed_are_accepted_and_said_to_be_ignored() -> None:
    """A foreign client's voice does not break its set-up; it is told that the card decides."""
    config, ignored = updated(START, {"audio": {"output": {"voice": "alloy", "speed": 1.2}}})
    assert config.voice == "alloy"
    assert [item.param for item in ignored] == ["session.audio.output.voice", "session.audio.output.speed"]


def test_unknown_fields_are_accepted() -> None:
    """A newer client's fields do no harm."""
    config, _ = updated(START, {"type": "realtime", "future": {"a": 1}, "output_modalities": ["text"]})
    assert config.modality == "text"


@pytest.mark.parametrize(("rate", "taken"), [(24000.0, True), ("24000", False), (24000.5, False), (None, False), ([], False), (float("inf"), False)])
def test_an_input_rate_is_a_number(rate: object, *, taken: bool) -> None:
    """Some clients write every number with a point."""
    change = {"audio": {"input": {"format": {"type": "audio/pcm", "rate": rate}}}}
    if taken:
        assert updated(START, change)[0].input.rate == 24000
        return
    with pytest.raises(ClientError):
        updated(START, change)


def test_input_rate_beyond_the_package_s_types() -> None:
    """16 kHz in, 24 kHz out: the input's rate is ours to choose, the output's is not."""
    config, _ = updated(START, {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 16000}}}})
    assert config.input == AudioFormat("audio/pcm", 16000)
    with pytest.raises(ClientError):
        updated(START, {"audio": {"output": {"format": {"type": "audio/pcm", "rate": 16000}}}})


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["input", "output", "format", "rate", "type", "voice", "prompt"]), inner, max_size=3)
    ),
    max_leaves=8,
)
_FIELDS = ["type", "audio", "output_modalities", "instructions", "tools", "max_output_tokens", "tracing"]


@given(st.dictionaries(st.sampled_from(_FIELDS), _JSON, max_size=4))
def test_any_object_is_taken_or_refused(given_session: dict[str, Any]) -> None:
    """Whatever a client sends, the answer is a session that can be shown or a typed error."""
    try:
        config, _ = updated(START, given_session)
    except ClientError:
        return
    assert config.shown()["id"] == "s"
    assert config.turns() is not None
