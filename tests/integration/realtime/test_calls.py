"""A call by WebRTC, from the offer to the end: the same connection as over a WebSocket, with voices by the track."""

from __future__ import annotations

import time


from services.core.model.attachment import FinalHeard, LineAudio, Onset, Paused, Played, UtteranceEnded
from tests.integration.realtime.caller import calling
from tests.integration.realtime.conftest import House
from tests.integration.realtime.scripted import Seat
from tests.integration.realtime.table import silence, tone


RATE = 48_000
MIRELLE = {"model": "npc/mirelle", "name": "Ann"}


def _voice(house: House, seat: Seat, line: str, seconds: float) -> None:
    """A line's whole sound at once, as a stage far ahead would send it."""
    facts = house.stage.line(seat.opening.session, line, ["One two three four five six."])
    pcm = tone(seconds)
    for start in range(0, len(pcm), 4800):
        seat.send(LineAudio(line, facts[1].seq, pcm[start : start + 4800], start // 2))


async def test_spoken_words_come_back_as_events_and_the_voice_by_the_track(house: House) -> None:
    """Speech on the track is heard, ended and transcribed; the answer's events come by the data channel without audio, its sound by the track."""
    async with calling(f"http://{house.url}", MIRELLE) as caller:
        seat = await house.stage.seat()
        assert seat.opening.reports_playback
        await caller.say(silence(0.3, RATE) + tone(0.8, RATE) + silence(0.4, RATE))
        onset = await seat.expect(Onset)
        await seat.expect(Paused)
        seat.send(UtteranceEnded(onset.utterance))
        final = await seat.expect(FinalHeard)
        assert 700 <= final.speech_ms <= 1000
        assert 0.8 < len(house.stt.calls[0].audio) / 32_000 < 1.8
        said = house.stage.said(seat, onset.utterance, "hello there")
        completed = await caller.expect("conversation.item.input_audio_transcription.completed")
        assert completed["transcript"] == "hello there"
        facts = house.stage.line(seat.opening.session, "L1", ["Welcome in."], turn=said.seq)
        quiet = time.monotonic()
        assert caller.sounding(0, quiet) == 0
        seat.send(LineAudio("L1", facts[1].seq, tone(0.6), 0))
        await caller.sound(after=quiet)
        played = await seat.expect(Played)
        while played.played_ms < 600:
            played = await seat.expect(Played)
        assert played == Played("L1", 600)
        house.stage.close(seat.opening.session, "L1", "heard", facts[1])
        await caller.expect("response.done")
        await caller.expect("output_audio_buffer.stopped")
        types = [event["type"] for _, event in caller.events]
        assert "response.output_audio.delta" not in types
        assert types.index("output_audio_buffer.started") < types.index("response.done") < types.index("output_audio_buffer.stopped")
        assert 25 <= caller.sounding(quiet, time.monotonic()) <= 33
