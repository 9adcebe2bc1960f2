"""XTTS's audio tokens one at a time: a sentence can stop after any of them, and any number of sentences share one model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

_FILLER: Final = 1
"""What the library puts in the place of the prompt; its repetition penalty counts it, so this one does, too."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How freely tokens are chosen."""

    temperature: float
    top_k: int
    top_p: float
    repetition_penalty: float
    seed: int
    most: int
    """Tokens after which a sentence ends, come what may."""


def latents(model: Any, text: Any, conditioning: Any, how: Sampling, torch: Any) -> Iterator[Any]:
    """The latent of each token, [1, width], until the model says stop. Its memory is this generator's own.

    The library's own generator keeps the prompt in the model, where a second sentence would overwrite it.
    """
    from transformers import DynamicCache

    gpt = model.gpt
    random = torch.Generator(device=model.device).manual_seed(how.seed)
    emb = torch.cat([conditioning, gpt.text_embedding(text) + gpt.text_pos_embedding(text)], dim=1)
    token = torch.full((1, 1), gpt.start_audio_token, dtype=torch.long, device=model.device)
    seen = torch.zeros(gpt.mel_head.out_features, dtype=torch.bool, device=model.device)
    seen[_FILLER] = seen[gpt.start_audio_token] = True
    cache = DynamicCache()
    given = emb
    for step in range(min(how.most, gpt.max_gen_mel_tokens)):
        heard = gpt.mel_embedding(token) + gpt.mel_pos_embedding.get_fixed_embedding(step, model.device)
        given = torch.cat([given, heard], dim=1) if step == 0 else heard
        answer = gpt.gpt(inputs_embeds=given, past_key_values=cache, use_cache=True, return_dict=True)
        latent = gpt.final_norm(answer.last_hidden_state[:, -1])
        token = _chosen(gpt.mel_head(latent)[0].float(), seen, how, random, torch).reshape(1, 1)
        yield latent
        if int(token) == gpt.stop_audio_token:
            return
        seen[int(token)] = True


def _chosen(scores: Any, seen: Any, how: Sampling, random: Any, torch: Any) -> Any:
    """One token, as the library would choose: penalty, temperature, the best k, the best that make up p."""
    penalised = torch.where(scores < 0, scores * how.repetition_penalty, scores / how.repetition_penalty)
    scores = torch.where(seen, penalised, scores)
    if how.temperature <= 0:
        return scores.argmax()
    best, tokens = torch.topk(scores / how.temperature, min(how.top_k, scores.shape[-1]))
    shares = best.softmax(-1)
    # The first one always stays.
    kept = shares.cumsum(-1) - shares < how.top_p
    return tokens[torch.multinomial(shares * kept, 1, generator=random)]
