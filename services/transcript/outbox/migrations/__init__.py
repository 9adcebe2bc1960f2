"""How an outbox of an older version becomes the one of `tables`."""
