"""A series of runs: it goes on where it stopped, takes nobody else's runs for its own, and fails where a promise was broken."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.chaos import run as running
from tests.chaos.__main__ import main
from tests.chaos.lateness import Lateness, measured
from tests.chaos.report import Report
from tests.chaos.run import ended, run
from tests.chaos.series import Series, commit_of
from tests.waiting import until_at_last

FAULTS = ["stage killed", "gateway killed"]


def _report(seed: int, **fields: object) -> Report:
    known = {"faults": FAULTS, "recovered_s": dict.fromkeys(FAULTS, 0.5), "machine_late_s": dict.fromkeys(FAULTS, 0.25), "crowd": dict.fromkeys(FAULTS, 5.5)}
    return Report(seed, **(known | fields))  # type: ignore[arg-type] # fields of the report by their names


def _series(out: Path, commit: str = "aaaaaaa", faults: Sequence[str] = FAULTS) -> Series:
    return Series(faults=faults, commit=commit, out=out)


def test_runs_of_another_commit_or_of_other_faults_are_not_done(tmp_path: Path) -> None:
    """The same seed says nothing: another program was tried, or something else was done to it."""
    out = tmp_path / "out.jsonl"
    _series(out, commit="bbbbbbb").keep(_report(1))
    _series(out).keep(_report(2, faults=FAULTS[:1]))
    _series(out).keep(_report(3, faults=FAULTS[::-1]))
    assert [report.seed for report in _series(out).reports()] == [3]
    assert _series(out).kept([3])
    assert not _series(out).kept([1, 2, 3])
    assert "1 runs" in _series(out).table()


def test_clients_are_to_be_back_soon(tmp_path: Path) -> None:
    """One in a hundred may take longer; two may not."""
    back = [0.3] * 99
    for slow, kept in ((1, True), (2, False)):
        out = tmp_path / f"{slow}.jsonl"
        _series(out).keep(_report(1, resumed_s=[*back, *back[: 100 - slow], *[2.5] * slow]))
        assert _series(out).kept([1]) is kept
    assert "A client came back 199 times: after 0.30 s (p50)" in _series(tmp_path / "1.jsonl").table()


def test_a_changed_program_is_another_commit(tmp_path: Path) -> None:
    """What was tried before the change says nothing of it; a page that was written meanwhile changes nothing."""
    for name in ("program.py", "page.md"):
        (tmp_path / name).write_text("one\n")
    git = ("git", "-C", str(tmp_path), "-c", "user.name=T", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false")
    for arguments in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "One")):
        subprocess.run([*git, *arguments], check=True, timeout=30)
    clean = commit_of(tmp_path)
    (tmp_path / "page.md").write_text("two\n")
    assert commit_of(tmp_path) == clean
    (tmp_path / "program.py").write_text("two\n")
    changed = commit_of(tmp_path)
    assert changed.startswith(f"{clean}+")
    (tmp_path / "program.py").write_text("three\n")
    assert commit_of(tmp_path) not in {clean, changed}


def test_a_late_recovery_breaks_a_promise(tmp_path: Path) -> None:
    """It is counted and named, with what the machine had to do with it."""
    series = _series(tmp_path / "out.jsonl")
    series.keep(_report(1))
    series.keep(_report(2, recovered_s={"stage killed": 24.4, "gateway killed": 9.9}))
    assert series.kept([1]) is False
    assert "late recoveries, past the promised 10 s: 1 of 4" in series.table()
    assert "- seed 2: stage killed: an answer after 24.4 s; timers were up to 0.25 s late, and 5.5 tasks for each core" in series.table()
    assert "broken promises: 0" in series.table()


def test_the_exit_status_is_the_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of all runs, those that were done before as well; a second series does only what is missing."""
    out, asked = tmp_path / "out.jsonl", []

    def series(seeds: int, took_s: float) -> int:
        async def work(seed: int, faults: Sequence[str], _folder: Path) -> Report:
            asked.append(seed)
            return _report(seed, faults=list(faults), recovered_s=dict.fromkeys(faults, took_s))

        return main(["--seeds", str(seeds), "--faults", ",".join(FAULTS), "--out", str(out)], work)

    assert series(2, 0.5) == 0
    assert series(3, 10.1) == 1
    assert series(3, 0.5) == 1
    assert asked == [1, 2, 3]
    assert "seed 3: stage killed: an answer after 10.1 s" in capsys.readouterr().out


def test_a_series_without_what_it_needs_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A test is skipped then; a series has nothing to show, and says what to do."""

    async def work(_seed: int, _faults: Sequence[str], _folder: Path) -> Report:
        pytest.skip("RabbitMQ is not installed")

    # What skips a test must not skip this one.
    with pytest.raises((SystemExit, pytest.skip.Exception)) as ended:
        main(["--seeds", "1", "--faults", ",".join(FAULTS), "--out", str(tmp_path / "out.jsonl")], work)
    assert isinstance(ended.value, SystemExit)
    assert ended.value.code == 2
    assert "error: RabbitMQ is not installed; --faults names those to try without it" in capsys.readouterr().err


async def test_whoever_is_never_acknowledged_is_named() -> None:
    """A writer who waits for ever is a result, and does not keep the others waiting."""
    forever = [asyncio.create_task(asyncio.Event().wait(), name=name) for name in ("bob", "ann")]
    at_once = asyncio.create_task(asyncio.sleep(0), name="director")
    with pytest.raises(AssertionError, match="never acknowledged: the last words of ann, bob"):
        await ended([*forever, at_once], 0.1)  # type: ignore[list-item] # what they return is nobody's business
    for task in forever:
        task.cancel()


@pytest.mark.parametrize("error", [AssertionError("rest never came"), TimeoutError(), RuntimeError("not ready")], ids=lambda error: type(error).__name__)
async def test_a_run_that_breaks_off_is_a_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """It says how far it came, and the series goes on."""

    async def session(report: Report, *_: object) -> None:
        report.recovered_s[report.faults[0]] = 1.0
        raise error

    monkeypatch.setattr(running, "_session", session)
    report = await run(7, FAULTS, tmp_path)
    assert report.violations == [f"broken off behind {report.faults[0]}: {type(error).__name__}: {error}"]
    assert sorted(report.faults) == sorted(FAULTS)


def test_a_busy_machine_is_seen() -> None:
    """The yardstick measures what it is there for: a timer that comes too late, and tasks that want a core."""
    lateness = Lateness()
    for moment, due, crowd in ((1.0, 0.9, 9.0), (2.0, 1.25, 4.0), (3.0, 3.0, 1.0)):
        lateness.note(moment, due, crowd)
    assert (lateness.longest_s(0.0), lateness.longest_s(2.5)) == (0.75, 0.0)
    assert (lateness.crowd(1.5), lateness.crowd(4.0)) == (2.5, 0.0)


def test_the_machine_is_watched() -> None:
    """While it lasts."""
    with measured() as lateness:
        # Whoever reads what runs, runs.
        until_at_last(lambda: lateness.crowd(0.0) > 0)
