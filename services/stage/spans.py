"""The stage's part of a trace: a turn, told when it is over, and the pieces of it that the stage itself has waited for."""

from __future__ import annotations

from services.core import tracing
from services.core.model.fact import Fact
from services.stage.backstage import Backstage
from services.stage.order import Order
from services.stage.turns import written_seq


def line_closed(order: Order, backstage: Backstage, state: str) -> None:
    """A line has come to its end, spoken or not."""
    if not tracing.on():
        return
    timing, now = order.timing, backstage.clock.now()
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
        "souffleur.state": state,
        "souffleur.line": order.line,
        "souffleur.turn": written_seq(order.first),
        "souffleur.mode": order.mode,
        "souffleur.cost": timing.cost,
        "gen_ai.usage.input_tokens": timing.tokens[0],
        "gen_ai.usage.output_tokens": timing.tokens[1],
    }
    attributes |= {f"souffleur.{name}_ms": round(value, 1) for name, value in timing.parts_ms().items()}
    tracing.root(backstage.session, order.trace, attributes, now - min(moments, default=now), parts)


def passed(said: Fact, backstage: Backstage, reason: str) -> None:
    """Nobody answers this utterance."""
    if tracing.on():
        ago_s = max(0.0, (backstage.clock.wall_ms() - said.at_ms) / 1000)
        attributes: dict[str, str | int | float | bool | tuple[str, ...]] = {
            "souffleur.state": "passed",
            "souffleur.reason": reason,
            "souffleur.turn": said.seq,
        }
        tracing.root(backstage.session, str(said.body.get("utterance") or ""), attributes, ago_s)
