"""A view cut into blocks, each of which can be written, sent and replaced by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from services.core.model.fact import LineState
from services.transcript import view as seen
from services.transcript.view.entries import OPEN_STATES, Heard

NEW: Final = 0
"""The seq of what an editor has added."""

Fields = tuple[tuple[str, str], ...]
"""What a block says about itself besides its text, name and value, in a fixed order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A text that is corrected by itself: a sentence, or the one text of another block."""

    seq: int
    text: str
    emotion: str = "neutral"
    intensity: float = 0.5
    manner: str = "plain"
    heard: Heard = "all"
    heard_to: int = 0
    """Code points that were heard, where `heard` is `part`."""
    struck: bool = False
    carried: str = field(default="", compare=False)
    """The hash that stands in the document: of the content as it was handed out."""

    @property
    def digest(self) -> str:
        """Hash of the content as it stands here."""
        return digest(self.text, self.emotion, repr(float(self.intensity)), self.manner)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One element of the screenplay."""

    kind: str
    """scene, said, narrated, line, note, whisper, summary, recommendation, roll, revealed, joined, left, degraded, passed; action for bare text."""
    seq: int
    name: str = ""
    """What stands on the cue (`said`, `line`) or in the heading (`scene`)."""
    fields: Fields = ()
    parts: tuple[Part, ...] = ()
    struck: bool = False
    carried: str = field(default="", compare=False)
    """The hash that stands in the document."""

    @property
    def id(self) -> str:
        """Stable name of the block, the same after any correction."""
        return str(self.seq)

    @property
    def digest(self) -> str:
        """Hash of what is said outside the parts."""
        return digest(self.kind, self.name, *(f"{key}={value}" for key, value in self.fields))

    @property
    def is_open(self) -> bool:
        """A line of which it is not known yet what was heard."""
        return self.get("state") in OPEN_STATES

    def get(self, key: str) -> str:
        """A field's value; empty if it is not there."""
        return dict(self.fields).get(key, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class TitlePage:
    """The session's data."""

    title: str = ""
    mode: str = "auto"
    language: str = ""
    head: int = 0
    """The last fact in the document: the base of whoever edits it."""
    cast: tuple[tuple[str, str, str], ...] = ()
    """Member id, role and name of everybody at the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Screenplay:
    """A document."""

    title: TitlePage = TitlePage()
    blocks: tuple[Block, ...] = ()


def digest(*content: str) -> str:
    """Eight hexadecimal digits: enough to tell a changed text from an unchanged one of the same id."""
    whole = "\0".join(content).encode("utf-8", "surrogatepass")
    return blake2b(whole, digest_size=4).hexdigest()


def title_page(view: seen.View) -> TitlePage:
    """The title page of a view."""
    cast = tuple((item.member, item.role, item.name) for item in view.members.values() if item.present)
    return TitlePage(title=view.title, mode=view.mode, language=view.language, head=view.seq, cast=cast)


def blocks(view: seen.View) -> tuple[Block, ...]:
    """The view in blocks, in order."""
    return tuple(map(block_of, view.entries))


def block_of(entry: seen.Entry) -> Block:
    """The block of one entry: every entry is exactly one."""
    match entry:
        case seen.SaidEntry(source="narrated"):
            fields = _given(member=entry.member, name=entry.name, inserted=_mark(entry.inserted))
            return _text("narrated", entry.seq, entry.text, fields, struck=entry.struck)
        case seen.SaidEntry():
            fields = (("member", entry.member), *_given(inserted=_mark(entry.inserted)))
            return _text("said", entry.seq, entry.text, fields, name=entry.name, struck=entry.struck)
        case seen.SceneEntry():
            parts = (Part(seq=entry.seq, text=entry.description),) if entry.description else ()
            return Block(kind="scene", seq=entry.seq, name=entry.heading, parts=parts, struck=entry.struck)
        case seen.LineEntry():
            return _line(entry)
        case seen.NoteEntry() | seen.WhisperEntry() | seen.SummaryEntry() | seen.RecommendationEntry():
            return _aside(entry)
    return _event(entry)


def _aside(entry: seen.NoteEntry | seen.WhisperEntry | seen.SummaryEntry | seen.RecommendationEntry) -> Block:
    """Blocks of one text that nobody says aloud."""
    match entry:
        case seen.NoteEntry():
            fields = _given(character=entry.character, scope=entry.scope if entry.scope != "until_removed" else "", turns=str(entry.turns or ""))
            return _text("note", entry.seq, entry.text, fields, struck=entry.struck)
        case seen.WhisperEntry():
            return _text("whisper", entry.seq, entry.text, (("character", entry.character),), struck=entry.struck)
        case seen.SummaryEntry():
            return _text("summary", entry.seq, entry.text, _given(covers=",".join(map(str, entry.covers))), struck=entry.struck)
    fields = _given(
        id=entry.recommendation,
        category=entry.category,
        state=entry.state,
        character=entry.character,
        rests=",".join(map(str, entry.rests_on)),
    )
    return _text("recommendation", entry.seq, entry.text, fields, struck=entry.struck)


def _event(entry: seen.RollEntry | seen.JoinEntry | seen.LeaveEntry | seen.DegradedEntry | seen.PassedEntry | seen.RevealEntry) -> Block:
    """Blocks whose text follows from their fields."""
    match entry:
        case seen.RevealEntry():
            return Block(kind="revealed", seq=entry.seq, fields=_given(character=entry.character, secret=entry.secret), struck=entry.struck)
        case seen.RollEntry():
            fields = _given(
                member=entry.member,
                expression=entry.expression,
                total=str(entry.total),
                dice=",".join(map(str, entry.dice)),
                purpose=entry.purpose,
            )
            return Block(kind="roll", seq=entry.seq, name=entry.name, fields=fields, struck=entry.struck)
        case seen.JoinEntry():
            fields = _given(member=entry.member, role=entry.role, people=str(entry.head_count) if entry.head_count != 1 else "")
            return Block(kind="joined", seq=entry.seq, name=entry.name, fields=fields)
        case seen.LeaveEntry():
            return Block(kind="left", seq=entry.seq, name=entry.name, fields=_given(member=entry.member))
        case seen.DegradedEntry():
            fields = _given(part=entry.part, off=entry.from_engine, on=entry.to_engine, reason=entry.reason)
            return Block(kind="degraded", seq=entry.seq, fields=fields)
    return Block(kind="passed", seq=entry.seq, fields=_given(turn=str(entry.turn or ""), reason=entry.reason))


def _line(entry: seen.LineEntry) -> Block:
    puppeteer = entry.by.role if entry.by.role not in {"", "character", "stage"} else ""
    fields = _given(
        character=entry.character,
        line=entry.line,
        turn=str(entry.turn or ""),
        state=entry.state if entry.state is not LineState.HEARD else "",
        basis=entry.basis,
        by=puppeteer,
        delivery=entry.delivery if entry.delivery != "voice" else "",
        retakes=entry.retakes,
        inserted=_mark(entry.inserted),
    )
    parts = tuple(_sentence(item) for item in entry.sentences)
    return Block(kind="line", seq=entry.seq, name=entry.name, fields=fields, parts=parts, struck=entry.struck)


def _sentence(item: seen.SentenceEntry) -> Part:
    return Part(
        seq=item.seq,
        text=item.text,
        emotion=item.emotion,
        intensity=item.intensity,
        manner=item.manner,
        heard=item.heard,
        heard_to=len(item.heard_text) if item.heard == "part" else 0,
        struck=item.struck,
    )


def _text(kind: str, seq: int, text: str, fields: Fields, *, name: str = "", struck: bool = False) -> Block:
    return Block(kind=kind, seq=seq, name=name, fields=fields, parts=(Part(seq=seq, text=text),), struck=struck)


def _mark(on: bool) -> str:  # noqa: FBT001 - a mark is there or not
    return "yes" if on else ""


def _given(**fields: str) -> Fields:
    """The fields that say something."""
    return tuple((key, str(value)) for key, value in fields.items() if value)
