"""The edge: everything outsiders speak to."""
