"""The OpenAI HTTP interface: every character is a model."""
