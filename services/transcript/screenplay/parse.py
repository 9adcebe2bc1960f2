"""Fountain read back into blocks: what is marked keeps its fact, what is not is new. Any text can be read; nothing is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import unquote

from services.transcript.screenplay.blocks import NEW, Block, Part, Screenplay, TitlePage
from services.transcript.screenplay.escape import decode, decode_cut, decode_line
from services.transcript.screenplay.markers import Marker
from services.transcript.screenplay.tokens import Line, NoteText, Sign, Text, awaited, lines_of, start_of
from services.transcript.screenplay.wording import NOTES, REMARKS, announcement, feeling, prefix
from services.transcript.view.entries import OPEN_STATES

_TITLE_KEY: Final = re.compile(r"(Title|Mode|Language|Head|Cast):[ \t]*(.*)")
_HEADING: Final = re.compile(r"(INT|EXT|EST|INT\./EXT|INT/EXT|I/E)[. ].*", re.IGNORECASE)
_PARENTHETICAL: Final = re.compile(r"\s*\((.*)\)\s*")
_BARE_NAMES: Final = frozenset({"roll", "joined", "left"})


def parse(text: str) -> Screenplay:
    """The document's title page and blocks."""
    title, body = _title(text)
    reader = _Reading()
    lines = lines_of(body)
    for line, waits in zip(lines, awaited(lines), strict=True):
        reader.take(line, waits=waits)
    reader.end_element()
    return Screenplay(title=title, blocks=tuple(reader.blocks))


def _title(text: str) -> tuple[TitlePage, str]:
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    head, _, rest = text.partition("\n\n")
    lines = head.split("\n")
    if not _TITLE_KEY.match(lines[0]):
        return TitlePage(), text
    found: dict[str, str] = {}
    cast: list[tuple[str, str, str]] = []
    for line in lines:
        if match := _TITLE_KEY.match(line):
            found[match.group(1)] = match.group(2)
        elif line[:1] in {" ", "\t"}:
            name, sign, who = line.rpartition(" = ")
            role, blank, member = who.partition(" ")
            if sign and blank:
                cast.append((_word(member), _word(role), decode_line(name)))
    number = found.get("Head", "").strip()
    title = TitlePage(
        title=decode_line(found.get("Title", "—")),
        mode=decode_line(found.get("Mode", "auto")),
        language=decode_line(found["Language"]) if "Language" in found else "",
        head=int(number) if number.isdecimal() and len(number) < 19 else 0,
        cast=tuple(cast),
    )
    return title, rest


def _word(raw: str) -> str:
    word = raw.strip()
    return "" if word == "%" else unquote(word, errors="surrogatepass")


@dataclass(slots=True)
class _Element:
    """The element being read."""

    sign: str
    """What forced it: `@ . = !`; empty for plain action."""
    name: str = ""
    marker: Marker | None = None
    parts: list[Part] = field(default_factory=list)
    pieces: list[tuple[str, bool]] = field(default_factory=list)
    """Text that no marker has claimed yet, and whether it lies in the boneyard."""
    inside: str | None = None
    """Between the parentheses of a parenthetical that waits for its sentence."""
    fresh: list[Block] = field(default_factory=list)
    """Notes that an editor has put into the text."""

    lone_capitals: bool = False
    """A line in capitals, which is a cue only if something follows it."""

    @property
    def has_text(self) -> bool:
        return any(raw.strip() for raw, _ in self.pieces)

    @property
    def is_open(self) -> bool:
        return self.marker is not None and self.marker.get("state") in OPEN_STATES

    def claimed(self, marker: Marker, *, hidden: bool) -> tuple[str, int | None]:
        """The text in front of `marker`, and where its boneyard began, if only its end lay there."""
        pieces, self.pieces = self.pieces, []
        if hidden:
            return decode("".join(raw for raw, _ in pieces)), None
        cut = _cut(pieces) if marker.get("cut") else None
        if cut is None:
            return decode("".join(raw for raw, buried in pieces if not buried)), None
        before, behind = ("".join(raw for raw, _ in some) for some in (pieces[:cut], pieces[cut:]))
        return decode_cut(before, behind)


