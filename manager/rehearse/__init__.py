"""Rehearsal: a recorded session's player lines once more, without players, to see what another model, card or note would have made of them."""
