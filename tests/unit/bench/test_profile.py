"""Samples of stacks, summed up."""

from __future__ import annotations

from bench.profile import by_function, by_room, functions_table, rooms_table, samples

_LOOP = "thread (7): MainThread;main (manager/cli.py:22);up (manager/up.py:48);run_loop (services/core/loop.py:19);Runner.run (asyncio/runners.py:118)"
_RAW = f"""{_LOOP};Writer.run (services/stage/writer.py:133);TranscriptLog.append (services/transcript/log.py:137);dumps (json/__init__.py:9) 4
{_LOOP};call (services/core/rpc/status.py:154);send (/home/x y/.venv/lib/python3.11/site-packages/grpc/aio/_call.py:794) 3
{_LOOP};Connection.read (redis/asyncio/connection.py:1) 2
{_LOOP} 5
thread (9): Thread-3;Thread._bootstrap (threading.py:1002);work (aiosqlite/core.py:66) 1
thread (8): log;Writer._run (services/core/logstore/writer.py:75) 6
"""


def test_time_belongs_to_the_innermost_room_that_is_ours() -> None:
    """What a library does without us is its own."""
    rooms = by_room(samples(_RAW))
    assert rooms == {
        "transcript": 4,
        "core/rpc": 3,
        "redis, by itself": 2,
        "the event loop, and system calls from it": 5,
        "threads: aiosqlite, by itself": 1,
        "threads: core/logstore": 6,
    }


def test_functions_are_named_with_their_files() -> None:
    """The loop's own function is nobody's."""
    functions = by_function(samples(_RAW))
    assert functions["`transcript/log.py` TranscriptLog.append"] == 4
    assert functions["`core/logstore/writer.py` Writer._run"] == 6
    assert functions[""] == 8


def test_profiles_stand_beside_each_other() -> None:
    """Room by room and function by function, each in percent of its own samples."""
    one, other = samples(_RAW), samples(_RAW.splitlines()[0])
    rooms = [[cell.strip() for cell in line.strip("| ").split("|")] for line in rooms_table([one, other], ["% at 1", "% at 2"]).splitlines()]
    assert rooms[0] == ["where", "% at 1", "% at 2"]
    assert ["transcript", "19.0", "100"] in rooms
    functions = [[cell.strip() for cell in line.strip("| ").split("|")] for line in functions_table([one, other], ["% at 1", "% at 2"]).splitlines()]
    assert ["`core/logstore/writer.py` Writer._run", "28.6", "0.0"] in functions
    assert all(line[0] for line in functions)
