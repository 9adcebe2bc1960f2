"""A microphone for several heads: it answers when a character is named, or on the key; its murmur stops nobody."""

from __future__ import annotations

import pytest

from services.core.errors import Conflict, InvalidRequest
from services.core.model.attachment import Configure, FinalHeard, Onset, PartialHeard, Paused, TextSaid, UtteranceEnded
from services.core.model.fact import Kind
from services.core.settings import Settings, StageSettings
from services.stage.attachments import Attachment
from tests.unit.services.stage.direction import act
from tests.unit.services.stage.table import Mind, Table, received, table

QUICK = Settings(stage=StageSettings(hang_over_s=0.1, speculative_s=0.05, confirm_s=0.1, resume_s=0.4))
LONG = "One two three four five six seven eight nine ten."


async def speak(at: Table, who: Attachment, name: str, text: str, *, partials: tuple[str, ...] = ()) -> None:
    """An utterance, from onset to final."""
    hear = at.session.listening.heard
    hear(who, Onset(name))
    for partial in partials:
        hear(who, PartialHeard(name, partial))
    hear(who, Paused(name, 50))
    await at.until(lambda: any(value == UtteranceEnded(name) for value in received(who)), "the end of the utterance")
    hear(who, FinalHeard(name, text))


async def test_only_words_with_a_name_are_answered() -> None:
    """Table talk is passed, also right after an answer: nobody knows whether the same one speaks."""
    async with table("Mirelle", "Bram", settings=QUICK) as at:
        room = await at.sit("Table", head_count=4, hears=False)
        await speak(at, room, "u1", "shall we rest here")
        assert (await at.until(lambda: at.bodies(Kind.PASSED)))[0]["reason"] == "not_addressed"
        await speak(at, room, "u2", "bram who are you")
        await at.closed()
        await speak(at, room, "u3", "and then")
        await at.until(lambda: len(at.bodies(Kind.PASSED)) == 2)
        assert [body["character"] for body in at.bodies(Kind.LINE_OPENED)] == ["bram"]


async def test_the_key_lets_a_character_answer_what_was_said() -> None:
    """Pressed in the middle of talk: what the room hears is finished with it, and the named character, or the one most inclined, answers."""
    async with table("Mirelle", "Bram", settings=QUICK) as at:
        room = await at.sit("Table", head_count=4, hears=False)
        at.session.listening.heard(room, Onset("u1"))
        await act(at, "next", character="bram")
        assert UtteranceEnded("u1") in received(room)
        assert not at.bodies(Kind.LINE_OPENED)
        at.session.listening.heard(room, FinalHeard("u1", "what do we do now"))
        await at.closed()
        said = next(fact for fact in at.log.facts if fact.kind == Kind.SAID)
        assert [(body["character"], body["turn"]) for body in at.bodies(Kind.LINE_OPENED)] == [("bram", said.seq)]
        await act(at, "next")
        await at.closed(2)
        assert at.bodies(Kind.LINE_OPENED)[1]["character"] == "bram"


async def test_the_key_works_when_nothing_was_heard() -> None:
    """Laughter is no words; the character speaks all the same."""
    async with table("Mirelle", "Bram", settings=QUICK) as at:
        room = await at.sit("Table", head_count=4, hears=False)
        at.session.listening.heard(room, Onset("u1"))
        await act(at, "next", character="bram")
        at.session.listening.heard(room, FinalHeard("u1", ""))
        await at.closed()
        assert [(body["character"], body["turn"]) for body in at.bodies(Kind.LINE_OPENED)] == [("bram", 0)]
        assert at.session.desk.shown().next == {}


