"""Voices cloned with consent, for the director to add and forget."""
