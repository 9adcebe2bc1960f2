"""Waiting for a core, and what follows for deployments."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from bench import document
from bench.capacity.__main__ import PAGE, PARTS
from bench.capacity.costs import COUNTED, Cost, Costs, Measurements, costs_of
from bench.capacity.length import Length, length_of
from bench.capacity.measuring import Crowd, Seen, silero_share
from bench.capacity.page import costs_part, full_part, length_part, sizes_part, turns_part
from bench.capacity.queueing import Station, most_tables, waits_ms
from bench.capacity.sizing import Assumed, demand, deployed, facts_of, per_core, rooms
from bench.load import Measured
from bench.use import STORE


def test_alone_nobody_waits() -> None:
    """One table meets itself only."""
    assert max(waits_ms(Station(cores=1, turn_ms=50), 1, 5.0, 500, 1)) == 0.0


def test_a_full_core_makes_turns_wait_and_another_one_helps() -> None:
    """The same tables on two cores wait less; on a core that steady work has filled they never come to an end."""
    one, two = (sum(waits_ms(Station(cores=cores, turn_ms=100), 60, 5.0, 4_000, 1)) for cores in (1, 2))
    assert one > 10 * two > 0
    assert math.isinf(waits_ms(Station(cores=1, turn_ms=1, steady=0.1), 10, 5.0, 10, 1)[0])


def test_a_queue_waits_as_theory_says() -> None:
    """Many tables at half load are nearly Poisson: the mean wait of M/G/1 by Pollaczek and Khinchine, times uniform on 0.5 to 1.5 of the mean."""
    turn_s, tables = 0.1, 500
    pause_s = tables * turn_s / 0.5
    waits = waits_ms(Station(cores=1, turn_ms=1000 * turn_s), tables, pause_s, 60_000, 3)
    expected = 0.5 * turn_s * (1 + 1 / 12) / (2 * (1 - 0.5))
    assert sum(waits) / len(waits) / 1000 == pytest.approx(expected, rel=0.1)


def test_more_tables_fit_where_turns_are_cheaper() -> None:
    """And none where a single turn is beyond the limit by itself."""
    counts = [most_tables(Station(cores=1, turn_ms=turn_ms), 12.0, 100.0, turns=4_000) for turn_ms in (5, 20, 80)]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] > 0


SECONDS, TURN_S = 30.0, 3.0
TRUE = Cost(table_share=0.001, microphone_share=0.002, cpu_ms_per_turn=40.0, listener_ms=5.0, correction_ms=8.0, base_mb=100.0, table_mb=0.5, listener_mb=0.2)


def seen(crowd: Crowd, cost: Cost = TRUE, *, rest: float = 0.01, turns: int | None = None) -> Seen:
    """What would be measured if every service cost just that."""
    count = crowd.tables * int(SECONDS / TURN_S) if crowd.talks else 0
    corrections = int(crowd.corrections_per_s * SECONDS)
    each_ms = cost.cpu_ms_per_turn + (crowd.people - 1) * cost.listener_ms
    cores = crowd.tables * (cost.table_share + (crowd.people * cost.microphone_share if crowd.microphones else 0))
    used_s = (rest + cores) * SECONDS + (count * each_ms + corrections * cost.correction_ms) / 1000
    grown_mb = crowd.tables * (cost.table_mb + (crowd.people - 1) * cost.listener_mb)
    run = Measured(
        turns=[(90.0, 0.0)] * (count if turns is None else turns),
        missing=0 if turns is None else count - turns,
        interruptions=[],
        lateness=[],
        appends=[],
        cpu_percent=50.0,
        redis_percent=0.0,
        others_percent=0.0,
        rss_mb=0.0,
        seconds=SECONDS,
        services=dict.fromkeys(COUNTED, (used_s, cost.base_mb + grown_mb)),
        facts=7 * count,
        corrections=corrections,
    )
    return Seen(crowd, dict.fromkeys(COUNTED, rest), dict.fromkeys(COUNTED, cost.base_mb), run)


def measurements() -> Measurements:
    """Of twenty tables."""
    talking = Crowd(tables=20)
    closed = replace(talking, talks=False, microphones=False)
    return Measurements(
        connected=seen(closed),
        silent=seen(replace(talking, talks=False)),
        talking=seen(talking),
        heard=seen(replace(talking, people=3)),
        corrected=seen(replace(closed, corrections_per_s=10.0)),
        silero=0.035,
    )


LENGTH = Length(facts=10_000, turn=1.5, append=1.29, join=1.33, program_kb=4.0, store_kb=0.5)


def some(store_ms: float = 4.0) -> Costs:
    """A gateway, a model's service and a store."""
    services = {
        "gateway": Cost(microphone_share=0.002, cpu_ms_per_turn=40.0, base_mb=180.0, table_mb=0.4),
        "llm": Cost(cpu_ms_per_turn=10.0, base_mb=130.0, table_mb=0.1),
        STORE: Cost(cpu_ms_per_turn=store_ms, base_mb=13.0, table_mb=0.1),
    }
    return Costs(services=services, facts_per_turn=7.0, silero=0.035, program_kb=0.0, store_kb=0.0)


