"""The safety word silences every character: whoever says it, typed or spoken, before the sentence has ended."""

from __future__ import annotations

import pytest

from services.core.errors import InvalidRequest, NotFound, Overloaded, SouffleurError, TooLarge
from services.core.model.attachment import Configure, FinalHeard, Onset, PartialHeard, Paused, Refused, TextSaid, UtteranceLost
from services.core.model.fact import Kind
from services.core.settings import Settings, StageSettings
from services.stage import safety
from services.stage.attachments import Attachment
from services.stage.naming import folded
from services.stage.safety import holds
from tests.unit.services.stage.direction import act, type_in
from tests.unit.services.stage.table import Mind, Table, received, table
from tests.unit.services.stage.test_moving import slowly

QUICK = Settings(stage=StageSettings(hang_over_s=0.1, speculative_s=0.05, confirm_s=5 / 2, safety_words=("red light",)))
LONG = "One two three four five six seven eight nine ten."


@pytest.mark.parametrize(
    ("text", "phrase", "found"),
    [
        ("RED light!", "red light", True),
        ("please, red... light now", "red light", True),
        ("a red traffic light", "red light", False),
        ("redlight", "red light", False),
        ("Стоп-слово, пожалуйста", "стоп слово", True),
        ("我说红灯了", "红灯", True),
        ("anything", "", False),
    ],
)
def test_the_words_stand_one_behind_the_other(text: str, phrase: str, found: bool) -> None:  # noqa: FBT001
    """Case and signs do not matter; words between them do."""
    assert holds(text, ["something else", phrase]) is found


