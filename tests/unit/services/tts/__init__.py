"""The voice service, room by room."""
