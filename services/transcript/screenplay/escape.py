r"""Arbitrary text inside a Fountain document and back, exactly; ordinary text stays as it is.

A backslash before a sign takes its meaning away (that is Fountain's own escape, used here for more signs than `*` and `_`).
`\n`, `\r`, `\t`, `\s` and `\u{2028}` stand for characters that an editor would lose or show as something else.
A line break inside a text is a line break in the document; an empty line holds two spaces, as Fountain asks for in dialogue.
"""

from __future__ import annotations

import re
from typing import Final

EMPTY: Final = "—"
"""Stands for an empty name or heading."""

_LETTERS: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t", " ": "\\s"}
_MEANINGS: Final = {"n": "\n", "r": "\r", "t": "\t", "s": " "}
_AT_LINE_START: Final = frozenset("@!~>#=(")
_AT_LINE_END: Final = frozenset("#^")
_UNSEEN: Final = "\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff"
_UNSEEN_SIGN: Final = re.compile(f"[{_UNSEEN}]")
_SPECIAL: Final = re.compile(rf"[\\*_\[\]\n{_UNSEEN}]|^[\s@!~>#=(.—]|[\s#^]$")
_ESCAPE: Final = re.compile(r"\\(u\{([0-9a-fA-F]{1,6})\}|.)", re.DOTALL)
_BREAK: Final = re.compile(r"\n(?:  (?=\n))?")
_BLANK: Final = " \t"


def encode(text: str, cut: int | None = None) -> str:
    """`text` as lines of a document; with `cut`, what lies behind that code point goes to the boneyard."""
    if cut is None and not _SPECIAL.search(text):
        return text
    signs = _signs(text)
    if cut is None:
        return "".join(signs)
    if signs[-1] == "/":
        signs[-1] = "\\/"  # with the closing sign it would open the boneyard once more
    return "".join((*signs[:cut], "/*", *signs[cut:], "*/"))


def encode_line(text: str) -> str:
    """`text` as one line, never an empty one: names, headings, digests."""
    if not text:
        return EMPTY
    if text == EMPTY:
        return "\\" + EMPTY
    return _BREAK.sub(r"\\n", encode(text))


def encode_note(text: str) -> str:
    """`text` between `[[` and `]]`: its own brackets do not run together with these, and it is no marker."""
    raw = encode(text)
    if text.endswith("]") and not text.endswith("]]"):
        raw = raw[:-1] + "\\]"
    if text.startswith("["):
        raw = "\\" + raw
    return raw.replace(":", "\\:", 1) if raw.startswith("souffleur:") else raw


def decode(raw: str) -> str:
    """What `encode` was given. Blanks around each line, and empty lines at both ends, are an editor's and not the text's."""
    return unescape(_trimmed(raw))


def decode_cut(before: str, behind: str) -> tuple[str, int]:
    """The text of which `behind` lay in the boneyard, and where the cut falls. Neither may hold a NUL."""
    heard, _, rest = _trimmed(f"{before}\0{behind}").partition("\0")
    text = unescape(heard)
    return text + unescape(rest), len(text)


def _trimmed(raw: str) -> str:
    lines = [line.strip(_BLANK) for line in raw.split("\n")]
    return "\n".join(lines).strip("\n")


def decode_line(raw: str) -> str:
    """What `encode_line` was given."""
    stripped = raw.strip(_BLANK)
    return "" if stripped == EMPTY else unescape(stripped)


def unescape(raw: str) -> str:
    """Take the backslashes out; one before an ordinary letter is just a backslash."""
    return _ESCAPE.sub(_meaning, raw) if "\\" in raw else raw


def _meaning(match: re.Match[str]) -> str:
    sign, code = match.group(1), match.group(2)
    if code is not None:
        return chr(int(code, 16)) if int(code, 16) <= 0x10FFFF else match.group(0)
    if sign in _MEANINGS:
        return _MEANINGS[sign]
    return match.group(0) if sign.isalnum() else sign


def _signs(text: str) -> list[str]:
    """One written form per code point."""
    body = text.strip("\n")
    first = text.index(body) if body else len(text)
    signs = [_sign(text, at) for at in range(len(text))]
    for at, sign in enumerate(text):
        outside = at < first or at >= first + len(body)
        if sign == "\n":
            # An empty line inside keeps two spaces; breaks at either end are written out, or an editor would take them for its own.
            signs[at] = "\\n" if outside else "\n" if text[at + 1] != "\n" else "\n  "
    return signs


def _sign(text: str, at: int) -> str:
    sign = text[at]
    before, after = text[at - 1 : at] or "\n", text[at + 1 : at + 2] or "\n"
    if sign in "\\*_":
        return "\\" + sign
    if sign == "/":
        return "\\/" if before == "*" else sign
    if sign in "[]":
        return "\\" + sign if before == sign else sign
    if _UNSEEN_SIGN.match(sign) or (sign.isspace() and sign != "\n" and "\n" in {before, after}):
        return _LETTERS.get(sign, f"\\u{{{ord(sign):x}}}")
    opens = before == "\n" and (sign in _AT_LINE_START or (sign == "." and after != "."))
    closes = after == "\n" and sign in _AT_LINE_END
    return "\\" + sign if opens or closes else sign