class _Reading:
    """Goes through the lines once."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.element: _Element | None = None
        self.hidden = False
        self.scenes: dict[int, int] = {}
        """Where each scene stands, for its description."""

    def take(self, line: Line, *, waits: bool) -> None:
        """Read one line; `waits` = the text begun before it is not at its end, whatever the line looks like."""
        sign = start_of(line)
        if sign:
            self.end_element()
            self.element = _Element(sign)
        elif not waits and _is_blank(line):
            self.end_element()
            return
        at_start = bool(sign)
        for at, token in enumerate(line):
            match token:
                case Sign():
                    self.hidden = token is Sign.OPEN
                case Text(raw):
                    self._text(raw, line, first=at_start, alone=not sign)
                    at_start = at_start and not raw.strip()
                case NoteText(raw):
                    follower = line[at + 1] if at + 1 < len(line) else None
                    self._note(raw, follower if isinstance(follower, Marker) else None)
                case Marker():
                    self._marker(token)
        self._end_line(sign)

    def _end_line(self, sign: str) -> None:
        element = self.element
        if element is None:
            return
        if element.sign in {".", "="}:
            self.end_element()
        elif sign == "@" and element.marker is None:
            element.name = decode_line("".join(raw for raw, _ in element.pieces))
            element.pieces = []
        else:
            element.pieces.append(("\n", self.hidden))

    def _text(self, raw: str, line: Line, *, first: bool, alone: bool) -> None:
        if first and raw.strip():
            raw = raw.lstrip(" \t")[1:]
        if self.element is None:
            if not raw.strip():
                return
            self.element = self._unforced(raw)
            if self.element.sign in {"@", "."}:
                return
        element = self.element
        if alone and element.sign == "@" and not element.has_text and element.inside is None and _is_alone(raw, line):
            match = _PARENTHETICAL.fullmatch(raw)
            if match:
                element.inside = match.group(1)
                return
        element.pieces.append((raw, self.hidden))

    def _unforced(self, raw: str) -> _Element:
        """Ordinary Fountain, as somebody else's editor writes it: headings and cues in capitals, and action."""
        text = raw.strip()
        if _HEADING.fullmatch(text):
            return _Element(".", pieces=[(raw, self.hidden)])
        if text.isupper() and not text.endswith((":", ".", "!", "?")):
            return _Element("@", name=decode_line(text), lone_capitals=True)
        return _Element("")

    def _note(self, raw: str, marker: Marker | None) -> None:
        if marker is not None and marker.kind in NOTES:
            self.end_element()
            return_block = _block(marker)
            text = decode(raw).removeprefix(prefix(return_block))
            part = Part(seq=marker.seq, text=text, carried=marker.carried)
            parts = () if marker.kind in REMARKS else (part,)
            struck = self.hidden or "struck" in marker.flags
            self.blocks.append(replace(return_block, parts=parts, struck=struck))
            return
        if self.hidden:
            return
        note = Block(kind="note", seq=NEW, parts=(Part(seq=NEW, text=decode(raw)),))
        if self.element is None:
            self.blocks.append(note)
            return
        self.element.fresh.append(note)
        if self.element.pieces:
            last, buried = self.element.pieces[-1]
            self.element.pieces[-1] = (last.removesuffix(" "), buried)

    def _marker(self, marker: Marker) -> None:
        element = self.element
        if element is None or marker.kind in NOTES:
            return
        struck = self.hidden or "struck" in marker.flags
        if marker.kind == "s":
            element.parts.append(self._sentence(element, marker))
        elif marker.kind == "description":
            self._description(element, marker)
        elif marker.kind == "line":
            element.name = decode_line("".join(raw for raw, _ in element.pieces))
            element.marker, element.pieces = marker, []
        elif marker.kind == "scene":
            heading = decode_line("".join(raw for raw, _ in element.pieces))
            self.scenes[marker.seq] = len(self.blocks)
            self.blocks.append(replace(_block(marker), name=heading, struck=struck, carried=marker.carried))
            element.pieces = []
        elif marker.kind in _BARE_NAMES:
            block = _block(marker)
            name = decode("".join(raw for raw, _ in element.pieces)).removesuffix(announcement(block))
            self.blocks.append(replace(block, name=name, struck=struck, carried=marker.carried))
            element.pieces = []
        elif marker.kind in {"said", "narrated", "summary"}:
            self._whole(element, marker, struck=struck)

    def _whole(self, element: _Element, marker: Marker, *, struck: bool) -> None:
        """A block of one text, which ends here."""
        if element.inside is not None:
            element.pieces.insert(0, (f"\\({element.inside})\n", self.hidden))
            element.inside = None
        if marker.kind == "summary":
            text, element.pieces = decode_line("".join(raw for raw, _ in element.pieces)), []
        else:
            text, _ = element.claimed(marker, hidden=self.hidden)
        part = Part(seq=marker.seq, text=text, carried=marker.carried)
        name = "" if marker.kind == "narrated" else element.name
        self.blocks.append(replace(_block(marker), name=name, parts=(part,), struck=struck))

    def _sentence(self, element: _Element, marker: Marker) -> Part:
        text, cut = element.claimed(marker, hidden=self.hidden)
        emotion, intensity, manner = feeling(element.inside) if element.inside is not None else ("neutral", 0.5, "plain")
        element.inside = None
        unheard = "unheard" in marker.flags or element.is_open
        mark = marker.get("cut")
        until = cut if cut is not None else min(int(mark), len(text)) if mark.isdecimal() and len(mark) < 10 else 0
        buried = (self.hidden and "unheard" not in marker.flags) or (cut == 0 and bool(text))
        return Part(
            seq=marker.seq,
            text=text,
            emotion=emotion,
            intensity=intensity,
            manner=manner,
            heard="none" if unheard else "part" if mark else "all",
            heard_to=until if mark else 0,
            struck="struck" in marker.flags or buried,
            carried=marker.carried,
        )

    def _description(self, element: _Element, marker: Marker) -> None:
        text, _ = element.claimed(marker, hidden=self.hidden)
        part = Part(seq=marker.seq, text=text, carried=marker.carried)
        at = self.scenes.get(marker.seq)
        if at is None:
            self.blocks.append(Block(kind="description", seq=marker.seq, parts=(part,)))
        else:
            self.blocks[at] = replace(self.blocks[at], parts=(part,))

    def end_element(self) -> None:
        """Close the element being read: text that no marker claimed is new."""
        element, self.element = self.element, None
        if element is None:
            return
        text = decode("".join(raw for raw, buried in element.pieces if not buried))
        if element.lone_capitals and not text and not element.parts:
            element, text = _Element(""), element.name
        fresh = (Part(seq=NEW, text=text),) if text else ()
        if fresh and element.inside is not None:
            emotion, intensity, manner = feeling(element.inside)
            fresh = (replace(fresh[0], emotion=emotion, intensity=intensity, manner=manner),)
        if element.marker is not None:
            block = _block(element.marker)
            struck = "struck" in element.marker.flags
            self.blocks.append(replace(block, name=element.name, parts=(*element.parts, *fresh), struck=struck, carried=element.marker.carried))
        elif element.parts:
            self.blocks.append(Block(kind="line", seq=NEW, name=element.name, parts=(*element.parts, *fresh)))
        elif fresh:
            self.blocks.append(_new(element, fresh))
        self.blocks += element.fresh


def _cut(pieces: list[tuple[str, bool]]) -> int | None:
    """Where the boneyard begins within a text; one that closes before the text does not count."""
    begun = False
    for at, (raw, buried) in enumerate(pieces):
        begun = begun or bool(raw.strip())
        if buried and begun:
            return at
    return None


def _new(element: _Element, parts: tuple[Part, ...]) -> Block:
    """What an editor has written of their own."""
    if element.sign == ".":
        return Block(kind="scene", seq=NEW, name=parts[0].text)
    kind = {"@": "said", "=": "summary"}.get(element.sign, "action")
    return Block(kind=kind, seq=NEW, name=element.name, parts=parts)


def _block(marker: Marker) -> Block:
    """The block that a marker speaks of, without its texts."""
    return Block(kind=marker.kind, seq=marker.seq, fields=marker.fields)


def _is_blank(line: Line) -> bool:
    """Ends an element; two spaces would not."""
    return all(isinstance(token, Text) and len(token.raw) < 2 and not token.raw.strip() for token in line)


def _is_alone(raw: str, line: Line) -> bool:
    return all(isinstance(token, Sign) or (isinstance(token, Text) and token.raw == raw) for token in line)
