"""A persistent sequence: immutable to its holders, and cheap to extend because all but the touched chunks are shared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Final, Generic, TypeVar

T = TypeVar("T")
S = TypeVar("S")

CHUNK: Final = 64
"""Items per chunk: touching one item copies at most this many pointers and the list of chunks."""


class Chunks(Generic[T]):
    """Items in order, in chunks of any length."""

    __slots__ = ("_flat", "chunks")

    def __init__(self, chunks: tuple[tuple[T, ...], ...] = ()) -> None:
        self.chunks = chunks
        self._flat: tuple[T, ...] | None = None

    def __len__(self) -> int:
        return sum(map(len, self.chunks))

    def __iter__(self) -> Iterator[T]:
        return chain.from_iterable(self.chunks)

    def __reversed__(self) -> Iterator[T]:
        return chain.from_iterable(reversed(part) for part in reversed(self.chunks))

    def flat(self) -> tuple[T, ...]:
        """Everything as one tuple; made once and kept."""
        if self._flat is None:
            self._flat = tuple(self)
        return self._flat


class Scroll(Chunks[T]):
    """Chunks of `CHUNK` items each, only the last one shorter. Change one through `Draft`."""

    __slots__ = ()

    def __len__(self) -> int:
        return (len(self.chunks) - 1) * CHUNK + len(self.chunks[-1]) if self.chunks else 0

    def __getitem__(self, index: int) -> T:
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self.chunks[index // CHUNK][index % CHUNK]


class Draft(Generic[T]):
    """A scroll being changed; the one it began from stays as it was."""

    __slots__ = ("_chunks", "_tail", "touched")

    def __init__(self, scroll: Scroll[T]) -> None:
        chunks = list(scroll.chunks)
        self._tail: list[T] = list(chunks.pop()) if chunks and len(chunks[-1]) < CHUNK else []
        self._chunks = chunks
        self.touched: set[int] = set()
        """Numbers of the full chunks that differ from those of the scroll this began from."""

    def __len__(self) -> int:
        return len(self._chunks) * CHUNK + len(self._tail)

    def __getitem__(self, index: int) -> T:
        number, place = divmod(index, CHUNK)
        return self._chunks[number][place] if number < len(self._chunks) else self._tail[place]

    def append(self, item: T) -> int:
        """Add at the end; returns where it stands from now on."""
        self._tail.append(item)
        if len(self._tail) == CHUNK:
            self.touched.add(len(self._chunks))
            self._chunks.append(tuple(self._tail))
            self._tail = []
            return len(self._chunks) * CHUNK - 1
        return len(self) - 1

    def replace(self, index: int, item: T) -> None:
        """Put another item in the same place."""
        number, place = divmod(index, CHUNK)
        if number == len(self._chunks):
            self._tail[place] = item
            return
        chunk = self._chunks[number]
        self.touched.add(number)
        self._chunks[number] = (*chunk[:place], item, *chunk[place + 1 :])

    def done(self) -> Scroll[T]:
        """The scroll as it stands now."""
        return Scroll((*self._chunks, tuple(self._tail)) if self._tail else tuple(self._chunks))


def projected(
    scroll: Scroll[T],
    touched: set[int],
    before: tuple[tuple[S, ...], ...],
    show: Callable[[T], S | None],
) -> tuple[tuple[S, ...], ...]:
    """The chunks as `show` lets them be seen (None = not at all); only touched chunks and the last one are looked at again."""
    shown = list(before[: len(scroll.chunks)])
    shown += [()] * (len(scroll.chunks) - len(shown))
    for number in {*touched, *range(max(0, len(before) - 1), len(scroll.chunks))}:
        shown[number] = tuple(kept for item in scroll.chunks[number] if (kept := show(item)) is not None)
    return tuple(shown)
