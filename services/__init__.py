"""Souffleur's services and the floor they stand on."""
