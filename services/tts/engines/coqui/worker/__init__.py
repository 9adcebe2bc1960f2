"""Runs in the environment of `make coqui`: coqui-tts, torch and the standard library, nothing of ours but its own files."""
