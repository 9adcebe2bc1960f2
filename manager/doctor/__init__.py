"""`souffleur doctor`: looks at everything a turn needs and says how to get what is missing."""
