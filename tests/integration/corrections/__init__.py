"""Corrections from the click to the fact, over every bus."""
