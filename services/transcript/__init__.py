"""The transcript: the log of facts, its view, its screenplay and its archive."""
