"""Condenses the heard transcript and asks a stronger model for advice; always behind the play."""
