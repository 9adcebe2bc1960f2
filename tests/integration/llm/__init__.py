"""The roleplay service against real servers."""
