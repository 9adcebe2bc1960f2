"""Revisions of the archive, run when it is opened."""
