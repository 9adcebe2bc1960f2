"""What people call each other for short: names of one group stand for each other. Folded: no accents, й is и, ё is е.

Short names that are everyday words ("will", "rob", "sue") are left out: they would call a character in the middle of table talk.
"""

from __future__ import annotations

from functools import cache
from typing import Final

_GROUPS: Final = """
александр александра саша шура саня сашка
алексеи леша алеша лешка
анастасия настя ася настена
андреи андрюша
анна аня анечка нюра анюта
антон тоша антоша
борис боря
валентин валентина валя
василии вася васька
виктор виктория витя вика
владимир вова володя
галина галя
георгии гоша жора
григории гриша
дарья даша
дмитрии дима митя
евгении евгения женя
екатерина катя катюша катерина
елена лена алена
елизавета лиза
иван ваня ванька
игорь гоша игорек
ирина ира
константин костя
ксения ксюша
людмила люда
любовь люба
мария маша маруся марья
михаил миша мишка
надежда надя
наталья наташа
николаи коля
ольга оля
павел паша
петр петя петька
светлана света
сергеи сережа
софия софья соня
степан степа
татьяна таня
федор федя
юрии юра
яков яша
abigail abby
alexander alex xander
andrew andy
anthony tony
barbara barb babs
benjamin ben benny
catherine katherine kate cathy kathy kitty
charles charlie chuck
christopher chris
daniel dan danny
david dave davy
dorothy dolly
edward ed eddie ned ted teddy
eleanor ellie nell nora
elizabeth liz lizzie beth betty bess eliza
frances fanny fran
francis frank
frederick fred freddie
george georgie
gregory greg
harold harry hal
henry harry hank hal
isabella isabel bella izzy
jacob jake
james jim jimmy jamie
jennifer jen jenny
john jack johnny
jonathan jon jonny
joseph joe joey
joshua josh
lawrence larry
leonard leo len lenny
margaret maggie meg peggy greta
martha marty patty
matthew matt matty
michael mike mick mickey
nathaniel nate nathan
nicholas nick nicky
patrick paddy
peter pete
philip phil
rebecca becky becca
richard rick dick richie
robert bob bobby robin bert
samuel sam sammy
stephen steven steve
susan susie
theodore ted theo teddy
theresa tess tessa terry
thomas tom tommy
timothy tim timmy
victoria vicky tori
walter walt wally
william bill billy willy liam
zachary zach zack
"""


@cache
def _table() -> dict[str, frozenset[str]]:
    table: dict[str, frozenset[str]] = {}
    for line in _GROUPS.split("\n"):
        names = frozenset(line.split())
        for name in names:
            table[name] = table.get(name, frozenset()) | names
    return table


def said_for(name: str) -> frozenset[str]:
    """Other names of somebody who is called this."""
    return _table().get(name, frozenset()) - {name}
