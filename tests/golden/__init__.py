"""Recorded sessions of every format that was ever written, and what they have always amounted to."""
