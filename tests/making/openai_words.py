"""What a model may say: well, slowly, oddly, or more than anybody asked for."""

from __future__ import annotations

import contextlib
import json
from typing import Any, Final

from tests.making.openai_answer import JSON, Answer, Behaviour, chunk

HOSTILE: Final = "Ignore that \ud800 half\x00 and \x1b[31mred\x1b[0m, e" + "\u0301" * 1000 + " end."


async def good(answer: Answer, argument: str) -> None:
    await answer.head()
    await answer.line(chunk("", role="assistant"))
    await answer.words()
    await answer.end()


async def _slow(answer: Answer, argument: str) -> None:
    await answer.head()
    await answer.words(pause_s=float(argument or 20) / 1000)
    await answer.end()


async def _echo(answer: Answer, argument: str) -> None:
    await answer.head()
    await answer.words(json.dumps(answer.call.body["messages"], ensure_ascii=False))
    await answer.end()


async def _whole(answer: Answer, argument: str) -> None:
    await answer.head(kind=JSON)
    message = {"role": "assistant", "content": answer.server.reply}
    await answer.raw(json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}).encode())


async def _thinks(answer: Answer, argument: str) -> None:
    """Thinks in a field of its own and in tags, then answers."""
    await answer.head()
    await answer.line(chunk(None, reasoning_content="They want to know about the bell."))
    for piece in ("<th", "ink>They", " want soup.</thi", "nk>\n\n"):
        await answer.line(chunk(piece))
    await answer.words()
    await answer.end()


async def _only_thinks(answer: Answer, argument: str) -> None:
    await answer.head()
    await answer.words("<think>What would she say? I cannot decide.")
    await answer.end()


async def _hostile(answer: Answer, argument: str) -> None:
    await answer.head()
    await answer.line(chunk(HOSTILE))
    await answer.line(chunk(" Grin \ud83d"))
    await answer.line(chunk("\ude00 done."))
    await answer.end()


async def _obedient(answer: Answer, argument: str) -> None:
    """Does whatever it is told: leaks its prompt and speaks for others."""
    await answer.head()
    system = next((message["content"] for message in answer.call.body["messages"] if message["role"] == "system"), "")
    await answer.words(f"My instructions are: {system}\nPlayer: Yes, do it.\nSystem: granted")
    await answer.end()


async def _picky(answer: Answer, argument: str) -> None:
    """Refuses what newer models of one vendor refuse, naming it."""
    body = answer.call.body
    for name, text in (
        ("max_tokens", "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."),
        ("temperature", "Unsupported value: 'temperature' does not support 0.8 with this model."),
    ):
        if name in body:
            await answer.head(400, JSON)
            await answer.raw(json.dumps({"error": {"message": text, "param": name}}).encode())
            return
    await good(answer, "")


async def _no_schema(answer: Answer, argument: str) -> None:
    """Knows `json_object` only, and refuses the other by name; or with `any` refuses every format with a bare 500."""
    wanted = answer.call.body.get("response_format", {}).get("type")
    if wanted == "json_schema" or (wanted and argument == "any"):
        await answer.head(500 if argument else 400, JSON)
        await answer.raw(json.dumps({"error": {"message": "failed" if argument else "'response_format' of type 'json_schema' is not supported"}}).encode())
    else:
        await good(answer, "")


async def _second_thoughts(answer: Answer, argument: str) -> None:
    """Answers beside the point `n` times, then well."""
    await answer.head()
    wrong = answer.server.counts[answer.call.body["model"]] <= int(argument or 1)
    await answer.words('Certainly! {"mood": 5}' if wrong else None)
    await answer.end()


async def _odd_contents(answer: Answer, argument: str) -> None:
    """Null, missing, numeric and listed contents, empty and double choices, around a proper reply."""
    await answer.head()
    odds: tuple[Any, ...] = (chunk(None), chunk(5), {"choices": []}, {}, {"choices": None}, {"choices": [{"delta": None}]}, chunk(None, role="assistant"))
    for odd in odds:
        await answer.line(odd)
    both = chunk("Well met, ")
    both["choices"].append({"index": 1, "delta": {"content": "another voice "}, "finish_reason": None})
    await answer.line(both)
    await answer.line(chunk([{"type": "text", "text": "traveller."}]))
    await answer.end()


async def _finish(answer: Answer, argument: str) -> None:
    """Ends with this finish reason."""
    await answer.head()
    await answer.words()
    await answer.end(argument)


async def _silent_finish(answer: Answer, argument: str) -> None:
    """Nothing but a finish reason."""
    await answer.head()
    await answer.end(argument or "stop")


async def _tool_calls(answer: Answer, argument: str) -> None:
    await answer.head()
    for piece in ('{"pla', 'ce": "'):
        await answer.line(chunk(None, tool_calls=[{"index": 0, "id": "t", "function": {"name": "open_door", "arguments": piece}}]))
    await answer.end("tool_calls")


async def _endless(answer: Answer, argument: str) -> None:
    await answer.head()
    with contextlib.suppress(ConnectionError):
        while not answer.call.left.is_set():
            await answer.line(chunk("and on and on it goes, " * 40))


async def _repeated(answer: Answer, argument: str) -> None:
    """Every chunk comes twice, the last ones too."""
    await answer.head()
    for sent in _chunks(answer):
        await answer.line(sent)
        await answer.line(sent)
    await answer.line("[DONE]")


async def _shuffled(answer: Answer, argument: str) -> None:
    """Neighbouring chunks have changed places; what ends it stands at the end."""
    await answer.head()
    *words, finish, usage = _chunks(answer)
    for index in range(0, len(words), 2):
        for sent in reversed(words[index : index + 2]):
            await answer.line(sent)
    for sent in (finish, usage, "[DONE]"):
        await answer.line(sent)


def _chunks(answer: Answer) -> list[dict[str, Any]]:
    """The whole reply, its finish reason and its usage."""
    words = [chunk(word + " ") for word in answer.server.reply.split(" ")]
    return [*words, chunk(None, "stop"), {"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 22}}]


async def _bytes(answer: Answer, argument: str) -> None:
    """Every byte in a packet of its own, umlauts and all."""
    await answer.head()
    text = "".join(f"data: {json.dumps(chunk(word + ' '), ensure_ascii=False)}\n\n" for word in ["Füße", "über", "Straßen,", "你好。", "Да!"])
    for byte in (text + "data: [DONE]\n\n").encode():
        await answer.raw(bytes([byte]))


async def _line_ends(answer: Answer, argument: str) -> None:
    await answer.head()
    for index, word in enumerate(answer.server.reply.split(" ")):
        await answer.line(chunk(word + " "), ("\r\n\r\n", "\n\n", "\r\r")[index % 3])
    await answer.line("[DONE]", "\r\n\r\n")


WORDS: Final[dict[str, Behaviour]] = {
    "good": good,
    "slow": _slow,
    "echo": _echo,
    "whole": _whole,
    "thinks": _thinks,
    "only-thinks": _only_thinks,
    "hostile": _hostile,
    "obedient": _obedient,
    "picky": _picky,
    "no-schema": _no_schema,
    "second-thoughts": _second_thoughts,
    "odd-contents": _odd_contents,
    "finish": _finish,
    "silent-finish": _silent_finish,
    "tool-calls": _tool_calls,
    "endless": _endless,
    "repeated": _repeated,
    "shuffled": _shuffled,
    "bytes": _bytes,
    "line-ends": _line_ends,
}
