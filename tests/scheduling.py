"""Which tests run on the same worker: those that share something which takes seconds to start."""

from __future__ import annotations

from typing import Final

from xdist.scheduler import LoadScopeScheduling

_TOGETHER: Final = {
    "rabbitmq": ("[amqp",),
    "postgresql": ("[postgresql",),
    "recognition": ("tests/contract/test_stt_engines.py::",),
    "voices": ("tests/contract/test_tts_engines.py::",),
}
"""What stands in the ids of the tests of each group. (Groups by mark, `xdist_group`, need ids that pytest 9 does not let anybody change.)"""


class SharedServers(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Every test by itself, but for these groups, which begin first."""

    def _split_scope(self, nodeid: str) -> str:
        return next((group for group, marks in _TOGETHER.items() if any(mark in nodeid for mark in marks)), nodeid)
