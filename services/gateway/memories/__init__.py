"""What characters remember, for the director to review."""
