"""Speaking: sentences to voice."""
