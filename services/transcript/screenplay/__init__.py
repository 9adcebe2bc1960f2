"""The screenplay: a view written as Fountain, and an edited document read back."""

from services.transcript.screenplay.asked import Asked, Refused, asked
from services.transcript.screenplay.blocks import Block, Part, Screenplay, TitlePage, blocks, title_page
from services.transcript.screenplay.diff import Change, diff
from services.transcript.screenplay.formats import MEDIA_TYPES, export
from services.transcript.screenplay.parse import parse
from services.transcript.screenplay.plain import plain_text
from services.transcript.screenplay.render import render, render_block, render_screenplay, render_title
from services.transcript.screenplay.tail import Delta, delta

__all__ = [
    "MEDIA_TYPES",
    "Asked",
    "Block",
    "Change",
    "Delta",
    "Part",
    "Refused",
    "Screenplay",
    "TitlePage",
    "asked",
    "blocks",
    "delta",
    "diff",
    "export",
    "parse",
    "plain_text",
    "render",
    "render_block",
    "render_screenplay",
    "render_title",
    "title_page",
]
