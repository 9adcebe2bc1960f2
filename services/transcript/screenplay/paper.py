"""The play as a PDF: set in the measures of `screenplain`, in letters of any writing that there is a face for."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from functools import cache
from typing import Any

from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import NextPageTemplate, PageBreak, Paragraph, Spacer
from screenplain.export.pdf import DocTemplate, Settings
from screenplain.types import Action, Dialog, Screenplay, Slug

from services.core.errors import DeadlineExceeded
from services.transcript.screenplay.fonts import is_wide, main_face, marked_up


def pdf(play: Screenplay, title: str, deadline: float) -> bytes:
    """The file. Raises `DeadlineExceeded` when it is `deadline` (by `time.monotonic`) before it is done."""
    settings = Settings(font_settings=main_face())
    story = [*_title(title, settings)]
    for element in play:
        _in_time(deadline)
        story += _set(element, settings)
    file = io.BytesIO()
    paper = _Paper(file, deadline=deadline, settings=settings, has_title_page=bool(title), title=title or None)
    paper.build(story or [Spacer(1, 1)])
    return file.getvalue()


class _Paper(DocTemplate):  # type: ignore[misc] # the library has no types
    """Gives up in time."""

    def __init__(self, file: io.BytesIO, *, deadline: float, settings: Settings, **rest: Any) -> None:
        super().__init__(file, settings=settings, pagesize=(settings.page_width, settings.page_height), **rest)
        self._deadline = deadline

    def handle_pageBegin(self) -> None:  # noqa: N802 - the library's name
        _in_time(self._deadline)
        super().handle_pageBegin()


def _in_time(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise DeadlineExceeded("The file took too long to set; take it as text, or as HTML.")


def _title(title: str, settings: Settings) -> Iterator[Any]:
    if title:
        yield Spacer(settings.frame_width, settings.frame_height / 3)
        yield _paragraph(title, settings.title_style)
        yield NextPageTemplate("standard")
        yield PageBreak()


def _set(element: Any, settings: Settings) -> Iterator[Any]:
    match element:
        case Slug():
            yield _paragraph(str(element.line).upper(), settings.slug_style)
        case Action():
            yield _paragraph("\n".join(map(str, element.lines)), settings.action_style)
        case Dialog():
            yield _paragraph(str(element.character).upper(), settings.character_style)
            for aside, line in element.blocks:
                if text := str(line):
                    yield _paragraph(text, settings.parenthentical_style if aside else settings.dialog_style)
                else:
                    yield Spacer(1, settings.line_height)


def _paragraph(text: str, style: ParagraphStyle) -> Paragraph:
    markup = "<br/>".join(map(marked_up, text.split("\n")))
    return Paragraph(markup, _wide(style) if is_wide(text) else style)


@cache
def _wide_words(name: str, style: ParagraphStyle) -> ParagraphStyle:
    return ParagraphStyle(f"{name}-wide", style, wordWrap="CJK")


def _wide(style: ParagraphStyle) -> ParagraphStyle:
    return _wide_words(style.name, style)
