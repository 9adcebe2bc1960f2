"""What a director may ask for, as it comes in. Whatever passes here can be written, unless the session has moved on meanwhile."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from services.core.errors import InvalidRequest
from services.core.model.prosody import Emotion, Manner
from services.core.settings import explain

TEXT_LIMIT: Final = 8_000
ACT_TEXT_LIMIT: Final = 4_000
_SEQ_LIMIT: Final = 2**53
ID_PATTERN: Final = r"^[A-Za-z0-9_.:-]*$"

Seq = Annotated[int, Field(ge=1, lt=_SEQ_LIMIT)]
Slug = Annotated[str, Field(max_length=128)]
Text = Annotated[str, Field(max_length=TEXT_LIMIT)]
Words = Annotated[str, Field(min_length=1, max_length=TEXT_LIMIT, pattern=r"\S")]
Name = Annotated[str, Field(min_length=1, max_length=128)]


class _Asked(BaseModel):
    """What every correction may say."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field("", max_length=64, pattern=ID_PATTERN, description="Sent again with the same id it happens once; empty = a new one")
    base: int = Field(0, ge=0, lt=_SEQ_LIMIT, description="The last fact that touched the target, as you saw it; 0 = the last writer wins")
    place: str = Field("", max_length=300)

    def body(self) -> dict[str, Any]:
        """The body of the fact that it becomes."""
        return self.model_dump(mode="json", exclude={"kind", "id", "base", "place"})


class _Feeling(_Asked):
    emotion: Emotion = Emotion.NEUTRAL
    intensity: float = Field(0.5, ge=0, le=1)
    manner: Manner = Manner.PLAIN


class Edit(_Asked):
    """New wording, new feeling, or both, for a `said` or a sentence."""

    kind: Literal["edit"]
    target: Seq
    text: Text = Field("", description="Empty = the wording stays")
    emotion: Emotion | None = None
    intensity: float | None = Field(None, ge=0, le=1)
    manner: Manner | None = None

    @model_validator(mode="after")
    def _changes(self) -> Edit:
        if not (self.text.strip() or self.emotion or self.manner or self.intensity is not None):
            raise ValueError("an edit has a new wording or a new feeling")
        return self


class Strike(_Asked):
    """As if they had not been said."""

    kind: Literal["strike"]
    targets: list[Seq] = Field(min_length=1, max_length=500)


class Insert(_Feeling):
    """Something that was said or done after all."""

    kind: Literal["insert"]
    after: int = Field(ge=0, lt=_SEQ_LIMIT)
    block: Literal["said", "line", "action"]
    text: Words
    member: Slug = Field("", description="Who says it")
    name: str = Field("", max_length=300)

    @model_validator(mode="after")
    def _spoken(self) -> Insert:
        if self.block != "action" and not (self.member or self.name):
            raise ValueError("somebody says it: member or name")
        return self


class Note(_Asked):
    """A hidden remark, or the removal of one."""

    kind: Literal["note"]
    text: Text = ""
    character: Slug = Field("", description="Empty = all of them")
    scope: Literal["once", "turns", "until_removed"] = "until_removed"
    turns: int = Field(0, ge=0, le=1_000)
    removes: int = Field(0, ge=0, lt=_SEQ_LIMIT, description="Seq of the note that this one takes back")

    @model_validator(mode="after")
    def _says(self) -> Note:
        if not (self.text.strip() or self.removes):
            raise ValueError("a note has a text, or removes one")
        if self.scope == "turns" and self.turns < 1:
            raise ValueError("for how many turns?")
        return self


class Whisper(_Asked):
    """Something that one character alone comes to know."""

    kind: Literal["whisper"]
    character: Name
    text: Words


class Retcon(_Asked):
    """Everything after `to` never happened."""

    kind: Literal["retcon"]
    to: int = Field(ge=0, lt=_SEQ_LIMIT)


class Scene(_Asked):
    """Where and when we are."""

    kind: Literal["scene"]
    heading: str = Field("", max_length=300)
    description: Text = ""
    title: str = Field("", max_length=300)
    language: str = Field("", max_length=35)
    phrases: list[Annotated[str, Field(min_length=1, max_length=300)]] = Field(default_factory=list, max_length=500)
    hotwords: list[Annotated[str, Field(min_length=1, max_length=100)]] = Field(default_factory=list, max_length=100)

    @model_validator(mode="after")
    def _sets(self) -> Scene:
        if not any(self.body().values()):
            raise ValueError("a scene change changes something")
        return self


class Reveal(_Asked):
    """A character may speak of one of its secrets from here on."""

    kind: Literal["reveal"]
    character: Name
    secret: Name


class Decide(_Asked):
    """What becomes of a recommendation."""

    kind: Literal["decide"]
    recommendation: Name
    state: Literal["accepted", "pinned", "rejected"]
    text: Text = ""


class Erase(_Asked):
    """Words that are removed for good, from everywhere; nothing takes that back."""

    kind: Literal["erase"]
    seqs: list[Seq] = Field(min_length=1, max_length=500)


Correction = Annotated[Edit | Strike | Insert | Note | Whisper | Retcon | Scene | Reveal | Decide | Erase, Field(discriminator="kind")]
_CORRECTION: Final[TypeAdapter[Correction]] = TypeAdapter(Correction)

ActKind = Literal[
    "halt", "resume", "mute", "unmute", "hold", "release", "reject", "retake", "puppet", "next", "claim", "unclaim", "mode", "deliver", "stop",
    "move", "safety", "voices",
]  # fmt: skip


class Act(BaseModel):
    """A live act."""

    model_config = ConfigDict(extra="forbid")

    kind: ActKind
    id: str = Field("", max_length=64, pattern=ID_PATTERN, description="Sent again with the same id it happens once; empty = a new one")
    line: str = Field("", max_length=128, description="Empty = the one that is meant")
    character: Slug = ""
    text: str = Field("", max_length=ACT_TEXT_LIMIT)
    direction: str = Field("", max_length=ACT_TEXT_LIMIT)
    place: str = Field("", max_length=300)
    platform: str = Field("", max_length=128)

    def body(self) -> dict[str, Any]:
        """As it stands in the outbox."""
        return self.model_dump(exclude={"kind", "id", "place"})


def correction_of(value: dict[str, Any]) -> Correction:
    """A correction from plain values. Raises `InvalidRequest` naming what does not fit."""
    try:
        return _CORRECTION.validate_python(value)
    except ValidationError as error:
        raise InvalidRequest(explain(error)) from None