async def test_murmur_stops_no_voice_and_a_name_does() -> None:
    """However long they talk; as soon as the name is certain, before the words are final."""
    async with table("Mirelle", "Bram", mind=Mind([LONG]), settings=QUICK, ms_per_char=60.0) as at:
        room = await at.sit("Table", head_count=4)
        await speak(at, room, "u1", "mirelle please count")
        await at.until(at.speaking)
        await speak(at, room, "u2", "she counts well")
        await at.until(lambda: at.bodies(Kind.PASSED))
        assert not at.bodies(Kind.LINE_CLOSED)
        hear = at.session.listening.heard
        hear(room, Onset("u3"))
        hear(room, PartialHeard("u3", "bram"))
        assert not at.bodies(Kind.LINE_CLOSED)
        hear(room, PartialHeard("u3", "bram stop"))
        assert (await at.closed())["reason"] == "barge_in"
        hear(room, FinalHeard("u3", "bram stop her"))
        await at.until(lambda: [body["character"] for body in at.bodies(Kind.LINE_OPENED)] == ["mirelle", "bram"])


async def test_a_room_that_chats_on_keeps_nobody_waiting() -> None:
    """A character that was named begins while others murmur, and goes on to the end of its line."""
    async with table("Mirelle", "Bram", settings=QUICK) as at:
        room = await at.sit("Table", head_count=4)
        hear = at.session.listening.heard
        hear(room, Onset("u1"))
        hear(room, Paused("u1", 50))
        await at.until(lambda: UtteranceEnded("u1") in received(room))
        hear(room, Onset("u2"))
        hear(room, FinalHeard("u1", "Mirelle, what do you see?"))
        hear(room, PartialHeard("u2", "pass me the crisps"))
        assert (await at.closed())["state"] == "heard"
        assert at.session.listening.is_open(room)


async def test_a_room_that_chats_on_does_not_keep_the_key_waiting() -> None:
    """Whether there were words or none: what began after the key was pressed is not what it answers."""
    async with table("Mirelle", "Bram", settings=QUICK) as at:
        room = await at.sit("Table", head_count=4, hears=False)
        hear = at.session.listening.heard
        hear(room, Onset("u0"))
        for number, text in enumerate(("what do we do now", ""), start=1):
            await act(at, "next", character="bram")
            hear(room, Onset(f"u{number}"))
            assert len(at.bodies(Kind.LINE_OPENED)) == number - 1
            hear(room, FinalHeard(f"u{number - 1}", text))
            await at.closed(number)
        said = next(fact for fact in at.log.facts if fact.kind == Kind.SAID)
        assert [(body["character"], body["turn"]) for body in at.bodies(Kind.LINE_OPENED)] == [("bram", said.seq), ("bram", 0)]
        assert at.session.desk.shown().next == {}


@pytest.mark.parametrize("words", ["Mirelle, wait!", "wait"])
async def test_the_key_takes_no_turn_from_who_was_called_since(words: str) -> None:
    """The room said nothing, and meanwhile a turn waits for a voice to end: it stays with who was called, else it is that of the key."""
    async with table("Mirelle", "Bram", mind=Mind([LONG]), settings=QUICK, ms_per_char=60.0) as at:
        room, ann = await at.sit("Table", head_count=4), await at.sit("Ann", configure=Configure(interrupts=False))
        at.session.say(ann, TextSaid("m1", "Bram, count."))
        await at.until(at.speaking)
        at.session.listening.heard(room, Onset("u1"))
        await act(at, "next", character="bram")
        at.session.say(ann, TextSaid("m2", words))
        at.session.listening.heard(room, FinalHeard("u1", ""))
        turn = at.session.place("").waiting.turn
        assert turn is not None
        assert turn.character == ("mirelle" if "Mirelle" in words else "bram")


async def test_a_room_that_chats_on_keeps_no_voice_paused() -> None:
    """What somebody's cough has paused goes on when it was nothing."""
    patient = Settings(stage=StageSettings(hang_over_s=0.1, confirm_s=3, resume_s=10))
    async with table("Mirelle", mind=Mind([LONG]), settings=patient) as at:
        room, ann = await at.sit("Table", head_count=4), await at.sit("Ann", hears=False)
        at.session.say(ann, TextSaid("m1", "Mirelle, count."))
        await at.until(at.speaking)
        hear = at.session.listening.heard
        hear(room, Onset("u1"))
        hear(ann, Onset("a1"))
        hear(ann, FinalHeard("a1", ""))
        assert (await at.closed())["state"] == "heard"


