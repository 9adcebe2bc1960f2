"""Asking the roleplay service: for a reply that is due, and for one that may never be, while somebody still talks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ulid import ULID

from services.core import tracing
from services.core.model.desk import DraftShown
from services.core.model.fact import Author
from services.core.model.facts import Noted, Said
from services.core.model.reply import ReplyEvent, ReplyOptions, ReplyRequest, Sentence
from services.stage.attachments import Attachment
from services.stage.backstage import Backstage
from services.stage.feed import ReplyFeed
from services.stage.order import Order
from services.stage.roster import Seat
from services.stage.turns import Audience, Speculation, Turn, same_words

WHISPERED: Final = "This was whispered to you, and nobody else heard it. Whisper your answer: nobody else will hear that either."


class Thinking:
    """Of one place."""

    def __init__(self, place: str, backstage: Backstage) -> None:
        """Asks for nothing yet."""
        self._place = place
        self._backstage = backstage
        self.speculation: Speculation | None = None

    def reply(
        self,
        seat: Seat,
        line: str,
        *,
        notes: tuple[str, ...] = (),
        pending: tuple[str, ...] = (),
        script: str = "",
        watch: Callable[[ReplyEvent], None] | None = None,
    ) -> ReplyFeed:
        """A character's reply to everything that stands now and to `pending`; with `script` these very words."""
        backstage, llm = self._backstage, self._backstage.settings().llm
        request = ReplyRequest(
            session=backstage.session,
            base_seq=backstage.writer.durable,
            character=seat.member,
            line=line,
            epoch=next(backstage.epochs),
            pending=() if script else (*backstage.writer.pending(), *pending),
            options=ReplyOptions(
                temperature=llm.temperature,
                max_tokens=llm.max_tokens,
                token_budget=llm.token_budget,
                language=seat.language or backstage.roster.language,
                notes=notes,
            ),
            script=script,
        )
        return ReplyFeed(backstage.roleplay, request, llm.reply_timeout_s, watch)

    def words(self, order: Order, turn: Turn) -> ReplyFeed:
        """The reply to a turn: the one that was prepared, if it fits, else asked for now. What the director remarks for it becomes a fact."""
        guess = self.prepared(turn)
        if guess is not None:
            # It stands on the desk under this name already.
            order.line = guess.line
        with tracing.turn(self._backstage.session, order.trace):
            notes = (*turn.notes, *((turn.prompt,) if turn.prompt else ()), *((WHISPERED,) if order.whispered else ()))
            feed = guess.feed if guess is not None else self.reply(order.seat, order.line, notes=notes, script=turn.script)
        for number, text in enumerate(turn.notes):
            note = Noted(text=text, character=turn.character, scope="once", line=order.line)
            self._backstage.write(note, f"{order.line}:note{number or ''}", Author("director"), self._place, audience=())
        return feed

    def speculate(self, attachment: Attachment, utterance: str, text: str, seat: Seat, audience: Audience = None) -> None:
        """Prepare the reply to what was heard so far. It is never spoken before the final says the same."""
        backstage, line = self._backstage, str(ULID())
        said = Said(utterance=utterance, text=text, whispered=audience is not None)
        draft = backstage.draft(said, "", backstage.author(attachment), self._place, audience=audience)

        def watch(event: ReplyEvent) -> None:
            if isinstance(event, Sentence):
                shown = DraftShown(
                    line=line,
                    character=seat.member,
                    utterance=utterance,
                    index=event.index,
                    text=event.text,
                    emotion=event.emotion,
                    intensity=event.intensity,
                    manner=event.manner,
                )
                backstage.tell_directors(shown)

        with tracing.turn(backstage.session, utterance):
            feed = self.reply(seat, line, notes=(WHISPERED,) if audience is not None else (), pending=(draft.at(0).to_json(),), watch=watch)
        self.speculation = Speculation(utterance, text, seat.member, backstage.writer.told, feed, line, audience)

    def prepared(self, turn: Turn) -> Speculation | None:
        """The speculative reply, if it answers exactly what was said and nothing else has happened since."""
        guess, self.speculation = self.speculation, None
        if guess is None:
            return None
        unchanged = (
            guess.character == turn.character
            and guess.audience == turn.audience
            and not (turn.notes or turn.prompt or turn.script)
            and guess.written + 1 == self._backstage.writer.told
        )
        if unchanged and same_words(guess.text, turn.text):
            self._say(guess, "promoted")
            return guess
        self._void(guess)
        return None

    def drop(self, utterance: str = "") -> None:
        """What was prepared (for this utterance) is void."""
        guess = self.speculation
        if guess is not None and utterance in ("", guess.utterance):
            self.speculation = None
            self._void(guess)

    def _void(self, guess: Speculation) -> None:
        guess.feed.stop()
        self._say(guess, "dropped")

    def _say(self, guess: Speculation, state: str) -> None:
        self._backstage.tell_directors(DraftShown(line=guess.line, character=guess.character, utterance=guess.utterance, state=state))