def test_a_text_is_folded_once_for_all_phrases(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many of them there are."""
    texts: list[str] = []

    def counted(text: str) -> str:
        texts.append(text)
        return folded(text)

    monkeypatch.setattr(safety, "folded", counted)
    assert not holds("A long message.", [f"word {number}" for number in range(32)])
    assert texts.count("A long message.") == 1


async def test_a_certain_partial_silences_at_once() -> None:
    """The voice ends before the utterance does; the final does not do it again, and a director lets them speak again."""
    async with table(mind=Mind([LONG]), settings=QUICK, ms_per_char=60.0) as at:
        ann, bob = await at.sit("Ann"), await at.sit("Bob", role="player")
        await type_in(at, ann, "Mirelle, count")
        await at.until(at.speaking)
        hear = at.session.listening.heard
        hear(bob, Onset("u1"))
        hear(bob, PartialHeard("u1", "red light"))
        assert not at.session.desk.halted
        hear(bob, PartialHeard("u1", "red light please"))
        assert at.session.desk.halted
        closed = await at.closed()
        assert (closed["state"], closed["reason"]) == ("cut", "halted")
        await act(at, "resume")
        hear(bob, FinalHeard("u1", "red light please"))
        await at.until(lambda: len(at.bodies(Kind.SAID)) == 2)
        silenced = [fact for fact in at.log.facts if fact.kind == Kind.SILENCED]
        assert [(fact.body["on"], fact.body["reason"], fact.by.id) for fact in silenced][:1] == [(True, "safety", bob.participant)]
        assert len(silenced) == 2
        assert not at.session.desk.halted


async def test_a_pause_behind_it_is_enough() -> None:
    """It was all they wanted to say."""
    async with table(settings=QUICK) as at:
        bob = await at.sit("Bob", role="player", hears=False)
        at.session.listening.heard(bob, Onset("u1"))
        at.session.listening.heard(bob, PartialHeard("u1", "red light"))
        at.session.listening.heard(bob, Paused("u1", 20))
        assert at.session.desk.halted


@pytest.mark.parametrize("typed", [True, False])
async def test_words_that_come_whole_silence_too(typed: bool) -> None:  # noqa: FBT001
    """Typed, or by a recogniser without partials; nobody answers them, whoever is named in them."""
    async with table(settings=QUICK) as at:
        bob = await at.sit("Bob", role="player", hears=False)
        if typed:
            await type_in(at, bob, "Mirelle, red light")
        else:
            at.session.listening.heard(bob, Onset("u1"))
            at.session.listening.heard(bob, FinalHeard("u1", "mirelle red light"))
        assert at.session.desk.halted
        assert (await at.until(lambda: at.bodies(Kind.PASSED)))[0]["reason"] == "muted"
        assert not at.mind.requests


def _fill(at: Table, who: Attachment) -> None:
    """As much as is taken while nothing becomes durable."""
    number = 0
    while not at.session.writer.full:
        at.session.say(who, TextSaid(f"fill{number}", "Hm.", answers=False))
        number += 1


@pytest.mark.parametrize("typed", [True, False])
async def test_a_store_that_cannot_keep_up_does_not_keep_anybody_speaking(typed: bool) -> None:  # noqa: FBT001
    """The message is refused and its word is heeded: silent at once, and written as soon as anything is."""
    async with table(mind=Mind([LONG]), settings=QUICK, ms_per_char=60.0) as at:
        ann, bob = await at.sit("Ann", role="player"), await at.sit("Bob", role="player", hears=False, configure=Configure(interrupts=False))
        await type_in(at, ann, "Mirelle, count")
        await at.until(at.speaking)
        async with slowly(at):
            at.session.say(bob, TextSaid("first", "Hm.", answers=False))
            await at.until(lambda: at.session.writer._in_flight)
            _fill(at, bob)
            received(bob)
            if typed:
                with pytest.raises(Overloaded):
                    at.session.say(bob, TextSaid("m1", "red light"))
            else:
                at.session.listening.heard(bob, Onset("u1"))
                at.session.listening.heard(bob, FinalHeard("u1", "red light"))
                assert [value.code for value in received(bob) if isinstance(value, Refused)] == [Overloaded.code]
            assert at.session.desk.halted
            assert not at.speaking()
        await at.until(lambda: at.session.roster.halted)
        assert ((await at.closed())["reason"], at.bodies(Kind.SILENCED)[0]["reason"]) == ("halted", "safety")


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (TextSaid("m1", "red light", whispers="nobody"), NotFound),
        (TextSaid("m1", "red light " + "x" * 4000), InvalidRequest),
    ],
)
async def test_a_message_that_is_refused_silences_all_the_same(message: TextSaid, error: type[SouffleurError]) -> None:
    """Whatever is wrong with it; told again, it does not silence anybody again."""
    async with table(settings=QUICK) as at:
        bob = await at.sit("Bob", role="player", hears=False)
        for halted in (True, False):
            with pytest.raises(error):
                at.session.say(bob, message)
            assert at.session.desk.halted is halted
            await act(at, "resume")
        assert not at.bodies(Kind.SAID)


async def test_a_final_that_is_refused_silences_all_the_same() -> None:
    """Whispered to somebody who is gone, or of an utterance that was given up."""
    async with table(settings=QUICK) as at:
        bob = await at.sit("Bob", role="player", hears=False, configure=Configure(whispers="nobody"))
        hear = at.session.listening.heard
        for utterance, lost in (("u1", False), ("u2", True)):
            hear(bob, Onset(utterance))
            if lost:
                hear(bob, UtteranceLost(utterance, "hearing"))
            received(bob)
            hear(bob, FinalHeard(utterance, "red light"))
            assert [value.code for value in received(bob) if isinstance(value, Refused)] == [NotFound.code]
            assert at.session.desk.halted
            await act(at, "resume")


async def test_everybodys_utterances_are_their_own() -> None:
    """Two clients may count their messages from one: the second one's word is heeded as the first one's was."""
    async with table(settings=QUICK) as at:
        for name in ("Ann", "Bob"):
            who = await at.sit(name, role="player", hears=False)
            await at.session.say(who, TextSaid("1", "red light"))
            assert at.session.desk.halted, name
            await act(at, "resume")
        await at.until(lambda: [body["on"] for body in at.bodies(Kind.SILENCED)] == [True, False] * 2)


async def test_an_utterance_that_is_forgotten_silences_for_good() -> None:
    """Whoever owns the session next, or has it after hundreds of others, finds in the transcript that everybody is silenced."""
    async with table(settings=QUICK) as at:
        bob = await at.sit("Bob", role="player", hears=False)
        for _ in range(2):
            at.session.listening.heard(bob, Onset("u1"))
            at.session.listening.heard(bob, FinalHeard("u1", "red light"))
            assert at.session.desk.halted
            await at.until(lambda: at.session.roster.halted)
            await act(at, "resume")
            await at.until(lambda: not at.session.roster.halted)
            at.session._safety._acted.clear()


async def test_a_session_has_its_own_words() -> None:
    """Laid down by the director, until there are others or none."""
    async with table(settings=Settings()) as at:
        bob = await at.sit("Bob", role="player", hears=False)
        await act(at, "safety", text="pineapple\nstop it")
        await type_in(at, bob, "PINEAPPLE!")
        assert at.session.desk.halted
        await act(at, "resume")
        await act(at, "safety", text="")
        await type_in(at, bob, "pineapple")
        assert not at.session.desk.halted
        for text, refusal in (("!?", InvalidRequest), ("x" * 101, TooLarge), ("\n".join("abcdefghijklmnopqrst"), TooLarge)):
            with pytest.raises(refusal):
                await act(at, "safety", text=text)