async def test_a_person_who_speaks_keeps_a_character_waiting_whatever_a_room_does() -> None:
    """Beside a room's microphone as without one; and nobody speaks up of their own accord while a room talks."""
    async with table("Mirelle", settings=QUICK) as at:
        room, ann = await at.sit("Table", head_count=4, hears=False), await at.sit("Ann", hears=False)
        hear = at.session.listening.heard
        hear(ann, Onset("a1"))
        await speak(at, room, "u1", "Mirelle, what do you see?")
        await at.until(lambda: at.bodies(Kind.SAID))
        assert not at.bodies(Kind.LINE_OPENED)
        hear(room, Onset("u2"))
        hear(ann, FinalHeard("a1", ""))
        await at.closed()
        assert not at.session.place("").idle()


async def test_a_microphone_becomes_a_rooms_and_goes_elsewhere() -> None:
    """Head count and place may change while it is connected: not while somebody is speaking, and not to what cannot be."""
    async with table("Mirelle", settings=QUICK) as at:
        ann = await at.sit("Ann", hears=False)
        at.session.configure(ann, Configure(head_count=3))
        await at.until(lambda: at.session.roster.seats[ann.participant].head_count == 3)
        await speak(at, ann, "u1", "good evening")
        await at.until(lambda: at.bodies(Kind.PASSED))
        at.session.listening.heard(ann, Onset("u2"))
        with pytest.raises(Conflict):
            at.session.configure(ann, Configure(place="cellar"))
        at.session.listening.heard(ann, FinalHeard("u2", ""))
        for change in (Configure(head_count=0), Configure(head_count=101), Configure(place="x" * 81)):
            with pytest.raises(InvalidRequest):
                at.session.configure(ann, change)
        at.session.configure(ann, Configure(place="cellar", head_count=1))
        await at.until(lambda: ann.place == "cellar")
        assert [(body["member"], body["head_count"]) for body in at.bodies(Kind.JOINED)[1:]] == [(ann.participant, heads) for heads in (1, 3, 1)]
        assert at.session.roster.audience("") == ("mirelle",)


async def test_a_room_stops_no_voice_that_it_does_not_hear() -> None:
    """Cleo is answered in a whisper while the table calls somebody else, in words that are certain and in those that are final."""
    async with table("Mirelle", "Bram", mind=Mind([LONG]), settings=QUICK, ms_per_char=60.0) as at:
        room, cleo = await at.sit("Table", head_count=4), await at.sit("Cleo", role="player")
        at.session.say(cleo, TextSaid("w", "What do you know?", whispers="bram"))
        await at.until(at.speaking)
        await speak(at, room, "u1", "mirelle please count", partials=("mirelle please", "mirelle please count"))
        await at.until(lambda: at.session.place("").waiting)
        assert at.bodies(Kind.LINE_CLOSED) == []
        assert (await at.closed())["state"] == "heard"


async def test_a_whisper_from_a_room_stops_no_voice_that_speaks_aloud() -> None:
    """As a whisper from anybody else."""
    async with table("Mirelle", "Bram", mind=Mind([LONG]), settings=QUICK, ms_per_char=60.0) as at:
        room = await at.sit("Table", head_count=4)
        await speak(at, room, "u1", "mirelle please count")
        await at.until(at.speaking)
        at.session.configure(room, Configure(whispers="bram"))
        await speak(at, room, "u2", "bram who is she", partials=("bram who", "bram who is she"))
        await at.until(lambda: at.session.place("").waiting)
        assert at.bodies(Kind.LINE_CLOSED) == []
