"""Faults on a running program under load, and what must hold of every session afterwards."""
