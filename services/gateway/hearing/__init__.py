"""Hearing at the edge: from a connection's audio to onsets, pauses and one recognition call per utterance."""
