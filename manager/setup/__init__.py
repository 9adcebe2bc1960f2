"""Setting the project up on a fresh machine; stands on the standard library alone."""
