"""The vocabulary: frozen values, no input or output."""
