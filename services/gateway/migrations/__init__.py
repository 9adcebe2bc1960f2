"""Migrations of the application database."""
