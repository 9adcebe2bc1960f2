"""Steps of the fold for the table itself: settings, scenes, who is there, who may speak. Most of it outlives a retcon."""

from __future__ import annotations

from dataclasses import replace

from services.core.model import facts as bodies
from services.core.model.fact import Fact
from services.transcript.view import entries as seen
from services.transcript.view.entries import Member
from services.transcript.view.reader import Reader
from services.transcript.view.state import State
from services.transcript.view.unrolled import Unrolled


class Table(Unrolled):
    """Settings, scenes and members."""

    def __init__(self, reader: Reader, state: State) -> None:
        super().__init__(reader, state)
        self.title, self.mode, self.language, self.phrases = state.title, state.mode, state.language, state.phrases
        self.modes, self.deliveries, self.hotwords = state.modes, state.deliveries, state.hotwords
        self.muted, self.halted = state.muted, state.halted
        self.scenes = dict(state.scenes)

    def scene_set(self, fact: Fact, body: bodies.SceneSet) -> None:
        """Settings outlive a retcon, heading and description do not; without these two it is no new scene."""
        self._settings(body)
        if not (body.heading or body.description) or self.dead(fact):
            return
        # Nobody has to have been there when it was set, unless it was for some alone.
        self.story(fact, perceived=self.reader.oversees or self.reader.in_audience(fact.audience))
        struck = self.struck(fact)
        entry = seen.SceneEntry(
            seq=fact.seq, heading=body.heading, description=body.description, struck=struck, place=fact.place, audience=fact.audience, at_ms=fact.at_ms
        )
        if not struck:
            # One for everybody ends those of single places. Whoever comes to a place later finds it as it is.
            self.scenes = {**self.scenes, fact.place: entry} if fact.place else {"": entry}
        if self.perceives(fact):
            self.scroll.append(entry)

    def _settings(self, body: bodies.SceneSet) -> None:
        self.title = body.title or self.title
        self.mode = body.mode or self.mode
        self.language = body.language or self.language
        self.phrases = tuple(body.phrases) or self.phrases
        if body.modes:
            # An empty one is no mode of its own any more.
            self.modes = {whose: mode for whose, mode in {**self.modes, **body.modes}.items() if mode}
        if body.deliveries:
            self.deliveries = {**self.deliveries, **body.deliveries}
        if body.hotwords:
            self.hotwords = tuple(dict.fromkeys((*self.hotwords, *body.hotwords)))

    def joined(self, fact: Fact, body: bodies.Joined) -> None:
        """A second one while present replaces card, name and place only: it is no new entry."""
        before = self.members.get(body.member)
        stays = before is not None and before.present
        own = self.reader.oversees or (self.reader.is_character and self.reader.member == body.member)
        self.members[body.member] = Member(
            member=body.member,
            role=body.role,
            name=body.name,
            card=body.card if own else {},
            place=fact.place,
            since_seq=before.since_seq if before is not None and stays else fact.seq,
            head_count=body.head_count,
        )
        if not stays and self.perceives(fact):
            self.scroll.append(
                seen.JoinEntry(seq=fact.seq, member=body.member, name=body.name, role=body.role, head_count=body.head_count, place=fact.place, at_ms=fact.at_ms)
            )

    def left(self, fact: Fact, body: bodies.Left) -> None:
        """The member stays known, as absent."""
        member = self.members.get(body.member)
        if member is None or not member.present:
            return
        if self.perceives(fact):
            self.scroll.append(seen.LeaveEntry(seq=fact.seq, member=body.member, name=member.name, place=member.place, at_ms=fact.at_ms))
        self.members[body.member] = replace(member, present=False)

    def silenced(self, _fact: Fact, body: bodies.Silenced) -> None:
        """Who may not speak is a matter of the table, not of the story."""
        if not body.character:
            self.halted = body.on
        elif body.on:
            self.muted = self.muted | {body.character}
        else:
            self.muted = self.muted - {body.character}

    def degraded(self, fact: Fact, body: bodies.Degraded) -> None:
        """People are told; characters are not."""
        if not self.reader.is_character:
            self.scroll.append(
                seen.DegradedEntry(seq=fact.seq, part=body.part, from_engine=body.from_engine, to_engine=body.to_engine, reason=body.reason, at_ms=fact.at_ms)
            )
