"""Model files: what there is, what is here, and fetching it."""
