"""The child process that decodes for the pocketsphinx engine: it holds the interpreter lock for tens of milliseconds, so it gets its own interpreter.

Frames on stdin and stdout: kind (1 byte), utterance number (4 bytes), length (4 bytes), payload. In: O open (JSON), A audio, E end, C cancel.
Out: O opened (JSON), P partial (text), F final (JSON), X failed (text). The end of stdin ends the process.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Final

from pocketsphinx import Decoder

from services.stt.engines.grammar import Grammar, grammar_of

HEADER: Final = struct.Struct("!cII")
MAX_FRAME: Final = 4 * 1024 * 1024
_DECODERS: Final = 8
"""Utterances decoded side by side."""
_FRAME_S: Final = 0.01
"""One decoder frame."""
_NICENESS: Final = 5


class Utterance:
    """One utterance on one decoder.

    While it lasts the channel is normalised by a running mean, which is wrong for the first seconds of every new microphone (5 of 20 short
    phrases right). So a grammar's final is decoded once more over the whole utterance with its own mean (20 of 20), which costs 4 % of its length.
    Free dictation is ten times dearer and keeps the running result.
    """

    def __init__(self, decoder: Decoder, grammar: Grammar | None) -> None:
        """`grammar` is None for free dictation."""
        self.decoder = decoder
        self.grammar = grammar
        self._partial = ""
        self._pcm = bytearray()
        decoder.start_utt()

    def feed(self, pcm: bytes) -> str | None:
        """Decode; the new partial if it changed."""
        if self.grammar is not None:
            self._pcm += pcm
        self.decoder.process_raw(pcm, False, False)
        text = self._text(self.decoder)
        if text == self._partial:
            return None
        self._partial = text
        return text

    def finish(self, whole: Decoder | None) -> dict[str, Any]:
        """The final text with word times in seconds; `whole` is a decoder that normalises over a whole utterance."""
        self.decoder.end_utt()
        decoder = self.decoder
        if whole is not None and self._pcm:
            decoder = whole
            whole.start_utt()
            whole.process_raw(bytes(self._pcm), False, True)
            whole.end_utt()
        text = self._text(decoder)
        words = [
            [segment.word.split("(")[0], segment.start_frame * _FRAME_S, (segment.end_frame + 1) * _FRAME_S]
            for segment in (decoder.seg() or ())
            if not segment.word.startswith(("<", "["))
        ]
        return {"text": text, "words": words if text else []}

    def _text(self, decoder: Decoder) -> str:
        hypothesis = decoder.hyp()
        text = "" if hypothesis is None else str(hypothesis.hypstr).strip()
        return text if self.grammar is None else self.grammar.originals.get(text, text)


class Bench:
    """The decoders, free ones kept with whatever grammar they had."""

    def __init__(self) -> None:
        """Loads the first decoder, so that the first utterance does not wait for the model."""
        self._free: list[Decoder] = [_decoder("live")]
        self._whole = _decoder("batch")
        self._searches: dict[int, str] = {}
        self._count = 1

    def take(self) -> Decoder | None:
        """A decoder, or None when all are in use."""
        if self._free:
            return self._free.pop()
        if self._count >= _DECODERS:
            return None
        self._count += 1
        return _decoder("live")

    def whole(self, grammar: Grammar | None) -> Decoder | None:
        """The decoder for finals of a grammar; None for free dictation."""
        if grammar is None:
            return None
        self.prepare(self._whole, grammar.jsgf)
        return self._whole

    def give(self, decoder: Decoder) -> None:
        """Back on the bench."""
        self._free.append(decoder)

    def prepare(self, decoder: Decoder, jsgf: str) -> None:
        """Make `decoder` search this grammar, or freely for an empty one."""
        if self._searches.get(id(decoder)) == jsgf:
            return
        if jsgf:
            decoder.add_jsgf_string("phrases", jsgf)
            decoder.activate_search("phrases")
        else:
            decoder.activate_search()
        self._searches[id(decoder)] = jsgf


def _decoder(normalisation: str) -> Decoder:
    return Decoder(loglevel="FATAL", samprate=16000, cmn=normalisation)


class Worker:
    """Reads frames, decodes, writes frames."""

    def __init__(self, write: Callable[[bytes, int, bytes], None]) -> None:
        """`write(kind, utterance, payload)` sends a frame."""
        self._write = write
        self._bench = Bench()
        self._open: dict[int, Utterance] = {}

    def frame(self, kind: bytes, number: int, payload: bytes) -> None:
        """Act on one frame; what goes wrong with an utterance ends that utterance."""
        try:
            self._act(kind, number, payload)
        except (RuntimeError, ValueError) as error:
            self._drop(number)
            self._write(b"X", number, f"{type(error).__name__}: {error}".encode())

    def _act(self, kind: bytes, number: int, payload: bytes) -> None:
        if kind == b"O":
            self._start(number, json.loads(payload))
        elif kind == b"C":
            self._drop(number)
        elif number not in self._open:
            return
        elif kind == b"A":
            partial = self._open[number].feed(payload)
            if partial is not None:
                self._write(b"P", number, partial.encode())
        elif kind == b"E":
            utterance = self._open[number]
            result = utterance.finish(self._bench.whole(utterance.grammar))
            self._bench.give(self._open.pop(number).decoder)
            self._write(b"F", number, json.dumps(result).encode())

    def _start(self, number: int, opening: dict[str, Any]) -> None:
        decoder = self._bench.take()
        if decoder is None:
            self._write(b"X", number, b"busy")
            return
        grammar = grammar_of(opening["phrases"], lambda word: decoder.lookup_word(word) is not None) if opening["phrases"] else None
        try:
            self._bench.prepare(decoder, grammar.jsgf if grammar else "")
            self._open[number] = Utterance(decoder, grammar if grammar and grammar.jsgf else None)
        except RuntimeError:
            self._bench.give(decoder)
            raise
        skipped = [[item.phrase, item.reason] for item in grammar.skipped] if grammar else []
        self._write(b"O", number, json.dumps({"skipped": skipped}).encode())

    def _drop(self, number: int) -> None:
        utterance = self._open.pop(number, None)
        if utterance is not None:
            with contextlib.suppress(RuntimeError):
                # It may have been ended already, by whatever failed.
                utterance.decoder.end_utt()
            self._bench.give(utterance.decoder)


def _exactly(stream: BinaryIO, count: int) -> bytes | None:
    data = stream.read(count)
    return data if len(data) == count else None


def _give_way() -> None:
    """Where the cores are short, whoever moves sound goes first: a text that comes later is better than a voice that stutters."""
    os.nice(_NICENESS)
    # Linux shares the cores between sessions (setsid) first, and this process leads one; elsewhere there is no such file.
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(_NICENESS), "ascii")


def main() -> None:
    """Serve until stdin ends."""
    _give_way()
    incoming, outgoing = sys.stdin.buffer, sys.stdout.buffer

    def write(kind: bytes, number: int, payload: bytes) -> None:
        outgoing.write(HEADER.pack(kind, number, len(payload)) + payload)
        outgoing.flush()

    worker = Worker(write)
    write(b"O", 0, b"{}")
    while (header := _exactly(incoming, HEADER.size)) is not None:
        kind, number, length = HEADER.unpack(header)
        payload = _exactly(incoming, length) if length <= MAX_FRAME else None
        if payload is None:
            return
        worker.frame(kind, number, payload)


if __name__ == "__main__":
    main()
