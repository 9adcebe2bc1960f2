"""Regular expressions from strangers' cards, searched in time linear in the text: no back-tracking, so no pattern can hang a turn.

Patterns are read by Python's own parser and run as a set of states. What needs back-tracking (look-around, back-references, atomic
groups) is refused, which the card specification allows: a pattern that cannot be used does not match.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, Final

_LONGEST_PATTERN: Final = 500
_LARGEST_PROGRAM: Final = 600
_MOST_REPEATS: Final = 100

Test = Callable[[str], bool]
_CATEGORIES: Final[dict[Any, Test]] = {
    op.CATEGORY_DIGIT: str.isdecimal,
    op.CATEGORY_NOT_DIGIT: lambda char: not char.isdecimal(),
    op.CATEGORY_SPACE: str.isspace,
    op.CATEGORY_NOT_SPACE: lambda char: not char.isspace(),
    op.CATEGORY_WORD: lambda char: char.isalnum() or char == "_",
    op.CATEGORY_NOT_WORD: lambda char: not (char.isalnum() or char == "_"),
}


class Allowance:
    """Steps that all patterns of one reply may take together."""

    def __init__(self, steps: int) -> None:
        """About two million steps are a second."""
        self.left = steps


class UnsupportedPatternError(ValueError):
    """The pattern is invalid, too large, or needs back-tracking."""


class LinearPattern:
    """One compiled pattern."""

    def __init__(self, source: str, *, ignore_case: bool = True, dot_all: bool = False, multiline: bool = False) -> None:
        """Raises `UnsupportedPatternError`."""
        if len(source) > _LONGEST_PATTERN:
            raise UnsupportedPatternError("the pattern is too long")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = parser.parse(source)
        except (re.error, OverflowError, RecursionError) as error:
            raise UnsupportedPatternError(str(error)) from None
        flags = int(tree.state.flags)
        self._ignore_case = ignore_case or bool(flags & re.IGNORECASE)
        self._dot_all = dot_all or bool(flags & re.DOTALL)
        self._multiline = multiline or bool(flags & re.MULTILINE)
        self._program: list[tuple[Any, ...]] = []
        try:
            self._sequence(tree)
        except RecursionError:
            raise UnsupportedPatternError("the pattern is nested too deeply") from None
        self._emit("match")

    def search(self, text: str, allowance: Allowance) -> bool:
        """Does it occur in `text`? False as well when the allowance is used up."""
        states: set[int] = set()
        for at in range(len(text) + 1):
            reached = self._closure((*states, 0), text, at)
            allowance.left -= len(reached) + 1
            if allowance.left < 0:
                return False
            if len(self._program) - 1 in reached:
                return True
            if at == len(text):
                return False
            char = text[at]
            states = {pc + 1 for pc in reached if self._program[pc][0] == "char" and self._program[pc][1](char)}
        return False

    def _closure(self, starts: Iterable[int], text: str, at: int) -> set[int]:
        seen: set[int] = set()
        stack = list(starts)
        while stack:
            pc = stack.pop()
            if pc in seen:
                continue
            seen.add(pc)
            step = self._program[pc]
            if step[0] == "split":
                stack += step[1:]
            elif step[0] == "jump":
                stack.append(step[1])
            elif step[0] == "at" and self._holds(step[1], text, at):
                stack.append(pc + 1)
        return seen

    def _holds(self, where: Any, text: str, at: int) -> bool:
        before, after = text[at - 1 : at] if at else "", text[at : at + 1]
        if where in (op.AT_BOUNDARY, op.AT_NON_BOUNDARY):
            edge = (before.isalnum() or before == "_") != (after.isalnum() or after == "_")
            return edge == (where is op.AT_BOUNDARY)
        if where in (op.AT_BEGINNING, op.AT_BEGINNING_STRING):
            return not before or (self._multiline and before == "\n" and where is op.AT_BEGINNING)
        return not after or (where is op.AT_END and after == "\n" and (self._multiline or at == len(text) - 1))

    def _emit(self, *step: Any) -> int:
        if len(self._program) >= _LARGEST_PROGRAM:
            raise UnsupportedPatternError("the pattern is too large")
        self._program.append(step)
        return len(self._program) - 1

    def _sequence(self, items: Any) -> None:
        for kind, value in items:
            self._item(kind, value)

    def _item(self, kind: Any, value: Any) -> None:
        if kind in (op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN):
            self._emit("char", self._test(kind, value))
        elif kind is op.AT:
            self._emit("at", value)
        elif kind is op.SUBPATTERN:
            if value[1] or value[2]:
                raise UnsupportedPatternError("flags inside a pattern")
            self._sequence(value[3])
        elif kind is op.BRANCH:
            self._branch(value[1])
        elif kind in (op.MAX_REPEAT, op.MIN_REPEAT):
            self._repeat(*value)
        else:
            raise UnsupportedPatternError(f"{kind} needs back-tracking")

    def _branch(self, choices: Any) -> None:
        ends = []
        for choice in choices[:-1]:
            split = self._emit("split")
            self._sequence(choice)
            ends.append(self._emit("jump"))
            self._program[split] = ("split", split + 1, len(self._program))
        self._sequence(choices[-1])
        for end in ends:
            self._program[end] = ("jump", len(self._program))

    def _repeat(self, least: int, most: Any, body: Any) -> None:
        endless = most is op.MAXREPEAT
        if least > _MOST_REPEATS or (not endless and int(most) > _MOST_REPEATS):
            raise UnsupportedPatternError("too many repetitions")
        for _ in range(least):
            self._sequence(body)
        if endless:
            split = self._emit("split")
            self._sequence(body)
            self._emit("jump", split)
            self._program[split] = ("split", split + 1, len(self._program))
            return
        splits = []
        for _ in range(int(most) - least):
            splits.append(self._emit("split"))
            self._sequence(body)
        for split in splits:
            self._program[split] = ("split", split + 1, len(self._program))

    def _test(self, kind: Any, value: Any) -> Test:
        if kind is op.ANY:
            return (lambda _: True) if self._dot_all else (lambda char: char != "\n")
        if kind is op.IN:
            negated = bool(value) and value[0][0] is op.NEGATE
            tests = [self._member(*item) for item in value if item[0] is not op.NEGATE]
            return lambda char: any(test(char) for test in tests) != negated
        test = self._member(op.LITERAL, value)
        return test if kind is op.LITERAL else (lambda char: not test(char))

    def _member(self, kind: Any, value: Any) -> Test:
        if kind is op.CATEGORY:
            return _CATEGORIES[value]
        low, high = value if kind is op.RANGE else (value, value)
        if not self._ignore_case:
            return lambda char: low <= ord(char) <= high
        return lambda char: any(low <= ord(form) <= high for form in {char, *char.lower()[:1], *char.upper()[:1]})
