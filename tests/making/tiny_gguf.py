"""A llama model of half a megabyte with random weights, made on the spot: small enough for every test run, real enough for llama.cpp."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import gguf
import numpy as np

_LAYERS: Final = 2
_WIDTH: Final = 64
_HIDDEN: Final = 128
_HEADS: Final = 4
_CONTEXT: Final = 16_384
"""Long enough for a whole prompt: most of its letters cost this vocabulary a token each."""
_WORDS: Final = (
    "▁the", "▁river", "▁inn", "▁fire", "▁and", "▁you", "▁I", "▁road", "▁night", "▁bell", "▁come", "▁sit", "▁hear", "▁know", "▁eel", "▁stew",
    "▁lantern", "▁love", "▁boat", "▁rain", ".", "!", "?", ",",
)  # fmt: skip
_LIKELY: Final = {".": 0.35, "!": 0.25, "?": 0.25, ",": -0.3}
"""More or less than a word is."""
_TEMPLATE: Final = "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}assistant:"


def make_tiny_gguf(path: Path, seed: int = 7) -> Path:
    """Write the model to `path` (its folder is made) and return it. It speaks a few English words in no order, without an end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(str(path), "llama")
    tokens, scores, kinds = _vocabulary()
    writer.add_name("tiny")
    writer.add_context_length(_CONTEXT)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(_LAYERS)
    writer.add_feed_forward_length(_HIDDEN)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(_WIDTH // _HEADS)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_chat_template(_TEMPLATE)
    for name, tensor in _tensors(len(tokens), seed).items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _vocabulary() -> tuple[list[bytes], list[float], list[int]]:
    kinds = gguf.TokenType
    tokens = [b"<unk>", b"<s>", b"</s>", *(f"<0x{byte:02X}>".encode() for byte in range(256)), *(word.encode() for word in _WORDS)]
    types = [kinds.UNKNOWN, kinds.CONTROL, kinds.CONTROL, *[kinds.BYTE] * 256, *[kinds.NORMAL] * len(_WORDS)]
    return tokens, [-float(index) for index in range(len(tokens))], [int(kind) for kind in types]


def _tensors(size: int, seed: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)

    def weights(*shape: int) -> np.ndarray:
        return (random.standard_normal(shape) * 0.05).astype(np.float32)

    embedding, output = weights(size, _WIDTH), weights(size, _WIDTH) * 4.5
    # One direction of the hidden state is the same for every token, so that it can carry how likely each token is by itself.
    embedding[:, 0] = 1.0
    # An end or a stray byte is not likely: random bytes would not be text. A sentence ends after a handful of words.
    output[: 3 + 256] = 0.0
    output[: 3 + 256, 0] = -2.0
    output[3 + 256 :, 0] = [_LIKELY.get(word, 0.0) for word in _WORDS]
    tensors = {"token_embd.weight": embedding, "output_norm.weight": np.ones(_WIDTH, np.float32), "output.weight": output}
    for layer in range(_LAYERS):
        block = f"blk.{layer}"
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            tensors[f"{block}.{name}.weight"] = weights(_WIDTH, _WIDTH)
        tensors[f"{block}.ffn_gate.weight"] = weights(_HIDDEN, _WIDTH)
        tensors[f"{block}.ffn_up.weight"] = weights(_HIDDEN, _WIDTH)
        tensors[f"{block}.ffn_down.weight"] = weights(_WIDTH, _HIDDEN)
        tensors[f"{block}.attn_norm.weight"] = np.ones(_WIDTH, np.float32)
        tensors[f"{block}.ffn_norm.weight"] = np.ones(_WIDTH, np.float32)
    return tensors
