"""The log in the desk: searchable pages, and live."""
