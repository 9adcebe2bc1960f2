"""The changes of an edited document as corrections, and what no correction can do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from services.transcript.screenplay.blocks import Screenplay
from services.transcript.screenplay.diff import Change, diff
from services.transcript.view.entries import Member

_FOR: Final = re.compile(r"(?P<kind>to|whisper to) (?P<whom>[^,:\n]{1,200})(?:, (?:(?P<once>once)|(?P<turns>[0-9]{1,3}) lines?))?: (?P<text>.*)", re.DOTALL)
_ALL: Final = frozenset({"all", "everybody", "everyone"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A change that is not made, and why; its text is not lost."""

    block: str
    text: str
    reason: str
    target: int = 0
    after: int = 0


@dataclass(slots=True)
class Asked:
    """What an editor asks for by handing in a document."""

    corrections: list[dict[str, Any]] = field(default_factory=list)
    """Bodies as `POST /api/sessions/{id}/corrections` takes them."""
    refused: list[Refused] = field(default_factory=list)


def asked(original: Screenplay, edited: Screenplay, members: Mapping[str, Member]) -> Asked:
    """What `edited` asks for, the editor having been given `original`, in which these members are known."""
    found = _Asking(original, members)
    found.title(edited)
    changes = list(diff(original, edited))
    while changes:
        change = changes.pop(0)
        if change.kind == "insert" and change.block == "scene" and changes and _describes(changes[0], change):
            found.scene(change, changes.pop(0).text)
        elif change.block in {"scene", "description"} and change.kind == "edit":
            others = [other for other in changes if other.kind == "edit" and other.target == change.target]
            changes = [other for other in changes if other not in others]
            found.reworded_scene((change, *others))
        else:
            found.take(change)
    return found.result


def _describes(change: Change, scene: Change) -> bool:
    """Action right behind a new heading."""
    return change.kind == "insert" and change.block == "action" and change.after == scene.after


class _Asking:
    def __init__(self, original: Screenplay, members: Mapping[str, Member]) -> None:
        self.result = Asked()
        self._original = original
        self._members = members
        self._blocks = {block.seq: block for block in original.blocks}
        end = original.blocks[-1] if original.blocks else None
        self._last = 0 if end is None else end.parts[-1].seq if end.parts else end.seq

    def title(self, edited: Screenplay) -> None:
        """The title page; a document that has lost it changes nothing there."""
        old, new = self._original.title, edited.title
        if not new.head:
            return
        settings = (("title", old.title, new.title), ("language", old.language, new.language))
        changed = {key: value for key, before, value in settings if value not in {before, ""}}
        if changed:
            self._ask("scene", **changed)
        if new.mode != old.mode:
            self._refuse(Change(kind="edit", block="title", text=new.mode), "The mode is changed on the desk.")

    def take(self, change: Change) -> None:
        """One change."""
        match change.kind:
            case "strike":
                self._ask("strike", targets=[change.target], base=self._base)
            case "note":
                self._note(change)
            case "insert":
                self._insert(change)
            case _:
                self._edit(change)

    @property
    def _base(self) -> int:
        return self._original.title.head

    def _edit(self, change: Change) -> None:
        text = change.text if change.kind == "edit" else ""
        feeling = {key: value for key, value in (("emotion", change.emotion), ("intensity", change.intensity), ("manner", change.manner)) if value is not None}
        if change.kind == "edit" and not text.strip():
            self._ask("strike", targets=[change.target], base=self._base)
        else:
            self._ask("edit", target=change.target, text=text, **feeling, base=self._base)

    def reworded_scene(self, changes: Sequence[Change]) -> None:
        """Heading and description of one scene are corrected together: the heading is its first line."""
        target = changes[0].target
        known = self._blocks.get(target)
        texts = {"heading": known.name if known else "", "description": known.parts[0].text if known and known.parts else ""}
        texts |= {change.field: change.text for change in changes}
        heading, description = texts["heading"].replace("\n", " "), texts["description"]
        self._ask("edit", target=target, text=f"{heading}\n{description}" if description else heading, base=self._base)

    def _note(self, change: Change) -> None:
        match = _FOR.fullmatch(change.text)
        whom = match["whom"].strip() if match else ""
        character = self._character(whom)
        if match is None or not (character or whom.casefold() in _ALL):
            self._ask("note", text=change.text)
        elif match["kind"] == "whisper to":
            self._ask("whisper" if character else "note", **({"character": character} if character else {}), text=match["text"])
        else:
            scope = {"scope": "once"} if match["once"] else {"scope": "turns", "turns": int(match["turns"])} if match["turns"] else {}
            self._ask("note", text=match["text"], **({"character": character} if character else {}), **scope)

    def _insert(self, change: Change) -> None:
        match change.block:
            case "said":
                self._speech(change)
            case "action":
                self._ask("insert", after=change.after, block="action", text=change.text)
            case "scene":
                self.scene(change, "")
            case "summary":
                self._refuse(change, "A digest is made from what was said; a note says what is to be known.")
            case _:
                self._refuse(change, f"A {change.block} cannot be inserted.")

    def _speech(self, change: Change) -> None:
        member = self._member(change.name)
        character = member is not None and member.role == "character"
        feeling = {key: value for key, value in (("emotion", change.emotion), ("intensity", change.intensity), ("manner", change.manner)) if value is not None}
        self._ask(
            "insert",
            after=change.after,
            block="line" if character else "said",
            text=change.text,
            **({"member": member.member} if member else {}),
            name=member.name if member else change.name,
            **(feeling if character else {}),
        )

    def scene(self, change: Change, description: str) -> None:
        """A new scene; it begins now, so it can only stand at the end."""
        if change.after != self._last and change.after <= self._base:
            self._refuse(change, "A new scene begins now: it cannot be put into the past.")
            if description:
                self._ask("insert", after=change.after, block="action", text=description)
            return
        self._ask("scene", heading=change.text, **({"description": description} if description else {}))

    def _member(self, name: str) -> Member | None:
        """Whom a cue names; those who are present go before those who have left."""
        known = sorted(self._members.values(), key=lambda member: not member.present)
        tests = (lambda member: member.name == name, lambda member: name.casefold() in {member.name.casefold(), member.member.casefold()})
        return next((member for test in tests for member in known if name and test(member)), None)

    def _character(self, name: str) -> str:
        member = self._member(name)
        return member.member if member is not None and member.role == "character" else ""

    def _ask(self, kind: str, **body: Any) -> None:
        self.result.corrections.append({"kind": kind, **body})

    def _refuse(self, change: Change, reason: str) -> None:
        self.result.refused.append(Refused(block=change.block, text=change.text, reason=reason, target=change.target, after=change.after))
