"""What is rehearsed: the players' lines that stand, each with what was heard in answer; and what is asked."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from manager.rehearse.playing import Changes, Take, takes
from manager.rehearse.record import Cue, cues
from manager.rehearse.shown import difference, page, plain, summary
from services.core.errors import EngineFailed, InvalidRequest, NotFound
from services.core.model import facts as bodies
from services.core.model.reply import ReplyEvent, ReplyFinished, ReplyRequest, ReplyStarted, Sentence
from services.core.settings import LlmSettings
from tests.unit.services.transcript.story import Story


def _evening() -> Story:
    story = Story()
    story.join("mirelle")
    story.join("yaroglav")
    story.join("ann", "player")
    return story


def test_each_line_of_a_player_with_what_was_heard_then() -> None:
    """Corrected words as they stand; struck ones and narration not at all; of a cut line what was heard."""
    story = _evening()
    first = story.say("Good evning.")
    story.speak("l1", "Come in.", "Sit down.")
    gone = story.say("Nonsense.")
    story.speak("l2", "What?")
    story.add(bodies.Said(utterance="n1", text="Night falls.", source="narrated"))
    last = story.say("Is it far?")
    story.open("l3", "yaroglav")
    cut = story.sentence("l3", "It is a long way round.", emotion="sadness")
    story.close("l3", "cut", cut, 12)
    story.add(bodies.Corrected(target=first, text="Good evening."))
    story.add(bodies.Struck(targets=[gone]))
    found = cues(story.facts)
    assert [(cue.seq, cue.text, cue.character, cue.reply) for cue in found] == [
        (first, "Good evening.", "mirelle", "Come in. Sit down."),
        (last, "Is it far?", "yaroglav", "[sadness] It is a long"),
    ]


def test_one_character_is_asked_everything() -> None:
    """Also where it said nothing then."""
    story = _evening()
    story.say("One.")
    story.speak("l1", "Uno.")
    story.say("Two.")
    story.speak("l2", "Dva.", character="yaroglav")
    assert [(cue.character, cue.reply) for cue in cues(story.facts, "yaroglav")] == [("yaroglav", ""), ("yaroglav", "Dva.")]


def test_what_cannot_be_rehearsed_is_told() -> None:
    """No such character, nobody who said anything, nobody who answered."""
    story = _evening()
    with pytest.raises(InvalidRequest, match="nobody said"):
        cues(story.facts)
    story.say("Hello?")
    with pytest.raises(NotFound, match="there is mirelle, yaroglav"):
        cues(story.facts, "quill")
    with pytest.raises(NotFound):
        cues(story.facts, "ann")
    with pytest.raises(InvalidRequest, match="--character"):
        cues(story.facts)


class _Roleplay:
    """Answers, but fails at the second cue."""

    def __init__(self) -> None:
        self.asked: list[ReplyRequest] = []

    async def reply(self, request: ReplyRequest, timeout_s: float) -> AsyncGenerator[ReplyEvent]:
        self.asked.append(request)
        if len(self.asked) == 2:
            raise EngineFailed("no language engine could answer")
        yield ReplyStarted("other", "m")
        yield Sentence(0, "Stay away.", "[fear] Stay away.", "fear")
        yield Sentence(1, "Please.", "Please.")
        yield ReplyFinished("stop", 100, 5, 12.0, "other", "m", 0.25)


async def test_the_transcript_is_folded_up_to_each_cue_and_a_failure_ends_nothing() -> None:
    """With the changes in every request."""
    roleplay = _Roleplay()
    asked = [Cue(seq=seq, speaker="Ann", text=f"line {seq}", character="mirelle", name="Mirelle", reply="Come in.") for seq in (5, 9, 14)]
    changes = Changes(model="other", card='{"name": "Quill"}', notes=("Be afraid.", "Be brief."))
    done = [take async for take in takes(roleplay, "s1", asked, changes, LlmSettings(temperature=0.1))]
    assert [(request.base_seq, request.character, request.card, request.options.engines, request.options.notes) for request in roleplay.asked] == [
        (seq, "mirelle", '{"name": "Quill"}', ("other",), ("Be afraid.", "Be brief.")) for seq in (5, 9, 14)
    ]
    assert {request.options.purpose for request in roleplay.asked} == {"rehearsal"}
    assert [(take.reply, take.failed) for take in done] == [
        ("[fear] Stay away. Please.", ""),
        ("", "no language engine could answer"),
        ("[fear] Stay away. Please.", ""),
    ]
    assert summary(done) == "3 lines rehearsed, 2 answered differently, 1 failed; 210 tokens, $0.5000"


def test_differences_are_words() -> None:
    assert difference("It is a long way", "It is no way") == (
        [("It is", False), ("a long", True), ("way", False)],
        [("It is", False), ("no", True), ("way", False)],
    )
    assert difference("", "New.") == ([], [("New.", True)])
    assert difference("Same  words.", "Same words.")[1] == [("Same words.", False)]


def test_nothing_in_a_page_or_a_terminal_is_more_than_text() -> None:
    """Markup is escaped, control characters are replaced."""
    evil = '<img src=x>\x1b[2J\x07 &amp; "quoted"'
    cue = Cue(seq=1, speaker=evil, text=evil, character="m", name=evil, reply=evil)
    text = page([Take(cue=cue, reply="x"), Take(cue=cue, reply="", failed=evil)], evil, evil)
    assert "<img" not in text
    assert "&lt;img src=x&gt;" in text
    assert "\x1b" not in plain(evil)
