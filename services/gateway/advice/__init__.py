"""Digests and advice by the director's wish, and what happened before."""