def with_summarizer() -> Costs:
    """The same, and somebody who follows the tables."""
    return replace(some(), services={**some().services, "summarizer": Cost(cpu_ms_per_turn=1.0, base_mb=120.0)})


def test_every_cost_is_told_apart() -> None:
    """A program that costs just so much for each thing is found out, whatever it uses at rest."""
    found = costs_of(measurements(), LENGTH)
    for cost in found.services.values():
        for name in Cost.__slots__:
            assert getattr(cost, name) == pytest.approx(getattr(TRUE, name)), name
    assert found.facts_per_turn == pytest.approx(7.0)
    assert (found.program_kb, found.store_kb) == (4.0, 0.5)


def test_an_unanswered_turn_costs_as_well() -> None:
    """It counts among the turns that share the bill."""
    with_missing = replace(measurements(), talking=seen(Crowd(tables=20), turns=150))
    assert costs_of(with_missing, LENGTH).services["stage"].cpu_ms_per_turn == pytest.approx(TRUE.cpu_ms_per_turn)


def test_a_table_is_charged_for_its_microphones_all_the_time() -> None:
    """At a pause of 12 s and 5 s of speech a turn comes every 17 s; three microphones are open in all of them."""
    assumed = Assumed()
    assert demand(TRUE, assumed) == pytest.approx(0.001 + 3 * 0.002 + (40 + 2 * 5 + 0.1 * 8) / 1000 / 17)


def test_one_core_and_a_deployment_have_the_same_cycle() -> None:
    """Speech that lasts longer leaves a core more tables, as it leaves a deployment fewer cores."""
    alone = replace(some(), services={"gateway": Cost(), "llm": some().services["llm"]})
    usual, slower = (per_core(alone, Assumed(speech_s=speech_s))["llm"] for speech_s in (5.0, 22.0))
    assert slower / usual == pytest.approx(2.0, rel=0.05)


def test_a_deployment_grows_with_its_tables() -> None:
    """Whatever is counted in machines is rounded up; the dear service needs most."""
    few, many = (deployed(some(), tables, Assumed()) for tables in (100, 1_000_000))
    assert few.nodes == few.shards == few.shard_nodes == few.databases == 1
    assert many.cores["gateway"] == pytest.approx(10_000 * few.cores["gateway"])
    assert many.nodes > 100
    assert many.dollars_per_hour == pytest.approx(sum(many.bill.values()))
    fits = per_core(some(), Assumed())
    assert fits["gateway, with Silero"] < fits["gateway"] < fits["llm"]


def test_a_store_has_shards_for_its_processor_as_well_as_for_its_disk() -> None:
    """Commands run on one core of each: where they take more than the disks do, that decides; machines follow."""
    light, heavy = (deployed(some(store_ms), 1_000_000, Assumed()) for store_ms in (0.01, 40.0))
    facts = 1_000_000 / 17 * 7.1
    assert light.shards == math.ceil(facts / (12_900 * 0.6))
    assert heavy.shards == math.ceil(1_000_000 / 17 * 0.040 / 0.6)
    assert heavy.shard_nodes == math.ceil(heavy.shards / 4)
    assert heavy.bill["stores and brokers"] > light.bill["stores and brokers"]


def test_what_is_full_first_stands_first() -> None:
    """A core by its share, a disk by its appends; nothing is asked of it: it never is."""
    found = rooms(some(), Assumed())
    assert [room.tables for room in found] == sorted(room.tables for room in found)
    by_name = {room.station: room.tables for room in found}
    assert by_name["one gateway"] == pytest.approx(0.6 / (3 * 0.002 + 0.040 / 17))
    assert by_name["one gateway, with Silero"] == pytest.approx(0.6 / (3 * 0.037 + 0.040 / 17))
    assert by_name["one Redis, its disk"] == pytest.approx(12_900 * 0.6 * 17 / 7.1)
    assert by_name["one GPU, voices"] == pytest.approx(15 * 0.6 * 17 / 5)
    idle = rooms(replace(some(), services={**some().services, "manager": Cost()}), Assumed())
    assert idle[-1].station == "one manager"
    assert "never" in full_part(replace(some(), services={**some().services, "manager": Cost()}), Assumed())


def test_a_table_that_has_played_for_hours_takes_room_for_its_transcript() -> None:
    """In the program all of it; in the store no more than the archiver leaves there."""
    once = replace(some(), program_kb=4.0, store_kb=0.5)
    facts = facts_of(once, Assumed())
    assert facts == pytest.approx(3 * 3600 / 17 * 7.1)
    short, long, longest = (deployed(once, 10_000, Assumed(hours=hours)) for hours in (3.0, 6.0, 60.0))
    assert long.store_gb - short.store_gb == pytest.approx(10_000 * facts * 0.5 / 1e6)
    assert long.memory_gb - short.memory_gb == pytest.approx(10_000 * facts * 4.5 / 1e6)
    assert longest.store_gb - short.store_gb == pytest.approx(10_000 * (20_000 - facts) * 0.5 / 1e6)
    assert longest.nodes > short.nodes


