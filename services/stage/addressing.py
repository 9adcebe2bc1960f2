"""Whom words are for, in one place: casting, told who is there, who can hear, and who is in conversation with whom."""

from __future__ import annotations

from services.stage import casting
from services.stage.attachments import Attachment
from services.stage.backstage import Backstage
from services.stage.conductor import Line
from services.stage.engagement import Engagement
from services.stage.rules import Rules
from services.stage.turns import Audience


class Addressing:
    """Of one place."""

    def __init__(self, place: str, backstage: Backstage, rules: Rules) -> None:
        """`rules` are the director's."""
        self._place = place
        self._backstage = backstage
        self._rules = rules
        self.engaged = Engagement(backstage.clock, lambda: backstage.settings().stage.address_window_s)

    def choose(
        self, text: str, speaker: Attachment, audience: Audience = None, *, asked: str = "", addressed: str = "", due: str = "", freely: bool = False
    ) -> casting.Choice:
        """Who answers these words, of those who can hear them; `freely` = somebody is to, whether named or not."""
        roster = self._backstage.roster
        seats = [seat for seat in roster.cast(self._place) if audience is None or seat.member in audience]
        if audience is not None and not addressed and len(seats) == 1:
            # Whoever whispers to one character alone means that one.
            addressed = seats[0].member
        candidates = [seat.candidate(silent=self._rules.is_silent(seat.member)) for seat in seats]
        circle = casting.Circle(wake_name=casting.NEVER, last=roster.last_character) if freely else self._circle(speaker, audience)
        return casting.choose(text, candidates, circle, asked=asked, addressed=addressed, due=due)

    def _circle(self, speaker: Attachment, audience: Audience) -> casting.Circle:
        roster = self._backstage.roster
        people = roster.people(self._place, audience)
        return casting.Circle(
            humans=sum(seat.head_count for seat in people),
            others=tuple(seat.name for seat in people if seat.member != speaker.participant),
            room=self._backstage.is_room(speaker),
            wake_name=self._backstage.settings().stage.wake_name,
            engaged=self.engaged.of(speaker.participant),
            last=roster.last_character,
        )

    def meant(self, audience: Audience) -> str:
        """The director's choice of who is next, which is for words that everybody hears."""
        return self._rules.next_in(self._place) if audience is None else ""

    def stops(self, attachment: Attachment, line: Line | None, *, whispering: bool) -> bool:
        """Whoever speaks here pauses the voice, and stops it when they mean it; `whispering` tells how they speak.

        Not the murmur in a room: that needs a name.
        """
        return not self._backstage.is_room(attachment) and self.may_stop(attachment, line, whispering=whispering)

    def may_stop(self, attachment: Attachment, line: Line | None, *, whispering: bool) -> bool:
        """Not those who do not hear that voice, nor whispers beside one that speaks aloud."""
        whispered = line is not None and line.order.whispered
        if line is not None and whispered and attachment.participant not in line.order.audience:
            return False
        return attachment.interrupts and (whispered or not whispering)
