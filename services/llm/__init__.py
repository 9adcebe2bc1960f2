"""Roleplay: from a character's view to spoken sentences."""
