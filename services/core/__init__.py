"""The shared floor; knows no service."""
