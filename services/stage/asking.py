"""Somebody asks for an answer: whoever it is that is to speak, or whoever their words are for."""

from __future__ import annotations

from typing import Final

from services.core.errors import Conflict, NotFound
from services.core.model.attachment import Refused
from services.stage import casting
from services.stage.addressing import Addressing
from services.stage.attachments import Attachment
from services.stage.rules import Rules
from services.stage.turns import FLOOR, Unasked
from services.stage.waiting import Waiting

NOBODY_ANSWERS: Final = "nobody_answers"
"""Why a request was refused that asked for nothing wrong."""


class Asking:
    """At one place, while nobody waits for the floor."""

    def __init__(self, place: str, waiting: Waiting, addressing: Addressing, rules: Rules) -> None:
        """`waiting` has what was said, and is given whoever is to answer it."""
        self._place = place
        self._waiting = waiting
        self._addressing = addressing
        self._rules = rules

    def freely(self, attachment: Attachment, character: str, notes: tuple[str, ...]) -> None:
        """Somebody is to speak, whoever was meant; `character` = the client's choice. Raises `Conflict` or `NotFound`."""
        own, about = self._waiting.owed.get(attachment.participant), self._waiting.heard_by(attachment.participant)
        text, addressed, audience = ("", "", None) if about is None else (about.text, "", about.audience)
        if own is not None and own.audience == audience:
            text, addressed = own.text, own.addresses
        choice = self._addressing.choose(text, attachment, audience, asked=character, addressed=addressed, due=self._addressing.meant(audience), freely=True)
        if choice.reason == casting.SILENCED:
            raise Conflict("the characters here are silenced")
        if not choice.character:
            raise NotFound("no such character is here")
        self._ask(attachment, choice.character, about, notes)

    def if_addressed(self, attachment: Attachment) -> None:
        """As their words are answered where nobody has to ask; words that are for no character are passed, and whoever asks is told."""
        own = self._waiting.owed.get(attachment.participant)
        if own is None:
            self._refuse(attachment, NOBODY_ANSWERS, "nothing of theirs waits for an answer")
            return
        due = self._addressing.meant(own.audience)
        choice = self._addressing.choose(own.text, attachment, own.audience, addressed=own.addresses, due=due)
        if choice.character:
            about = self._waiting.heard_by(attachment.participant)
            # Another turn may have taken the words along: then its line has answered them for the transcript, and this one comes on top.
            self._ask(attachment, choice.character, about if about is not None and about.audience == own.audience else None)
            return
        if choice.reason == casting.NOT_ADDRESSED and own.audience is None:
            self._addressing.engaged.table_talk()
        self._waiting.nobody_addressed(attachment.participant, choice.reason)
        code = choice.reason if choice.reason == casting.NOT_ADDRESSED else NOBODY_ANSWERS
        self._refuse(attachment, code, "no character answers these words")

    def _ask(self, attachment: Attachment, character: str, about: Unasked | None, notes: tuple[str, ...] = ()) -> None:
        self._waiting.owed.pop(attachment.participant, None)
        self._rules.next_spoke(self._place, character)
        self._waiting.ask(character, about, notes, attachment)

    def _refuse(self, attachment: Attachment, code: str, detail: str) -> None:
        attachment.deliver(Refused(code, detail, FLOOR))
