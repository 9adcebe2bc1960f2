"""Takes the director's corrections from the bus to the session's owner."""
