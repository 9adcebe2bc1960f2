"""The roleplay service, piece by piece."""
