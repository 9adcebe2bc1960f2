"""What a director asks for comes to be a fact, once, and the desk knows what became of it."""

from __future__ import annotations

from tests.integration.corrections.house import House


async def test_an_edit_becomes_a_fact_and_the_desk_knows_its_seq(house: House) -> None:
    """The thin path: REST, outbox, bus, owner, row."""
    sid = await house.session()
    said = await house.heard(sid, "Good evening, Mirella.")

    accepted = await house.correct(sid, kind="edit", target=said, text="Good evening, Mirelle.")
    assert accepted["state"] == "pending"
    row = await house.ended(sid, accepted["id"])

    (fact,) = await house.facts(sid, "corrected")
    assert (row["state"], row["seq"]) == ("applied", fact["seq"])
    assert fact["body"]["text"] == "Good evening, Mirelle."
    assert fact["by"]["role"] == "director"
