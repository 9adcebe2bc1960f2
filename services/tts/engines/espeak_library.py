"""The eSpeak NG library (GPL-3) by ctypes. Its state is global, so the whole process has one of it and one synthesis at a time."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from services.core.errors import EngineFailed, EngineMissing
from services.tts.engine import Samples

ADVICE: Final = "eSpeak NG is not installed: install the extra `espeak` (package espeakng-loader)"

_SYNCHRONOUS: Final = 2
_DONT_EXIT: Final = 0x8000
_CHUNK_MS: Final = 240
_CHARACTERS: Final = 1
_UTF8: Final = 1
_WORD: Final = 1
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4


class _EventId(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("reserved", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))

OnSound = Callable[[Samples, list[tuple[int, int]]], bool]
"""Given samples and words (code point, sample); answers False to stop the synthesis at once."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A voice of the library."""

    file: str
    """What selects it, such as `en-us`."""
    language: str
    label: str


@dataclass(frozen=True, slots=True)
class Manner:
    """The library's own knobs."""

    voice: str
    """File, with an optional `+variant`."""
    words_per_minute: int = 170
    pitch: int = 50
    """0 to 99; every 50 are an octave."""
    melody: int = 50
    """0 to 99: range of the pitch."""


class Library:
    """The one library of this process; calls from several threads take turns."""

    _lock: Final = threading.Lock()
    _shared: Library | None = None

    def __init__(self) -> None:
        """Use `shared`."""
        try:
            import espeakng_loader
        except ImportError as error:
            raise EngineMissing(ADVICE) from error
        try:
            self._lib: Any = ctypes.CDLL(espeakng_loader.get_library_path())
        except OSError as error:
            raise EngineMissing("eSpeak NG is installed but its library cannot be loaded on this machine") from error
        self._lib.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        self._lib.espeak_Synth.argtypes = (
            *(ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint),
            *(ctypes.c_void_p, ctypes.c_void_p),
        )
        self.rate: int = self._lib.espeak_Initialize(_SYNCHRONOUS, _CHUNK_MS, espeakng_loader.get_data_path().encode(), _DONT_EXIT)
        if self.rate <= 0:
            raise EngineMissing("eSpeak NG is installed but its data cannot be read; install espeakng-loader again")
        self._callback = _Callback(self._on_chunk)
        self._lib.espeak_SetSynthCallback(self._callback)
        self._on_sound: OnSound | None = None
        self._fault: Exception | None = None
        self._voice = ""
        self.voices = self._list()

    @classmethod
    def shared(cls) -> Library:
        """Load it, once per process. Raises `EngineMissing`."""
        with cls._lock:
            if cls._shared is None:
                cls._shared = cls()
            return cls._shared

    def speak(self, text: str, manner: Manner, on_sound: OnSound) -> None:
        """Synthesize plain text (never SSML or phonemes) and call `on_sound` for every 240 ms of it. Raises `EngineFailed`."""
        encoded = text.encode()
        with self._lock:
            self._select(manner)
            self._on_sound, self._fault = on_sound, None
            try:
                status = self._lib.espeak_Synth(encoded, len(encoded) + 1, 0, _CHARACTERS, 0, _UTF8, None, None)
            finally:
                self._on_sound = None
            if self._fault is not None:
                raise self._fault
            if status != 0:
                raise EngineFailed(f"eSpeak NG refused the sentence (status {status})")

    def _select(self, manner: Manner) -> None:
        if manner.voice != self._voice:
            if self._lib.espeak_SetVoiceByName(manner.voice.encode()) != 0:
                raise EngineFailed("eSpeak NG has no such voice")
            self._voice = manner.voice
        values = ((_RATE, manner.words_per_minute), (_VOLUME, 100), (_PITCH, manner.pitch), (_RANGE, manner.melody))
        for parameter, value in values:
            self._lib.espeak_SetParameter(parameter, value, 0)

    def _on_chunk(self, wave: Any, count: int, events: Any) -> int:
        if self._on_sound is None:
            return 1
        try:
            samples = np.ctypeslib.as_array(wave, (count,)).astype(np.float32) / np.float32(32768.0) if wave and count > 0 else np.zeros(0, np.float32)
            words: list[tuple[int, int]] = []
            index = 0
            while events[index].type:
                if events[index].type == _WORD:
                    words.append((events[index].text_position - 1, events[index].sample))
                index += 1
            return 0 if self._on_sound(samples, words) else 1
        except Exception as error:
            self._fault = error
            return 1

    def _list(self) -> tuple[Installed, ...]:
        found: list[Installed] = []
        entries = self._lib.espeak_ListVoices(None)
        index = 0
        while entries[index]:
            entry = entries[index].contents
            # `languages` is a priority byte followed by the tag.
            language = ctypes.string_at(entry.languages + 1).decode()
            found.append(Installed(entry.identifier.decode().rpartition("/")[2].lower(), language.lower(), entry.name.decode()))
            index += 1
        return tuple(found)