def test_a_summarizer_is_full_with_what_it_follows() -> None:
    """Its core could do more: by sessions where they are short, by facts where they are long; all of one archive share the sessions."""
    by_length = {hours: {room.station: room for room in rooms(with_summarizer(), Assumed(hours=hours))} for hours in (0.1, 3.0)}
    assert by_length[0.1]["one summarizer"].tables == 500
    assert by_length[0.1]["one summarizer"].full_at == "500 sessions followed"
    assert by_length[3.0]["one summarizer"].tables == pytest.approx(500_000 / (3 * 3600 / 17 * 7.1))
    assert by_length[3.0]["one summarizer"].full_at == "500,000 facts followed"
    assert by_length[3.0]["all summarizers of one archive"].tables == 500
    assert per_core(with_summarizer(), Assumed(hours=0.1))["summarizer"] == 500
    dear = replace(some(), services={**some().services, "summarizer": Cost(cpu_ms_per_turn=1000.0)})
    assert next(room for room in rooms(dear, Assumed()) if room.station == "one summarizer").full_at == "60 % of a core"


def test_an_archive_has_no_more_tables_than_are_followed() -> None:
    """Each is an installation's, with a process of every service; several lie in one PostgreSQL, as far as its rows go."""
    one, many = (deployed(with_summarizer(), tables, Assumed(hours=0.1)) for tables in (500, 10_000))
    assert (one.archives, many.archives) == (1, 20)
    assert (one.databases, many.databases) == (1, 1)
    longer = deployed(with_summarizer(), 500, Assumed())
    assert longer.memory_gb - one.memory_gb == pytest.approx(4 * 0.120), "five summarizers"


def test_the_bill_is_shared_out() -> None:
    """Whose money it is stands in the table, with the heavier detector as well."""
    text = sizes_part(some(), Assumed())
    rows = {cells[0].strip(): cells[1:] for line in text.splitlines() if (cells := line.strip("| ").split("|"))}
    shares = [float(rows[f"% of the bill: {part}"][-1]) for part in ("our own nodes", "stores and brokers", "model servers")]
    assert sum(shares) == pytest.approx(100.0, abs=0.2)
    assert float(rows["with Silero, % of the bill: our own nodes"][-1]) > shares[0]


def test_crowds_stand_beside_each_other() -> None:
    """All services together, and the dearest of them."""
    found = measurements()
    text = turns_part([found.talking, found.heard], costs_of(found, LENGTH))
    cells = [[cell.strip() for cell in line.strip("| ").split("|")] for line in text.splitlines()[2:]]
    everything = len(COUNTED) * TRUE.cpu_ms_per_turn
    assert [line[:6] for line in cells] == [["20", "1", "1", "200", "0", f"{everything:.0f}"], ["20", "1", "3", "200", "0", f"{everything * 50 / 40:.0f}"]]
    assert f"Facts a turn: {7:.1f}" in costs_part(costs_of(found, LENGTH))


def test_the_length_of_a_transcript_is_quoted() -> None:
    """From the page of the benchmarks, as it stands; a page without the table, or with one that has no memory, says so."""
    page = """<!-- growth: generated -->
| facts         | typed turn, ms | append | join | program, MB | store, MB |
| ------------- | -------------- | ------ | ---- | ----------- | --------- |
| 1 to 1000     | 20.0           | 7.0    | 7.0  | 200.0       | 2.0       |
| 1001 to 2000  | 20.0           | 7.0    | 7.0  | 203.0       | 2.2       |
| 9001 to 10000 | 30.0           | 9.0    | 9.3  | 236.0       | 6.5       |
| last / first  | 1.50           | 1.29   | 1.33 |             |           |
<!-- /growth -->"""
    assert length_of(page) == LENGTH
    times, memory = length_part(LENGTH).split(". ")
    assert times.endswith("of 10,000 a typed turn takes 1.50 times as long, an append 1.29 times, and joining behind the last fact 1.33 times")
    assert memory == "Each fact behind the first thousand takes 4.0 KB in the program and 0.50 KB in its store."
    without = "\n".join(line.rsplit("|", 3)[0] + "|" if line.startswith("|") else line for line in page.splitlines())
    for broken in (page.replace("last / first", "mean"), page.replace("1.29", ""), without, page.replace("1001 to 2000", "").replace("9001 to 10000", "")):
        with pytest.raises(ValueError, match="growth"):
            length_of(broken)
    assert length_part(length_of(document.PATH.read_text(encoding="utf-8")))


def test_the_page_has_a_place_for_every_part() -> None:
    """`python -m bench.capacity` can write all of its results."""
    text = PAGE.read_text(encoding="utf-8")
    for part in PARTS:
        assert document.replaced(text, part, "new").count("new\n\n<!-- /") == 1


def test_the_detector_by_a_model_is_timed() -> None:
    """Its windows follow each other without a gap, as those of an open microphone."""
    assert 0.0 < silero_share(5) < 5.0
