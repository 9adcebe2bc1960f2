"""Corrections at the gateway."""
