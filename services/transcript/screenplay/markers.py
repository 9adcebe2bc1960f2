"""Markers: `[[souffleur: kind seq key=value #hash]]`, a note that ordinary Fountain tools pass over. It says which fact an element is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

from services.transcript.screenplay.blocks import Fields

_MARKER: Final = re.compile(r"souffleur:\s+([a-z]+)\s+([0-9]{1,18})((?:\s+[^\s#]\S*)*)(?:\s+#([0-9a-f]{8}))?\s*")
_SAFE: Final = "-.,:;@+!$'()/"


@dataclass(frozen=True, slots=True)
class Marker:
    """What is written in one."""

    kind: str
    """A block's kind, or `s` for a sentence."""
    seq: int
    fields: Fields = ()
    flags: frozenset[str] = frozenset()
    carried: str = ""
    """Hash of the content as it was handed out."""

    def get(self, key: str) -> str:
        """A field's value; empty if it is not there."""
        return dict(self.fields).get(key, "")


def written(marker: Marker) -> str:
    """The marker as it stands in a document."""
    fields = [f"{key}={_quoted(value)}" for key, value in marker.fields]
    return f"[[{' '.join(['souffleur:', marker.kind, str(marker.seq), *sorted(marker.flags), *fields, '#' + marker.carried])}]]"


def read(note: str) -> Marker | None:
    """The marker in a note's text (without the brackets); None if it is an ordinary note."""
    match = _MARKER.fullmatch(note)
    if match is None:
        return None
    words = match.group(3).split()
    fields = tuple((key, unquote(value, errors="surrogatepass")) for key, sign, value in (word.partition("=") for word in words) if sign)
    flags = frozenset(word for word in words if "=" not in word)
    return Marker(match.group(1), int(match.group(2)), fields, flags, match.group(4) or "")


def _quoted(value: str) -> str:
    """Percent-encoded where it must be: no blanks, brackets or emphasis signs remain."""
    return quote(value, safe=_SAFE, errors="surrogatepass").replace("_", "%5F").replace("*/", "%2A/")
