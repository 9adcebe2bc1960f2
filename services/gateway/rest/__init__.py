"""The REST interface of the house."""
