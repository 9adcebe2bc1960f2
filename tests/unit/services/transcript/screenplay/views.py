"""Strategies for sessions with everything in them that a document may have to carry."""

from __future__ import annotations

from hypothesis import strategies as st

from services.core.model import facts as bodies
from services.core.model.fact import Author
from services.transcript.view import DIRECTOR, View, fold
from tests.unit.services.transcript.story import Story

MARKUP = st.sampled_from([
    "*", "_", "**bold**", "[[", "]]", "[", "]", "/*", "*/", "/", "@", ".", "..", "!", "~", ">", "<", "#", "=", "===", "^", "(", ")", "\\", "\\n", ":",
    "—", "[[souffleur: said 1 #00000000]]", "souffleur: ", "@ANN", "INT. HOUSE - DAY", "ALL CAPITALS", "(joy)", "Title: x", "CUT TO:", "  ", " ", "\t",
    "\n", "\n\n", "\r\n", "\r", "\u2028", "\u2029", "\x85", "\x0b", "\x00", "\x1b", "\u3000", "\u00a0", "\ufeff", "\u200f", "\U0001f409",
    "Здравствуй, путник", "你好。", "שלום", "مرحبا", "é", "e\u0301",
])  # fmt: skip
TEXT = st.one_of(st.text(max_size=20), st.lists(st.one_of(MARKUP, st.text(max_size=4)), max_size=8).map("".join))
WORD = st.sampled_from(["joy", "anger", "neutral", "", "-", "Печаль", "joy 0.7", "a,b", "(x)", "*_*"])
LEVEL = st.one_of(st.just(0.5), st.floats(allow_nan=False, allow_infinity=False))
AUTHOR = st.builds(Author, st.just("player"), TEXT, TEXT)


@st.composite
def views(draw: st.DrawFn) -> View:
    """A director's view of any session."""
    story = Story()
    story.add(bodies.SceneSet(title=draw(TEXT), language=draw(TEXT), mode=draw(TEXT), heading=draw(TEXT), description=draw(TEXT)))
    story.add(bodies.Joined(member=draw(TEXT), role=draw(TEXT), name=draw(TEXT), head_count=draw(st.integers(1, 3))))
    for number in range(draw(st.integers(0, 5))):
        _tell(draw, story, number)
    seqs = st.lists(st.integers(1, len(story.facts)), max_size=2)
    if targets := draw(seqs):
        story.add(bodies.Struck(targets=targets))
    return fold(story.facts, DIRECTOR)


def _tell(draw: st.DrawFn, story: Story, number: int) -> None:
    kind = draw(st.integers(0, 16))
    if kind <= 4:
        _line(draw, story, f"line {number}")
        return
    story.add(_aside(draw, kind) if kind < 13 else _told(draw, len(story.facts)), by=draw(AUTHOR))


def _told(draw: st.DrawFn, head: int) -> bodies.Body:
    if draw(st.booleans()):
        return bodies.Said(utterance="u", text=draw(TEXT), source="narrated")
    return bodies.Inserted(
        after=draw(st.integers(0, head)),
        block=draw(st.sampled_from(["said", "line", "action"])),
        text=draw(TEXT),
        member=draw(TEXT),
        name=draw(TEXT),
        emotion=draw(WORD),
        intensity=draw(LEVEL),
        manner=draw(st.one_of(st.just("plain"), WORD)),
    )


def _aside(draw: st.DrawFn, kind: int) -> bodies.Body:
    body: bodies.Body
    match kind:
        case 5 | 6:
            body = bodies.Said(utterance="u", text=draw(TEXT))
        case 7:
            body = bodies.Noted(text=draw(TEXT), character=draw(TEXT), scope=draw(st.sampled_from(["once", "turns", "until_removed"])), turns=2)
        case 8:
            body = bodies.Whispered(character=draw(TEXT), text=draw(TEXT))
        case 9:
            body = bodies.Summarized(text=draw(TEXT), covers=draw(st.lists(st.integers(1, 9), max_size=3)))
        case 10:
            body = bodies.Recommended(recommendation=draw(TEXT), category=draw(TEXT), text=draw(TEXT), character=draw(TEXT), rests_on=[1])
        case 11:
            body = bodies.Rolled(expression=draw(TEXT), total=draw(st.integers()), dice=draw(st.lists(st.integers(), max_size=3)), purpose=draw(TEXT))
        case 12:
            body = bodies.Revealed(character=draw(TEXT), secret=draw(TEXT))
        case _:
            body = bodies.Degraded(part=draw(TEXT), from_engine=draw(TEXT), to_engine=draw(TEXT), reason=draw(TEXT))
    return body


def _line(draw: st.DrawFn, story: Story, line: str) -> None:
    opened = bodies.LineOpened(
        line=line,
        character=draw(TEXT),
        turn=draw(st.integers(0, 3)),
        base_seq=0,
        mode=draw(st.sampled_from(["auto", "approve"])),
        delivery=draw(st.sampled_from(["voice", "teleprompter"])),
        retakes=draw(TEXT),
    )
    story.add(opened, by=draw(AUTHOR))
    spoken: list[tuple[int, str]] = []
    for index in range(draw(st.integers(0, 3))):
        text = draw(TEXT)
        body = bodies.Spoken(
            line=line, attempt=1, index=index, text=text, tagged=text, emotion=draw(WORD), intensity=draw(LEVEL), manner=draw(st.one_of(st.just("plain"), WORD))
        )
        spoken.append((story.add(body), text))
    if draw(st.booleans()):
        story.add(bodies.Said(utterance="u", text=draw(TEXT)), by=draw(AUTHOR))
        story.add(bodies.Released(line=line))
    if draw(st.integers(0, 3)) == 0:
        return
    last, text = draw(st.sampled_from(spoken)) if spoken else (0, "")
    state = draw(st.sampled_from(["heard", "cut", "cut", "rejected", "aborted"]))
    story.add(bodies.LineClosed(line=line, state=state, last_seq=last, offset=draw(st.integers(0, len(text))), basis="estimated"))
