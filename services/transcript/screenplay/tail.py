"""What a live reader has to be sent when a view has moved on."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest

from services.transcript.screenplay.blocks import Block, block_of, title_page
from services.transcript.view import Entry, View


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """From one view to a later one."""

    appended: tuple[Block, ...] = ()
    """To be put at the end, in this order."""
    replaced: tuple[Block, ...] = ()
    """Blocks that are there already, by their id, in a new form."""
    whole: bool = False
    """Appending and replacing is not enough (something vanished or came in between): send the document again."""
    title: bool = False
    """The title page says something else than before, its head aside."""


def delta(before: View, after: View) -> Delta:
    """How `after` differs from `before`. Costs what has changed, since the two share the chunks that have not."""
    old: list[Entry] = []
    new: list[Entry] = []
    for earlier, later in zip_longest(before.visible.chunks, after.visible.chunks, fillvalue=()):
        if earlier is not later:
            old += earlier
            new += later
    places = {entry.seq: at for at, entry in enumerate(new)}
    if any(places.get(entry.seq) != at for at, entry in enumerate(old)):
        return Delta(whole=True, title=_titled(before, after))
    return Delta(
        appended=tuple(map(block_of, new[len(old) :])),
        replaced=tuple(block_of(later) for earlier, later in zip(old, new, strict=False) if earlier is not later and earlier != later),
        title=_titled(before, after),
    )


def _titled(before: View, after: View) -> bool:
    one, other = title_page(before), title_page(after)
    return (one.title, one.mode, one.language, one.cast) != (other.title, other.mode, other.language, other.cast)
