"""What a turn took, told to those who watch."""

from __future__ import annotations

from services.core.model.attachment import TurnTimed
from services.core.telemetry import turn_took
from services.stage.backstage import Backstage
from services.stage.conductor import Line
from services.stage.turns import written_seq


def show_times(line: Line, backstage: Backstage) -> None:
    """Its times so far, to those in its place whom it is for."""
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
    backstage.broadcast(value, order.place, order.audience)


def settle(line: Line, backstage: Backstage) -> None:
    """It is over: its times to everybody and into the metrics, and its positions forgotten."""
    timing = line.timing
    thought, voiced, heard = (timing.llm_engine, timing.llm_model), (timing.tts_engine,), (timing.stt_engine,)
    turn_took(timing.parts_ms(), {"llm_ttft": thought, "first_sentence": thought, "tts_ttfa": voiced, "stt_final_delay": heard})
    show_times(line, backstage)
    for attachment in backstage.attachments:
        attachment.played_ms.pop(line.order.line, None)
