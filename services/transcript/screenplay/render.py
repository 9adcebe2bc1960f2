"""Blocks written as Fountain. `wording` says what each of them looks like to the reader; the markers make it readable back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import quote

from services.transcript.screenplay.blocks import Block, Part, Screenplay, TitlePage, blocks, title_page
from services.transcript.screenplay.escape import encode, encode_line, encode_note
from services.transcript.screenplay.markers import Marker, written
from services.transcript.screenplay.wording import NOTES, announcement, parenthetical, prefix, remark
from services.transcript.view import View

_GAP: Final = "\n\n"


def render(view: View) -> str:
    """The view as a Fountain document."""
    return render_screenplay(Screenplay(title=title_page(view), blocks=blocks(view)))


def render_screenplay(screenplay: Screenplay) -> str:
    """The document: title page and blocks with an empty line between them."""
    return _GAP.join((render_title(screenplay.title), *map(render_block, screenplay.blocks))) + "\n"


def render_title(title: TitlePage) -> str:
    """The title page."""
    lines = [f"Title: {encode_line(title.title)}", f"Mode: {encode_line(title.mode)}"]
    lines += [f"Language: {encode_line(title.language)}"] if title.language else []
    lines += [f"Head: {title.head}"]
    lines += ["Cast:"] if title.cast else []
    lines += [f"    {encode_line(name)} = {_word(role)} {_word(member)}" for member, role, name in title.cast]
    return "\n".join(lines)


def render_block(block: Block) -> str:
    """One block, without the empty lines around it."""
    match block.kind:
        case "line":
            return _line(block)
        case "scene":
            text = _scene(block)
        case "said":
            text = f"@{encode_line(block.name)}\n{_ended(encode(block.parts[0].text), _marker(block, block.parts[0].digest))}"
        case "narrated":
            text = f"!{_ended(encode(block.parts[0].text), _marker(block, block.parts[0].digest))}"
        case "summary":
            text = f"= {encode_line(block.parts[0].text)} {_marker(block, block.parts[0].digest)}"
        case "action":
            text = "!" + encode("\n".join(part.text for part in block.parts))
        case kind if kind in NOTES:
            content = prefix(block) + block.parts[0].text if block.parts else remark(block)
            text = f"[[{encode_note(content)}]]{_marker(block, block.parts[0].digest if block.parts else block.digest)}"
        case _:
            text = f"!{encode_line(block.name + announcement(block))} {_marker(block, block.digest)}"
    return _buried(text) if block.struck else text


def _scene(block: Block) -> str:
    name = encode_line(block.name)
    dot = ".\\" if name[0] == "." else "."  # two dots in a row do not force a heading
    heading = f"{dot}{name} {_marker(block, block.digest)}"
    paragraphs = (f"!{_ended(encode(part.text), written(Marker('description', part.seq, carried=part.digest)))}" for part in block.parts)
    return _GAP.join((heading, *paragraphs))


def _line(block: Block) -> str:
    """A cue and its sentences; runs of what nobody heard, or what is struck, lie in the boneyard."""
    cue = f"@{encode_line(block.name)} {_marker(block, block.digest)}"
    hidden = [part.struck or (part.heard == "none" and not block.is_open) for part in block.parts]
    written_parts = list(_sentences(block.parts, hidden, open_line=block.is_open))
    if all(hidden):
        return _buried("\n".join((cue, *written_parts)))
    text, inside = cue, False
    for piece, buried in zip(written_parts, hidden, strict=True):
        # The signs stand where their removal leaves no empty line, which would end the dialogue.
        text += "/*" if buried and not inside else "\n*/" if inside and not buried else ""
        text += "\n" + piece
        inside = buried
    return text + "\n*/" if inside else text


def _sentences(parts: Iterable[Part], hidden: list[bool], *, open_line: bool) -> Iterable[str]:
    before = ""
    for part, buried in zip(parts, hidden, strict=True):
        feeling = parenthetical(part, after=before)
        before = before if buried else feeling
        cut = part.heard_to if part.heard == "part" and not buried and part.heard_to < len(part.text) else None
        flags = {"struck"} if part.struck else set()
        flags |= {"unheard"} if part.heard == "none" and not open_line else set()
        fields = (("cut", str(part.heard_to)),) if part.heard == "part" else ()
        marker = written(Marker("s", part.seq, fields, frozenset(flags), part.digest))
        yield (f"{feeling}\n" if feeling else "") + _ended(encode(part.text, cut), marker)


def _marker(block: Block, digest: str) -> str:
    return written(Marker(block.kind, block.seq, block.fields, frozenset({"struck"}) if block.struck else frozenset(), digest))


def _ended(text: str, marker: str) -> str:
    return f"{text} {marker}" if text else marker


def _buried(text: str) -> str:
    return f"/*\n{text}\n*/"


def _word(value: str) -> str:
    """A value without blanks; a lone `%` stands for none."""
    return quote(value, safe="-", errors="surrogatepass").replace("_", "%5F") or "%"
