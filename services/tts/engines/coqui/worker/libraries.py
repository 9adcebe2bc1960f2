"""coqui-tts made importable on any machine; import this room before torch, transformers or TTS are touched elsewhere.

The wheels of torchaudio and torchcodec on PyPI are linked against one CUDA and die beside a CPU build of torch, or one for another CUDA. All that is
used of torchaudio is plain Python, and nothing here decodes through torchcodec, so torchaudio's compiled part gets a stand-in that offers nothing.
"""

from __future__ import annotations

import importlib.machinery
import os
import sys
import types
import warnings
from typing import Any

# Weights come from the models folder alone: no library of this process may look for any elsewhere.
os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1", TOKENIZERS_PARALLELISM="false")
warnings.filterwarnings("ignore")


def ready(device: str, threads: int) -> Any:
    """torch, with all of coqui-tts importable after this; `device` is auto, cpu or cuda, `threads` 0 = torch's own choice."""
    import torch

    if threads:
        torch.set_num_threads(threads)
    _stand_in()
    if device != "cpu" and torch.cuda.is_available():
        # Matrix products in TF32: three times the pace, and no ear hears the lost bits.
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
    return torch


def device_of(torch: Any, wish: str) -> str:
    """`cuda` if there is one and it is not forbidden, else `cpu`."""
    if wish == "cuda" and not torch.cuda.is_available():
        raise RuntimeError("no CUDA device")
    return "cuda" if wish != "cpu" and torch.cuda.is_available() else "cpu"


def _stand_in() -> None:
    name = "torchaudio._extension"
    if name in sys.modules:
        return

    def absent(*_: object, **__: object) -> None:
        raise RuntimeError("this part of torchaudio is not available here")

    module = types.ModuleType(name)
    module.__spec__ = importlib.machinery.ModuleSpec(name, None)
    module.__dict__.update(_IS_TORCHAUDIO_EXT_AVAILABLE=False, _IS_ALIGN_AVAILABLE=False, _check_cuda_version=lambda: None, fail_if_no_align=lambda _: absent)
    sys.modules[name] = module
