"""Words whose full stop does not end a sentence, and those where it may."""

from __future__ import annotations

from typing import Final

NEVER_LAST: Final = frozenset(
    ["mr", "mrs", "ms", "mx", "dr", "st", "prof", "messrs", "mme", "mlle", "rev", "hon", "capt", "lt", "col", "gen", "sgt", "cmdr", "maj", "gov", "sen", "rep", "pres", "vs", "fig", "vol", "no", "nos", "pp", "ed", "eds", "cf", "viz", "e.g", "i.e", "mt", "ft", "hrsg", "bzw", "z.b", "d.h", "hr", "fr", "nr", "ca", "sra", "srta", "sr", "dña", "т.е", "т.к", "т.н", "им", "ул", "пр", "просп", "бул", "пер", "пл", "г-н", "г-жа", "гг", "проф", "акад", "доц", "ред", "рис", "илл", "см", "ср", "напр", "св", "преп", "оз", "р-н", "тел", "ген", "полк", "кап", "лейт"]
)
"""Something always follows: titles, "that is", "street"."""
MAYBE_LAST: Final = frozenset(
    ["etc", "jr", "sr", "inc", "ltd", "co", "corp", "dept", "est", "approx", "a.m", "p.m", "b.c", "a.d", "u.s", "u.k", "u.s.a", "m.d", "ph.d", "al", "min", "max", "sec", "hrs", "hr", "oz", "lb", "lbs", "usw", "т.д", "т.п", "др", "пр", "г", "в", "руб", "коп", "тыс", "млн", "млрд", "н.э", "до.н.э", "мин", "сек", "час", "стр", "кг", "км", "см", "мм"]
)
"""They end a sentence if the next word begins one."""
