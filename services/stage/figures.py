"""What a turn took, told to those who watch."""

from __future__ import annotations

from services.core import tracing
from services.core.model.attachment import TurnTimed
from services.core.telemetry import turn_took
from services.stage.backstage import Backstage
from services.stage.conductor import Line
from services.stage.turns import written_seq


def show_times(line: Line, backstage: Backstage) -> None:
    """Its times so far, to everybody in its place."""
    timing, order = line.timing, line.order
    value = TurnTimed(
        turn=written_seq(order.first),
        line=order.line,
        llm_engine=timing.llm_engine,
        llm_model=timing.llm_model,
        tts_engine=timing.tts_engine,
        stt_engine=timing.stt_engine,
        ms=timing.parts_ms(),
    )
    backstage.broadcast(value, order.place)


def settle(line: Line, backstage: Backstage) -> None:
    """It is over: its times to everybody and into the metrics, and its positions forgotten."""
    timing = line.timing
    thought, voiced, heard = (timing.llm_engine, timing.llm_model), (timing.tts_engine,), (timing.stt_engine,)
    turn_took(timing.parts_ms(), {"llm_ttft": thought, "first_sentence": thought, "tts_ttfa": voiced, "stt_final_delay": heard})
    show_times(line, backstage)
    _trace(line, backstage)
    for attachment in backstage.attachments:
        attachment.played_ms.pop(line.order.line, None)


def _trace(line: Line, backstage: Backstage) -> None:
    if not tracing.on():
        return
    timing, order, now = line.timing, line.order, backstage.clock.now()
    moments = [moment for moment in (timing.speech_ended, timing.said, timing.asked) if moment is not None]
    spans = (
        ("end_of_turn", timing.speech_ended, timing.decided),
        ("think", timing.asked, timing.first_sentence),
        ("hold", timing.held, timing.released),
        ("voice", timing.first_sentence if timing.released is None else timing.released, timing.first_audio),
        ("speak", timing.first_audio, now),
    )
    parts = [(name, now - began, now - ended) for name, began, ended in spans if began is not None and ended is not None]
    attributes: dict[str, str | int | float | bool | tuple[str, ...]] = {
        "souffleur.line": order.line,
        "souffleur.turn": written_seq(order.first),
        "souffleur.mode": order.mode,
        "souffleur.cost": timing.cost,
        "gen_ai.usage.input_tokens": timing.tokens[0],
        "gen_ai.usage.output_tokens": timing.tokens[1],
    }
    attributes |= {f"souffleur.{name}_ms": round(value, 1) for name, value in timing.parts_ms().items()}
    tracing.root(backstage.session, order.trace, attributes, now - min(moments, default=now), parts)
