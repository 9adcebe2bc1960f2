"""What a table costs each service, how turns queue for a core, and what that makes of many tables."""
