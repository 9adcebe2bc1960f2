"""`souffleur screenplay`: a session's document in a terminal, and in any editor."""
